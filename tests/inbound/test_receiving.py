from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.editing import delete_contacts
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.events.kinds import EventKind
from dynamail.events.models import Event
from dynamail.inbound.addressing import Owner, find_owner
from dynamail.inbound.models import ReceivedMessage
from dynamail.inbound.reply_addresses import make_reply_address, read_reply_address
from dynamail.inbound.retention import erase_received, forget_old_messages
from dynamail.lib.ids import new_id
from tests.inbound.letters import LETTER, take, with_header
from tests.support.dns_server import DnsServer
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.single_mail import Copy, add_email

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dns")]


def events_of(account: Account) -> list[tuple[str, UUID | None, dict[str, Any]]]:
    rows = (
        Event.objects.for_account(account).filter(kind__startswith="message.re").order_by("kind")
    )  # of one moment
    return [(row.kind, row.message_id, row.data) for row in rows]


def test_a_letter_is_kept_and_told(account: Account) -> None:
    row = take(account.pk)
    kept = ReceivedMessage.objects.for_account(account).get()
    assert kept.id == row.id
    assert (kept.from_email, kept.from_name, kept.subject) == ("jurg@example.com", "Jürg", "Заказ")
    assert (kept.header_id, kept.size_bytes, bytes(kept.raw)) == ("m1@example.com", len(LETTER), LETTER)
    assert kept.attachments == [{"filename": "bill.pdf", "content_type": "application/pdf", "size": 4}]
    ((kind, message_id, data),) = events_of(account)
    assert (kind, message_id, data["id"], data["from"]) == (
        "message.received",
        None,
        row.public_id,
        "jurg@example.com",
    )


def test_the_same_letter_again_is_kept_once(account: Account) -> None:
    assert take(account.pk).id == take(account.pk).id
    assert len(events_of(account)) == 1


def test_an_answer_names_the_message_and_the_copy_of_who_answers(account: Account) -> None:
    email = add_email(account.pk, Copy("ann@example.com"), Copy("JURG@example.com"), at=NOW)
    answer = with_header(f"In-Reply-To: <{email.id.hex}@localhost.localdomain>")
    row = take(account.pk, answer)
    assert row.email_id == email.id
    assert str(row.message_id) == email.recipients[1]["id"]
    assert [kind for kind, _id, _data in events_of(account)] == ["message.received", "message.replied"]
    assert events_of(account)[1][1] == row.message_id


def test_a_message_id_of_the_sender_is_found_by_references(account: Account) -> None:
    email = add_email(account.pk, Copy("jurg@example.com"), at=NOW, header_id="own-17@acme.example")
    row = take(account.pk, with_header("References: <x@y.example>\r\n <own-17@acme.example>"))
    assert row.message_id == email.id


def test_the_message_of_another_account_is_no_answer(account: Account, other_account: Account) -> None:
    email = add_email(other_account.pk, Copy("jurg@example.com"), at=NOW)
    row = take(account.pk, with_header(f"In-Reply-To: <{email.id.hex}@localhost.localdomain>"))
    assert row.message_id is None


@pytest.mark.parametrize(
    "line", ["Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes", "Return-Path: <>"]
)
def test_a_machine_does_not_reply(account: Account, line: str) -> None:
    email = add_email(account.pk, Copy("jurg@example.com"), at=NOW)
    raw = with_header(f"In-Reply-To: <{email.id.hex}@localhost.localdomain>\r\n{line}")
    assert take(account.pk, raw).is_auto_reply
    assert [kind for kind, _id, _data in events_of(account)] == ["message.received"]


def test_a_reply_address_names_its_message_and_no_other(account: Account) -> None:
    email = add_email(account.pk, Copy("ann@example.com"), at=NOW)
    address = make_reply_address(email.id)
    assert read_reply_address(address.upper()) == email.id
    owner = find_owner(address)
    assert owner == Owner(account.pk, email.id)
    assert take(account.pk, owner=owner).message_id == email.id
    assert find_owner(make_reply_address(new_id())) is None
    assert find_owner(address.replace("r+", "b+")) is None
    forged = address.replace(".", ".a", 1)
    assert find_owner(forged) is None


def test_the_contact_is_known_by_the_address(account: Account) -> None:
    contact = Contact.objects.add(
        account,
        id=new_id(),
        email="Jurg@example.com",
        email_key="jurg@example.com",
        created_at=NOW,
        updated_at=NOW,
    )
    assert take(account.pk).contact_id == contact.id


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header",
        b"\xff\0" * 50,
        b"From: <<>>\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 200,
    ],
)
def test_any_octets_are_kept(account: Account, raw: bytes) -> None:
    assert take(account.pk, raw).size_bytes == len(raw)


def test_contents_go_after_thirty_days_and_rows_after_thirteen_months(account: Account) -> None:
    from datetime import timedelta

    take(account.pk)
    assert forget_old_messages(now=NOW + timedelta(days=29)) == (0, 0)
    assert forget_old_messages(now=NOW + timedelta(days=31)) == (1, 0)
    kept = ReceivedMessage.objects.for_account(account).get()
    assert (kept.raw, kept.subject, kept.from_email) == (None, "", "jurg@example.com")
    assert forget_old_messages(now=NOW + timedelta(days=400)) == (0, 1)


def test_what_an_erased_person_wrote_goes_too(account: Account) -> None:
    contact = Contact.objects.add(
        account,
        id=new_id(),
        email="jurg@example.com",
        email_key="jurg@example.com",
        created_at=NOW,
        updated_at=NOW,
    )
    take(account.pk)
    assert erase_received() == 0
    Contact.objects.for_account(account).filter(id=contact.id).delete()
    assert erase_received() == 1


def test_letters_go_with_the_contact_and_the_log_keeps_that_they_came(
    account: Account, other_account: Account
) -> None:
    """Those before there was a contact, those of a contact that was merged away, and nobody else's."""
    take(account.pk, LETTER.replace(b"jurg@", b"Jurg@"))
    contact = make_contact(account, "jurg@example.com")
    old = make_contact(account, "old@example.com")
    for raw in (with_header("X-No: 2"), LETTER.replace(b"jurg@", b"old@"), LETTER.replace(b"jurg@", b"ann@")):
        take(account.pk, raw)
    take(account.pk, LETTER.replace(b"<jurg@example.com>", b"nobody"))
    take(other_account.pk)
    merge_contacts(account.pk, kept_id=contact.id, gone_id=old.id, by=None, now=NOW)
    with account_scope(account.pk):  # as the web's role
        delete_contacts(account.pk, [contact.id], by=None, now=NOW)
    left = ReceivedMessage.objects.for_account(account).values_list("from_key", flat=True)
    assert sorted(left) == ["", "ann@example.com"]
    assert ReceivedMessage.objects.for_account(other_account).count() == 1
    told = Event.objects.for_account(account).filter(kind=EventKind.MESSAGE_RECEIVED)
    assert sorted(one.data.get("from", "gone") for one in told) == [
        "",
        "ann@example.com",
        "gone",
        "gone",
        "gone",
    ]
    assert all(one.data["id"].startswith("rcv_") for one in told)
    assert sum("subject" in one.data for one in told) == 2


def test_verdicts_are_those_of_the_dns(account: Account, dns: DnsServer) -> None:
    dns.publish("example.com", "TXT", "v=spf1 ip4:203.0.113.9 -all")
    dns.publish("_dmarc.example.com", "TXT", "v=DMARC1; p=reject")
    good = take(account.pk, ip="203.0.113.9")
    assert (good.spf, good.dkim, good.dmarc) == ("pass", "none", "pass")
    bad = take(account.pk, LETTER + b"again\r\n", ip="203.0.113.10")
    assert (bad.spf, bad.dkim, bad.dmarc) == ("fail", "none", "fail")
