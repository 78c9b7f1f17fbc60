from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.events.log import record_event
from dynamail.lib.ids import lowest_id, new_id, to_public_id
from dynamail.messages import email_log, email_reactions
from dynamail.messages.email_log import (
    EmailFilter,
    MailState,
    find_email,
    find_email_of_message,
    list_campaign_messages,
    list_emails,
)
from dynamail.messages.models import Message
from tests.support.single_mail import WAITING, Copy, add_email

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LATER = timedelta(days=900)  # after any clock that runs this

pytestmark = pytest.mark.django_db


def subjects(account: Account, limit: int = 50, **filters: object) -> list[str]:
    found = list_emails(account.pk, filters=EmailFilter(**filters), limit=limit)  # type: ignore[arg-type]
    return [line.subject for line in found]


def test_the_latest_comes_first_and_pages_follow_by_the_last_id(account: Account) -> None:
    for number in range(5):
        add_email(
            account.pk, Copy("ann@mail.example"), at=NOW + timedelta(minutes=number), subject=f"{number}"
        )
    first = list_emails(account.pk, filters=EmailFilter(), limit=2)
    assert [line.subject for line in first] == ["4", "3"]
    second = list_emails(account.pk, filters=EmailFilter(), before=first[-1].id, limit=9)
    assert [line.subject for line in second] == ["2", "1", "0"]


def test_another_accounts_mail_is_not_listed_and_not_found(account: Account, other_account: Account) -> None:
    email = add_email(account.pk, Copy("ann@mail.example"), at=NOW)
    assert list_emails(other_account.pk, filters=EmailFilter()) == []
    assert find_email(other_account.pk, email.id) is None


@pytest.mark.parametrize(
    ("copies", "state"),
    [
        ([Copy("a@m.example"), Copy("b@m.example", "bounced")], MailState.BOUNCED),
        ([Copy("a@m.example"), Copy("b@m.example", WAITING, attempts=2)], MailState.DEFERRED),
        ([Copy("a@m.example"), Copy("b@m.example", WAITING)], MailState.QUEUED),
        ([Copy("a@m.example", WAITING, run_at=NOW + LATER)], MailState.SCHEDULED),
        ([Copy("a@m.example"), Copy("b@m.example", "suppressed")], MailState.SUPPRESSED),
        ([Copy("a@m.example"), Copy("b@m.example", "canceled")], MailState.DELIVERED),
    ],
)
def test_an_email_has_the_state_that_asks_for_attention_and_is_found_by_it(
    account: Account, copies: list[Copy], state: MailState
) -> None:
    add_email(account.pk, *copies, at=NOW, subject="this")
    add_email(account.pk, Copy("other@m.example", "unknown"), at=NOW, subject="other")
    (line,) = [one for one in list_emails(account.pk, filters=EmailFilter()) if one.subject == "this"]
    assert line.state == state
    assert subjects(account, state=state) == ["this"]


def test_mail_is_found_by_recipient_waiting_or_ended(account: Account) -> None:
    add_email(account.pk, Copy("ann@mail.example"), at=NOW, subject="ended")
    add_email(account.pk, Copy("ann@mail.example", WAITING), at=NOW + timedelta(hours=1), subject="waits")
    add_email(account.pk, Copy("anna@mail.example"), at=NOW + timedelta(hours=2), subject="anna")
    add_email(account.pk, Copy("100%_@mail.example"), at=NOW, subject="odd")
    assert subjects(account, recipient="ann@mail.example") == ["waits", "ended"]
    assert subjects(account, recipient="ann") == ["anna", "waits", "ended"]
    assert subjects(account, recipient="100%_") == ["odd"]
    assert subjects(account, recipient="%") == []


def test_mail_is_found_by_recipient_in_any_spelling_of_case(account: Account) -> None:
    copies = [Copy("Ann.Lee@Mail.Example"), Copy("ann.lee@mail.example"), Copy("ANN@mail.example", WAITING)]
    for number, copy in enumerate(copies):
        add_email(account.pk, copy, at=NOW + timedelta(hours=number), subject=f"{number}", stream="receipts")
    add_email(account.pk, Copy("Bob@mail.example"), at=NOW, subject="bob")
    for asked in ("ann", "Ann", "ANN"):
        assert subjects(account, recipient=asked) == ["2", "1", "0"]
    for narrowed in ({}, {"stream": "receipts"}, {"state": "delivered"}):
        assert subjects(account, recipient="ann.LEE@mail.example", **narrowed) == ["1", "0"]
    assert subjects(account, recipient="BOB@") == ["bob"]


def test_the_beginning_of_an_address_is_found_by_an_index_under_row_level_security(account: Account) -> None:
    add_many_messages(account, 4000)
    with account_scope(account), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE dynamail_web")
        sources = email_log._list_ended(account.pk, EmailFilter(recipient="person12"))
        day = {"id__gte": lowest_id(NOW), "id__lt": lowest_id(NOW + timedelta(days=1))}
        plans = [rows.filter(**day).values("email_id").explain() for rows in sources]
        found = [rows.filter(**day).count() for rows in sources]
    assert found == [100, 11]  # 12, 120 to 129, 1200 to 1299
    for plan in plans:
        (condition,) = [line for line in plan.splitlines() if "Index Cond" in line]
        assert "~>=~" in condition, plan


def add_many_messages(account: Account, number: int) -> None:
    """Of one month; every tenth address begins with a capital."""
    statement = """
        INSERT INTO message (account_id, id, at, source_kind, recipient, state, email_id)
        SELECT %s, id, %s, 'api', (CASE WHEN n %% 10 = 0 THEN 'P' ELSE 'p' END) || 'erson' || n || '@m.example', 'delivered', id
        FROM unnest(%s::uuid[]) WITH ORDINALITY AS new (id, n)"""
    with account_scope(account), connection.cursor() as cursor:
        cursor.execute(statement, [account.pk, NOW, [new_id(NOW) for _ in range(number)]])
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(f"ANALYZE message_{NOW:%Y_%m}")


def test_an_email_with_several_fitting_copies_is_listed_once(account: Account) -> None:
    add_email(account.pk, Copy("ann1@m.example"), Copy("ann2@m.example", WAITING), at=NOW, subject="both")
    assert subjects(account, recipient="ann") == ["both"]


def test_conditions_on_the_email_and_on_its_messages_hold_together(account: Account) -> None:
    for number in range(10):
        stream = "receipts" if number in (0, 7) else "transactional"
        at = NOW + timedelta(minutes=number)
        add_email(account.pk, Copy("ann@m.example"), at=at, subject=f"{number}", stream=stream)
    assert subjects(account, recipient="ann", stream="receipts") == ["7", "0"]
    assert subjects(account, recipient="ann", state="delivered", stream="receipts", limit=1) == ["7"]
    assert subjects(account, recipient="bob", stream="receipts") == []
    assert subjects(account, recipient="ann", limit=4) == ["9", "8", "7", "6"]


def test_tag_stream_source_test_and_period_narrow(account: Account) -> None:
    add_email(account.pk, Copy("a@m.example"), at=NOW, subject="api", tags=["receipt", "eu"])
    day = timedelta(days=1)
    add_email(account.pk, Copy("a@m.example"), at=NOW + day, subject="smtp", source_kind="smtp", is_test=True)
    assert subjects(account, tag="receipt") == ["api"]
    assert subjects(account, source_kind="smtp") == ["smtp"]
    assert subjects(account, is_test=False) == ["api"]
    assert subjects(account, since=NOW + timedelta(hours=1)) == ["smtp"]
    assert subjects(account, until=NOW + timedelta(hours=1)) == ["api"]
    assert subjects(account, subject="SMT") == ["smtp"]
    assert subjects(account, stream="nothing") == []


def test_one_email_is_shown_with_its_body_and_its_own_events_alone(account: Account) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body={"html": "<p>Hi</p>"})
    stranger = add_email(account.pk, Copy("bob@m.example"), at=NOW)
    told = [("message.delivered", email.id), ("message.opened", email.id), ("message.delivered", stranger.id)]
    for minute, (kind, message_id) in enumerate(told):
        at = NOW + timedelta(minutes=minute)
        record_event(account.pk, kind, now=at, message_id=message_id, source_kind="api", data={"code": 250})
    view = find_email(account.pk, to_public_id("eml", email.id))
    assert view is not None
    assert view.body is not None
    assert [event.kind for event in view.timeline] == ["message.delivered", "message.opened"]
    assert view.state == MailState.DELIVERED
    assert find_email(account.pk, "eml_nonsense") is None
    assert find_email_of_message(account.pk, email.id) == email.id
    assert find_email_of_message(account.pk, new_id(NOW)) is None


def test_an_email_whose_log_is_gone_was_accepted(account: Account) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW)
    Message.objects.for_account(account).filter(email_id=email.id).delete()
    view = find_email(account.pk, email.id)
    assert view is not None
    assert view.state == MailState.ACCEPTED
    assert view.body is None


def test_campaigns_mail_is_found_by_its_contact(account: Account) -> None:
    contact_id = new_id(NOW)
    for state in ("delivered", "bounced"):
        Message.objects.add(
            account, id=new_id(NOW), at=NOW, source_kind="campaign", contact_id=contact_id, state=state
        )
    found = list_campaign_messages(account.pk, [contact_id], filters=EmailFilter(state="bounced"))
    assert [message.state for message in found] == ["bounced"]
    assert len(list_campaign_messages(account.pk, [contact_id], filters=EmailFilter())) == 2


def react(
    account: Account, message_id: UUID, kind: str, *, at: datetime = NOW + timedelta(hours=1), **values: Any
) -> None:
    record_event(
        account.pk, f"message.{kind}", now=at, message_id=message_id, **{"source_kind": "api"} | values
    )


def test_mail_is_found_by_what_its_recipients_did(account: Account, other_account: Account) -> None:
    emails = {
        name: add_email(
            account.pk, Copy(f"{name}@m.example"), at=NOW + timedelta(minutes=minute), subject=name
        )
        for minute, name in enumerate(("ann", "bob", "cid", "dan", "eve"))
    }
    for kind in ("opened", "opened", "clicked"):
        react(account, emails["ann"].id, kind)
    react(account, emails["bob"].id, "opened", data={"machine": True})
    react(account, emails["cid"].id, "complained")
    react(account, emails["cid"].id, "opened", source_kind="smtp")
    react(account, emails["dan"].id, "bounced", data={"late": True})
    react(account, emails["eve"].id, "bounced", data={"code": 550})
    assert subjects(account, reaction="opened") == ["cid", "ann"]
    assert subjects(account, reaction="clicked") == ["ann"]
    assert subjects(account, reaction="complained") == ["cid"]
    assert subjects(account, reaction="returned") == ["dan"]
    assert subjects(account, reaction="opened", recipient="ann") == ["ann"]
    assert subjects(account, reaction="opened", recipient="bob") == []
    assert subjects(account, reaction="opened", since=NOW + timedelta(minutes=1)) == ["cid"]
    assert subjects(account, reaction="opened", until=NOW + timedelta(minutes=1)) == ["ann"]
    assert subjects(account, reaction="opened", state="bounced") == []
    assert subjects(account, reaction="opened", state="queued") == []
    assert subjects(account, reaction="opened", source_kind="smtp") == []
    assert subjects(other_account, reaction="opened") == []


def test_the_other_copies_of_an_email_lead_to_it_too(account: Account) -> None:
    email = add_email(account.pk, Copy("a@m.example"), Copy("b@m.example"), at=NOW, subject="both")
    second = UUID(email.recipients[1]["id"])
    react(account, second, "opened")
    react(account, email.id, "opened")
    assert subjects(account, reaction="opened") == ["both"]


def test_pages_of_what_was_opened_follow_each_other_across_blocks_and_within_a_moment(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_reactions, "BLOCK", 2)
    emails = [
        add_email(
            account.pk, Copy("a@m.example"), Copy("b@m.example"), at=NOW + timedelta(minutes=number // 4)
        )
        for number in range(10)
    ]
    for email in emails:
        for one in email.recipients:
            react(account, UUID(one["id"]), "opened")
    found: list[UUID] = []
    while page := list_emails(
        account.pk, filters=EmailFilter(reaction="opened"), before=found[-1] if found else None, limit=3
    ):
        found += [line.id for line in page]
    assert found == sorted((email.id for email in emails), reverse=True)


def test_campaigns_mail_is_found_by_what_its_contact_did(account: Account) -> None:
    contact_id, opened, ignored = new_id(NOW), new_id(NOW), new_id(NOW)
    for source_id in (opened, ignored):
        Message.objects.add(
            account,
            id=new_id(NOW),
            at=NOW,
            source_kind="campaign",
            source_id=source_id,
            contact_id=contact_id,
            state="delivered",
        )
    record_event(
        account.pk, "message.opened", now=NOW, contact_id=contact_id, source_kind="campaign", source_id=opened
    )
    found = list_campaign_messages(account.pk, [contact_id], filters=EmailFilter(reaction="opened"))
    assert [message.source_id for message in found] == [opened]
