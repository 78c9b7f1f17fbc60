"""What comes back about single emails: bounces by the return-path, complaints also by the Message-ID."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.consent.models import Suppression
from dynamail.events.counters import read_totals
from dynamail.events.models import Event
from dynamail.feedback.consequences import Effect
from dynamail.feedback.models import FeedbackReport, Source
from dynamail.feedback.receiving import Taken, take_report
from dynamail.messages.models import Email, Message
from tests.support.personas import NOW
from tests.support.reports import make_complaint, make_dsn, return_path_of
from tests.support.single_emails import Letter, add_stream, post


def send(account: Account, **values: Any) -> list[Message]:
    """An email that its server took, one message for each recipient."""
    sent = post(connection.connection, account.pk, Letter(**values), NOW)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM outbox RETURNING *) INSERT INTO message (account_id, id, at, source_kind, source_id, recipient,"
            " domain, state, email_id, stream) SELECT account_id, id, %s, source_kind, source_id, recipient, split_part(recipient, '@', 2),"
            " 'delivered', email_id, stream FROM gone",
            [NOW],
        )
    found = {one.id: one for one in Message.objects.for_account(account).filter(email_id=sent.id)}
    return [found[message_id] for message_id in sent.ids]


def take(raw: bytes, *to: str) -> Taken:
    return take_report(raw, envelope_to=list(to) or ["abuse@our.example"], source=Source.SMTP, now=NOW)


def test_a_late_bounce_is_an_event_of_the_message_and_counts_for_its_stream(account: Account) -> None:
    (message,) = send(account)
    assert take(make_dsn(message), return_path_of(message)).effect == Effect.SUPPRESSED
    event = Event.objects.for_account(account).get(kind="message.bounced")
    assert (event.message_id, event.source_kind, event.data["late"]) == (message.id, "api", True)
    stream = add_stream(connection.connection, account.pk, NOW)
    assert read_totals(account.pk, stream)["returned_hard"] == 1


@pytest.mark.parametrize(("stream", "scope"), [("transactional", "all"), ("marketing", "marketing")])
def test_a_complaint_stops_what_the_stream_is_for(account: Account, stream: str, scope: str) -> None:
    (message,) = send(account, stream=stream)
    assert take(make_complaint(message)).effect == Effect.SUPPRESSED
    assert Suppression.objects.for_account(account).get().scope == scope


def by_message_id(message: Message, header_id: str) -> bytes:
    """A complaint that has lost the envelope, about the message as its recipient saw it."""
    raw = make_complaint(message, with_return_path=False)
    ours = f"{message.id.hex}@".encode()
    assert ours in raw
    start = raw.index(ours)
    end = raw.index(b">", start)
    return raw.replace(raw[start:end], header_id.encode())


def test_a_complaint_by_the_senders_own_message_id_finds_the_recipient_it_names(account: Account) -> None:
    to = (("ann@example.com", "to"), ("bob@example.com", "cc"))
    _, bob = send(account, to=to, header_id="order-17@acme.example")
    taken = take(by_message_id(bob, "order-17@acme.example"))
    assert taken.sent is not None
    assert taken.sent.id == bob.id


def test_a_guessed_message_id_alone_proves_nothing(account: Account) -> None:
    (message,) = send(account, header_id="order-17@acme.example")
    raw = by_message_id(message, "order-17@acme.example").replace(b"ann@example.com", b"eve@example.com")
    assert take(raw).sent is None


def test_our_own_message_id_names_an_email_and_the_report_its_recipient(
    account: Account, settings: Any
) -> None:
    to = (("ann@example.com", "to"), ("bob@example.com", "cc"))
    ann, bob = send(account, to=to)
    taken = take(by_message_id(bob, f"{ann.id.hex}@{settings.MESSAGE_ID_DOMAIN}"))
    assert taken.sent is not None
    assert taken.sent.id == bob.id


def test_a_rehearsal_suppresses_nobody(account: Account, settings: Any) -> None:
    (message,) = send(account, to=((f"complaint@{settings.SIMULATOR_DOMAIN}", "to"),))
    assert take(make_complaint(message)).effect == Effect.COUNTED
    assert not Suppression.objects.for_account(account).exists()
    assert Event.objects.for_account(account).filter(kind="message.complained").exists()


def test_what_quotes_one_time_values_is_not_kept(account: Account) -> None:
    plain, secret = send(account)[0], send(account)[0]
    Email.objects.for_account(account).filter(id=secret.email_id).update(one_time=True)
    for message in (plain, secret):
        take(make_dsn(message), return_path_of(message))
    kept = dict(FeedbackReport.objects.for_account(account).values_list("message_id", "raw"))
    assert kept[plain.id]
    assert kept[secret.id] is None
