"""The worker's turns: other sessions, and ends in the middle. What the log shows to a reader, and when, is tested with the log."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dynamail.accounts.models import Account
from dynamail.contacts.editing import delete_contact
from dynamail.events.log import record_event
from dynamail.events.models import EventCursor
from dynamail.events.tailing import has_events
from dynamail.events.turns import take_turn as hold_turn
from dynamail.lib.clock import utc_now
from dynamail.webhooks import following
from dynamail.webhooks.endpoints import READER
from dynamail.webhooks.following import follow_webhooks
from dynamail.webhooks.leases import LOCK_CLASS, hold_mark
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.posters import AT_ONCE, Posters
from dynamail.webhooks.queueing import queue_guard
from dynamail.webhooks.sending import LEASE, claim_jobs
from dynamail.webhooks.spreading import spread_events
from tests.support.people import make_contact
from tests.support.personas import NOW, make_account
from tests.support.settled_log import settle_log
from tests.support.webhook_sink import Received, Said, WebhookSink
from tests.webhooks.conftest import make_endpoint

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 180


@pytest.fixture(autouse=True)
def empty_log(transactional_db: None) -> Iterator[None]:
    """The log is no managed table: the flush between tests leaves it alone."""
    empty()
    yield
    empty()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event")


@pytest.fixture
def posters() -> Iterator[Posters]:
    made = Posters(8)
    yield made
    made.stop()


def settle() -> None:
    settle_log(READER)


def happen(account: Account, kind: str = "campaign.finished", **values: Any) -> None:
    record_event(account.pk, kind, now=utc_now(), **values)


def take_turn(posters: Posters) -> None:
    assert follow_webhooks(posters=posters, for_seconds=0.0) is not None
    assert posters.wait_until_idle(PATIENCE_SECONDS)


def test_each_event_comes_once_to_each_endpoint(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    happen(account)  # before there was anybody to tell
    settle()
    make_endpoint(account, sink.url("/a"))
    make_endpoint(account, sink.url("/b"), kinds=("contact.created",))
    stranger = make_account("Other shop")
    for _number in range(3):
        happen(account)
        happen(stranger)
    contact = make_contact(account)
    happen(account, "contact.created", contact_id=contact.id)
    settle()
    assert has_events(READER)
    take_turn(posters)
    take_turn(posters)
    assert not has_events(READER)
    assert sorted(request.path for request in sink.requests) == ["/a"] * 4 + ["/b"]
    ids = [request.headers["webhook-id"] for request in sink.requests if request.path == "/a"]
    assert len(set(ids)) == 4
    assert set(WebhookDelivery.objects.for_account(account).values_list("state", flat=True)) == {"delivered"}


def test_what_is_rolled_back_is_read_again(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url())
    happen(account)
    settle()
    with suppress(ZeroDivisionError), transaction.atomic():
        assert spread_events(now=NOW) == 1
        1 / 0
    assert not WebhookDelivery.objects.for_account(account).exists()
    assert spread_events(now=NOW) == 1
    assert WebhookDelivery.objects.for_account(account).count() == 1
    EventCursor.objects.filter(pk=READER).update(after_tx=0, after_id=None)  # as after a restore
    assert spread_events(now=NOW) == 1
    assert WebhookDelivery.objects.for_account(account).count() == 1


def test_a_slow_receiver_holds_up_no_turn_and_nobody_else(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    release = threading.Event()

    def answer(request: Received) -> Said:
        if request.path == "/slow":
            release.wait(PATIENCE_SECONDS)
        return Said(200)

    sink.answer = answer
    slow, _keys = make_endpoint(account, sink.url("/slow"))
    make_endpoint(account, sink.url("/quick"))
    try:
        happen(account)
        settle()
        assert follow_webhooks(posters=posters, for_seconds=0.0) is not None
        sink.wait_for(1, path="/slow")
        for number in range(2, 4):
            sink.wait_for(number - 1, path="/quick")
            happen(account)
            settle()
            assert follow_webhooks(posters=posters, for_seconds=0.0) is not None
        sink.wait_for(3, path="/quick")
        waiting = WebhookDelivery.objects.for_account(account).filter(endpoint_id=slow.pk, delivered_at=None)
        assert waiting.count() == 3
    finally:
        release.set()
    assert posters.wait_until_idle(PATIENCE_SECONDS)
    assert not WebhookDelivery.objects.for_account(account).exclude(state="delivered").exists()


def test_two_turns_are_not_taken_at_once(account: Account, sink: WebhookSink, posters: Posters) -> None:
    make_endpoint(account, sink.url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with hold_turn(following.TURN_LOCK) as mine:
            assert mine
            held.set()
            done.wait(PATIENCE_SECONDS)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(PATIENCE_SECONDS)
    assert follow_webhooks(posters=posters, for_seconds=0.0) is None
    done.set()
    other.join(PATIENCE_SECONDS)
    assert follow_webhooks(posters=posters, for_seconds=0.0) is not None


def test_without_endpoints_nothing_is_read(account: Account, sink: WebhookSink, posters: Posters) -> None:
    make_endpoint(account, sink.url())
    assert EventCursor.objects.filter(pk=READER).exists()
    WebhookEndpoint.objects.for_account(account).delete()
    assert follow_webhooks(posters=posters, for_seconds=0.0) is None
    assert not EventCursor.objects.filter(pk=READER).exists()


def test_what_a_dead_worker_held_is_sent_by_the_next_one(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    make_endpoint(account, sink.url())
    happen(account)
    settle()
    spread_events(now=utc_now())
    WebhookDelivery.objects.for_account(account).update(next_at=utc_now() - 2 * LEASE)
    (lost,) = claim_jobs(now=utc_now() - LEASE, room=1)
    take_turn(posters)
    (request,) = sink.requests
    assert lost.post is not None
    assert request.headers["webhook-id"] == lost.post.headers["webhook-id"]


def test_what_a_dead_process_had_claimed_is_due_and_what_a_living_one_has_is_not(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    make_endpoint(account, sink.url())
    happen(account)
    settle()
    spread_events(now=utc_now())
    other = Posters(1)
    other.begin_turn(now=utc_now())
    assert len(other.claim(now=utc_now())) == 1
    take_turn(posters)
    assert sink.requests == []
    other.stop()  # its session ends, as when it is killed
    wait_until_gone(other)
    take_turn(posters)
    assert len(sink.requests) == 1
    errors = WebhookAttempt.objects.for_account(account).values_list("error", flat=True)
    assert sorted(errors) == ["", "lost"]


def wait_until_gone(other: Posters) -> None:
    """The server notices the end of a session a moment later."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not hold_mark(other.mark):
        assert time.monotonic() < until
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, other.mark])


def test_a_deleted_person_leaves_our_copies_and_partners_are_told(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    endpoint, _keys = make_endpoint(account, sink.url(), fields=("address",))
    contact = make_contact(account)
    happen(account, "contact.created", contact_id=contact.id)
    settle()
    take_turn(posters)
    sink.answer = lambda _request: Said(500, body=b"dana@mail.example?")
    happen(account, "contact.tagged", contact_id=contact.id)
    settle()
    take_turn(posters)  # it fails, and waits
    happen(account, "contact.untagged", contact_id=contact.id)  # noted together with the deletion
    delete_contact(contact, by=None, now=utc_now())
    settle()
    sink.answer = lambda _request: Said(200)
    WebhookEndpoint.objects.for_account(account).update(failing_since=None)
    take_turn(posters)
    told = [json.loads(request.body) for request in sink.requests]
    assert [one["type"] for one in told] == ["contact.created", "contact.tagged", "contact.deleted"]
    assert told[0]["data"] == {"contact_id": contact.public_id, "email": "dana@mail.example"}
    assert told[2]["data"] == {"contact_id": contact.public_id}
    kept = {row.kind: row for row in WebhookDelivery.objects.for_account(account)}
    assert (kept["contact.created"].payload, kept["contact.created"].state) == (None, "delivered")
    assert (kept["contact.tagged"].payload, kept["contact.tagged"].error) == (None, "erased")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(d::text, '') FROM webhook_delivery AS d")
        assert "dana@" not in cursor.fetchone()[0]
    assert not WebhookAttempt.objects.for_account(account).filter(answer__contains="dana").exists()
    assert endpoint.is_authorized


def test_one_that_fails_gives_back_what_waits_behind_it(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    sink.answer = lambda _request: Said(500)
    make_endpoint(account, sink.url())
    for _number in range(30):
        happen(account)
    settle()
    take_turn(posters)
    rows = WebhookDelivery.objects.for_account(account)
    assert rows.filter(state="failed").count() == len(sink.requests) <= AT_ONCE
    assert not rows.exclude(claim=None).exists()
    assert set(rows.exclude(state="failed").values_list("attempts", flat=True)) == {0}
    before = len(sink.requests)
    take_turn(posters)
    assert len(sink.requests) == before + 1


def test_many_go_over_few_connections_and_few_statements(
    account: Account, sink: WebhookSink, posters: Posters
) -> None:
    make_endpoint(account, sink.url())
    for _number in range(30):
        happen(account)
    settle()
    with CaptureQueriesContext(connection) as asked:
        take_turn(posters)
    assert len([one for one in asked if "webhook_delivery" in one["sql"]]) == 3  # freed, made, and claimed
    assert len(sink.requests) == 30
    assert sink.connections <= AT_ONCE


def test_who_follows_leaves_a_guard_behind(account: Account, sink: WebhookSink) -> None:
    """A worker that is killed in its turn has queued no other: the guard takes over within seconds."""
    make_endpoint(account, sink.url())
    queue_guard()
    queue_guard()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scheduled_at > now() FROM procrastinate_jobs WHERE queueing_lock = 'webhooks.follow.guard'"
        )
        assert cursor.fetchall() == [(True,)]
