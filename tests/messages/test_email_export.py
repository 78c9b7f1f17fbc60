"""The log of single mail as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dynamail.accounts.models import Account
from dynamail.contacts.models import Contact, ContactAlias
from dynamail.events.log import record_event
from dynamail.lib.ids import new_id
from dynamail.messages import email_export
from dynamail.messages.email_export import export_emails
from dynamail.messages.email_log import EmailFilter
from tests.support.single_mail import WAITING, Copy, add_email

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def read(account: Account, *, now: datetime = LATER, **filters: Any) -> list[dict[str, str]]:
    text = "".join(export_emails(account.pk, EmailFilter(**filters), now=now))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def recipients(account: Account, **filters: Any) -> list[str]:
    return [row["Recipient"] for row in read(account, **filters)]


def test_each_copy_has_a_row_with_what_became_of_it(account: Account) -> None:
    outcome = {"reply": "=550 no such user", "smtp_code": 550, "attempts": 1, "bounce_class": "no_user"}
    email = add_email(
        account.pk,
        Copy("ann@m.example", name="Ann"),
        Copy("bob@m.example", "bounced", kind="cc", outcome=outcome),
        at=NOW,
        subject="Your order",
        tags=["a", "b"],
    )
    record_event(
        account.pk, "message.opened", now=NOW + timedelta(minutes=5), message_id=email.id, source_kind="api"
    )
    ann, bob = read(account)
    assert ann["Email"] == bob["Email"] == email.public_id
    assert (ann["Recipient"], ann["Name"], ann["Kind"], ann["State"]) == (
        "ann@m.example",
        "Ann",
        "to",
        "delivered",
    )
    assert (ann["Opened"], ann["Clicked"], bob["Opened"]) == ("2026-11-23T10:05:00+00:00", "", "")
    assert (bob["State"], bob["Code"], bob["Reply"]) == ("bounced", "550", "'=550 no such user")
    assert (ann["Subject"], ann["From"], ann["Tags"], ann["Test"]) == (
        "Your order",
        "hello@acme.example",
        "a, b",
        "",
    )


def test_the_filters_choose_emails_and_their_copies(account: Account, other_account: Account) -> None:
    both = add_email(account.pk, Copy("ann@m.example"), Copy("bob@m.example", "bounced"), at=NOW)
    add_email(account.pk, Copy("cid@m.example", WAITING), at=NOW + timedelta(minutes=1))
    add_email(other_account.pk, Copy("eve@m.example"), at=NOW)
    record_event(account.pk, "message.clicked", now=LATER, message_id=both.id, source_kind="api")
    assert recipients(account) == ["cid@m.example", "ann@m.example", "bob@m.example"]
    assert recipients(account, state="bounced") == ["bob@m.example"]
    assert recipients(account, recipient="ann") == ["ann@m.example"]
    assert recipients(account, reaction="clicked") == ["ann@m.example"]
    assert recipients(account, now=NOW + timedelta(seconds=1)) == ["ann@m.example", "bob@m.example"]
    assert recipients(account, state="expired") == []


def test_a_long_log_is_read_block_by_block(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email_export, "BLOCK", 2)
    for number in range(5):
        add_email(account.pk, Copy(f"p{number}@m.example"), at=NOW + timedelta(minutes=number))
    assert recipients(account) == [f"p{number}@m.example" for number in reversed(range(5))]


def test_who_is_restricted_is_left_out_also_under_an_old_address(account: Account) -> None:
    contact = Contact.objects.add(
        account,
        id=new_id(NOW),
        email="ann@m.example",
        email_key="ann@m.example",
        state="restricted",
        created_at=NOW,
        updated_at=NOW,
    )
    old: UUID = new_id(NOW)
    ContactAlias.objects.add(
        account,
        id=old,
        contact_id=contact.id,
        email="old@m.example",
        email_key="old@m.example",
        merged_at=NOW,
    )
    add_email(account.pk, Copy("Ann@m.example"), Copy("bob@m.example"), at=NOW)
    add_email(account.pk, Copy("OLD@m.example"), at=NOW)
    add_email(account.pk, Copy("third@m.example", outcome={"contact_id": old}), at=NOW)
    assert recipients(account) == ["bob@m.example"]
