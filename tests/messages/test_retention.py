"""Single emails go when their stream says so, and never while something of them waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.content.models import Blob, Media
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.events.models import Event
from dynamail.messages import retention
from dynamail.messages.models import Email, EmailBody, Message
from dynamail.messages.retention import Forgotten, forget_old_emails
from dynamail.messages.stored_emails import EmailTexts
from dynamail.senders.models import Stream
from tests.support.personas import NOW
from tests.support.single_emails import Letter, Sent, add_blob, attach, post

pytestmark = pytest.mark.django_db


def send(account: Account, *, days_ago: float = 0, is_settled: bool = True, **values: Any) -> Sent:
    connection.ensure_connection()
    at = NOW - timedelta(days=days_ago)
    sent = post(connection.connection, account.pk, Letter(**values), at)
    if is_settled:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH gone AS (DELETE FROM outbox RETURNING *) INSERT INTO message (account_id, id, at, source_kind, source_id,"
                " state, email_id, stream) SELECT account_id, id, %s, source_kind, source_id, 'delivered', email_id, stream FROM gone",
                [at],
            )
    return sent


def kept_bodies(account: Account) -> set[UUID]:
    return set(EmailBody.objects.for_account(account).values_list("id", flat=True))


def test_contents_go_after_the_days_of_their_stream_and_the_log_stays(account: Account) -> None:
    old, young = send(account, days_ago=31), send(account, days_ago=29)
    digest = send(account, days_ago=31, stream="marketing")
    Stream.objects.for_account(account).filter(key="marketing").update(body_days=60)
    assert forget_old_emails(now=NOW).bodies == 1
    assert kept_bodies(account) == {young.id, digest.id}
    assert Email.objects.for_account(account).filter(id=old.id).exists()
    assert forget_old_emails(now=NOW) == Forgotten(0, 0, 0)


def test_what_waits_keeps_its_content(account: Account) -> None:
    waiting = send(account, days_ago=31, is_settled=False)
    assert forget_old_emails(now=NOW).bodies == 0
    assert kept_bodies(account) == {waiting.id}


def test_the_log_of_a_stream_goes_with_messages_and_events(account: Account) -> None:
    old, young = send(account, days_ago=41), send(account, days_ago=39)
    for sent in (old, young):
        record_event(account.pk, EventKind.MESSAGE_DELIVERED, message_id=sent.id, source_kind="api", now=NOW)
    Stream.objects.for_account(account).update(log_days=40, body_days=40)
    assert forget_old_emails(now=NOW).emails == 1
    for table, name in ((Email, "id"), (Message, "id"), (Event, "message_id")):
        assert set(table.objects.for_account(account).values_list(name, flat=True)) == {young.id}


def test_portions_go_on_where_the_last_one_ended(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 2)
    waiting = send(account, days_ago=40, is_settled=False)
    for _ in range(5):
        connection.ensure_connection()
        post(connection.connection, account.pk, Letter(), NOW - timedelta(days=35))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM outbox WHERE email_id <> %s", [waiting.id])
    assert forget_old_emails(now=NOW).bodies == 5
    assert kept_bodies(account) == {waiting.id}


def test_files_stay_as_long_as_a_content_or_the_media_use_them(account: Account) -> None:
    connection.ensure_connection()
    raw, long_ago = connection.connection, NOW - timedelta(days=20)
    attached = attach(raw, account.pk, b"bill", long_ago)
    send(account, texts=EmailTexts("", "Bill", [], [attached]))
    picture = add_blob(raw, account.pk, b"picture", long_ago)
    Media.objects.add(account, filename="p.png", content_type="image/png", size_bytes=7, blob_id=picture)
    fresh = add_blob(raw, account.pk, b"fresh", NOW - timedelta(days=1))
    add_blob(raw, account.pk, b"unused", long_ago)
    assert forget_old_emails(now=NOW).blobs == 1
    kept = set(Blob.objects.for_account(account).values_list("id", flat=True))
    assert kept == {attached.blob, picture, fresh}
    EmailBody.objects.for_account(account).delete()
    assert forget_old_emails(now=NOW).blobs == 1
