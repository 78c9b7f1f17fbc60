"""Deliveries against a real server: signed, tried again, given up, switched off. The clock is the test's."""

from __future__ import annotations

import json
import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dynamail.accounts.models import Account, AuditEntry
from dynamail.events.log import record_event
from dynamail.lib import egress
from dynamail.messages.models import Outbox
from dynamail.protocols.standard_webhooks import TOLERANCE_SECONDS, verify_headers
from dynamail.webhooks.endpoints import pause_endpoint, resume_endpoint, rotate_keys
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.posting import Post, make_rules, send_post
from dynamail.webhooks.schedule import DELAYS, find_next_attempt, read_retry_after
from dynamail.webhooks.sending import FAILING, HEALTHY, LEASE, claim_jobs
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.webhook_sink import Received, Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, owner_of, send_due, spread, the_delivery


def tell_one(account: Account, **values: Any) -> None:
    spread(account, record_event(account.pk, "campaign.finished", now=NOW, **values))


def test_a_receiver_gets_what_the_standard_says(account: Account, sink: WebhookSink) -> None:
    endpoint, keys = make_endpoint(account, sink.url("/hook?shop=7"))
    tell_one(account)
    assert send_due(NOW) == 1
    (request,) = sink.requests
    delivery = the_delivery(endpoint)
    assert request.path == "/hook?shop=7"
    assert request.headers["webhook-id"] == delivery.message_id
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == delivery.payload
    for key in (keys.secret, keys.public_key):
        verify_headers(key, request.headers, request.body, now=int(NOW.timestamp()) + TOLERANCE_SECONDS)
    assert (delivery.state, delivery.status, delivery.attempts, delivery.next_at) == (
        "delivered",
        204,
        1,
        None,
    )
    assert send_due(NOW + timedelta(days=3)) == 0


def test_the_library_of_the_standard_accepts_it(
    account: Account, sink: WebhookSink, monkeypatch: Any
) -> None:
    from dynamail.lib.clock import utc_now

    _endpoint, keys = make_endpoint(account, sink.url())
    tell_one(account)
    send_due(utc_now())
    (request,) = sink.requests
    assert Webhook(keys.secret).verify(request.body, request.headers)["type"] == "campaign.finished"
    with pytest.raises(WebhookVerificationError):
        Webhook(keys.secret).verify(request.body + b" ", request.headers)


def test_without_an_authorization_nothing_is_sent(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url(), authorized=False)
    tell_one(account)
    assert send_due(NOW) == 0
    assert sink.requests == []


def test_a_failure_is_tried_again_on_schedule_with_the_same_id(account: Account, sink: WebhookSink) -> None:
    sink.answer = lambda _request: Said(500, body=b"out of order")
    endpoint, _keys = make_endpoint(account, sink.url())
    tell_one(account)
    moment = NOW
    for number, delay in enumerate(DELAYS, start=1):
        moment += timedelta(seconds=delay)
        assert send_due(moment - timedelta(milliseconds=1)) == 0
        assert send_due(moment) == 1
        assert the_delivery(endpoint).attempts == number
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.status, delivery.error, delivery.answer) == (
        "given_up",
        500,
        "status",
        "out of order",
    )
    assert len({request.headers["webhook-id"] for request in sink.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in sink.requests}) == 10
    assert WebhookAttempt.objects.for_account(account).count() == 10


def test_chance_only_makes_it_later() -> None:
    early = find_next_attempt(3, now=NOW, chance=lambda: 0.0)
    late = find_next_attempt(3, now=NOW, chance=lambda: 1.0)
    assert early is not None
    assert late is not None
    assert (early - NOW, late - NOW) == (timedelta(minutes=30), timedelta(minutes=36))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("999999999999", 86_400),
        ("Mon, 23 Nov 2026 10:10:00 GMT", 600),
        ("Mon, 23 Nov 2020 10:10:00 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_the_patience_that_a_receiver_asks_for(text: str, seconds: int | None) -> None:
    wait = read_retry_after(text, now=NOW)
    assert (wait and wait.total_seconds()) == seconds or (seconds == 0 and wait == timedelta(0))


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_receiver_is_left_alone_as_long_as_it_asks(
    account: Account, sink: WebhookSink, status: int
) -> None:
    sink.answer = lambda _request: Said(status, {"Retry-After": "600"})
    endpoint, _keys = make_endpoint(account, sink.url())
    tell_one(account)
    send_due(NOW)
    tell_one(account)  # another event waits as well
    assert send_due(NOW + timedelta(seconds=599)) == 0
    sink.answer = lambda _request: Said(200)
    later = NOW + timedelta(seconds=600)
    assert [send_due(later), send_due(later), send_due(later)] == [1, 1, 0]  # carefully at first
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.held_until) == (None, None)


@pytest.mark.parametrize("status", [301, 302, 304, 400, 404, 500])
def test_only_2xx_is_success(account: Account, sink: WebhookSink, status: int) -> None:
    sink.answer = lambda _request: Said(status, {"Location": sink.url("/elsewhere")})
    endpoint, _keys = make_endpoint(account, sink.url())
    tell_one(account)
    send_due(NOW)
    assert the_delivery(endpoint).state == "failed"
    assert [request.path for request in sink.requests] == ["/hook"]


def test_gone_switches_off_at_once_and_tells_the_owner_once(account: Account, sink: WebhookSink) -> None:
    sink.answer = lambda _request: Said(410)
    endpoint, _keys = make_endpoint(account, sink.url(), kinds=("campaign.finished", "message.delivered"))
    account.refresh_from_db()
    assert account.records_deliveries
    tell_one(account)
    tell_one(account)
    assert send_due(NOW) == 2
    endpoint.refresh_from_db()
    account.refresh_from_db()
    assert (endpoint.state, endpoint.why) == ("disabled", "gone")
    assert not account.records_deliveries
    (mail,) = Outbox.objects.for_account(0).filter(recipient="alice@acme.example")
    assert endpoint.public_id in mail.payload["text"]
    assert AuditEntry.objects.for_account(account).filter(action="webhook.disabled").count() == 1


def test_an_endpoint_that_fails_for_days_is_switched_off(account: Account, sink: WebhookSink) -> None:
    sink.answer = lambda _request: Said(500)
    endpoint, _keys = make_endpoint(account, sink.url())
    tell_one(account)
    moment = NOW
    for delay in DELAYS:
        moment += timedelta(seconds=delay)
        assert endpoint.state == "active"
        send_due(moment)
        endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.why) == ("disabled", "failing")
    assert Outbox.objects.for_account(0).filter(recipient="alice@acme.example").count() == 1


def test_one_event_that_is_never_taken_switches_nothing_off(account: Account, sink: WebhookSink) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    sink.answer = lambda request: Said(500 if b"recipients" in request.body else 200)
    spread(account, record_event(account.pk, "campaign.launched", now=NOW, data={"recipients": 5}))
    moment = NOW
    for delay in DELAYS:
        moment += timedelta(seconds=delay)
        tell_one(account)
        while send_due(moment):
            pass
    endpoint.refresh_from_db()
    assert endpoint.state == "active"
    assert WebhookDelivery.objects.for_account(account).filter(state="given_up").count() == 1


def test_what_waited_goes_out_when_it_is_resumed(account: Account, sink: WebhookSink) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    owner = owner_of(account)
    tell_one(account)
    assert pause_endpoint(endpoint, by=owner, now=NOW)
    assert send_due(NOW) == 0
    tell_one(account)  # while it is paused nothing is noted
    assert resume_endpoint(endpoint, by=owner, now=NOW)
    assert send_due(NOW) == 1


def test_old_keys_sign_until_their_time_is_over(account: Account, sink: WebhookSink) -> None:
    endpoint, old = make_endpoint(account, sink.url())
    new = rotate_keys(endpoint, by=owner_of(account), now=NOW)
    tell_one(account)
    send_due(NOW)
    later = NOW + timedelta(hours=24)
    tell_one(account)
    send_due(later)
    during, after = sink.requests
    for key in (old.secret, new.secret, old.public_key, new.public_key):
        verify_headers(key, during.headers, during.body, now=int(NOW.timestamp()))
    assert after.headers["webhook-signature"].count(",") == 2
    for key in (new.secret, new.public_key):
        verify_headers(key, after.headers, after.body, now=int(later.timestamp()))


def test_a_claim_whose_worker_is_gone_comes_again_with_the_same_id(
    account: Account, sink: WebhookSink
) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    tell_one(account)
    (lost,) = claim_jobs(now=NOW, room=5)  # and nothing is heard of it
    assert claim_jobs(now=NOW + LEASE / 2, room=5) == []
    assert send_due(NOW + LEASE) == 1
    assert sink.requests[0].headers["webhook-id"] == the_delivery(endpoint).message_id
    assert lost.post is not None
    assert lost.post.headers["webhook-id"] == sink.requests[0].headers["webhook-id"]


def test_a_long_queue_or_a_dead_receiver_leaves_room_for_others(account: Account, sink: WebhookSink) -> None:
    busy, _keys = make_endpoint(account, sink.url("/busy"))
    for _number in range(HEALTHY + 5):
        tell_one(account)
    other, _keys = make_endpoint(account, sink.url("/other"))
    tell_one(account)
    jobs = claim_jobs(now=NOW, room=3)
    assert sum(job.delivery.endpoint_id == other.pk for job in jobs) == 1
    jobs += claim_jobs(now=NOW, room=100)
    assert sum(job.delivery.endpoint_id == busy.pk for job in jobs) == HEALTHY
    WebhookEndpoint.objects.for_account(account).filter(pk=busy.pk).update(failing_since=NOW)
    again = claim_jobs(now=NOW + LEASE, room=100)
    assert sum(job.delivery.endpoint_id == busy.pk for job in again) == FAILING


def test_nothing_is_said_of_a_restricted_person(account: Account, sink: WebhookSink) -> None:
    contact = make_contact(account)
    endpoint, _keys = make_endpoint(account, sink.url())
    spread(account, record_event(account.pk, "contact.created", contact_id=contact.id, now=NOW))
    type(contact).objects.for_account(account).filter(id=contact.id).update(state="restricted")
    spread(account, record_event(account.pk, "contact.tagged", contact_id=contact.id, now=NOW))
    send_due(NOW)
    assert sink.requests == []
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.error) == ("given_up", "restricted")


# ── The guarded way out ──────────────────────────────────────────────────────────────────────────────────────────────
def post_to(url: str) -> Any:
    return send_post(Post(url, {}, b"{}"), rules=make_rules())


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://192.168.1.1:8443/",
    ],
)
def test_no_request_goes_into_a_private_network(url: str) -> None:
    assert post_to(url).error == "address"


def test_a_name_that_leads_inside_or_changes_its_mind_is_refused(
    sink: WebhookSink, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebinding DNS says a public address first and ours then: the one that was looked at is the one that is connected to."""
    settings.EGRESS_ALLOWED = ()
    answers = iter([["192.0.2.77"], ["127.0.0.1"]])
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host: str) -> list[Any]:
        asked.append(host)
        return [egress.ip_address(one) for one in next(answers)]

    def connect(address: Any, *args: Any, **kwargs: Any) -> Any:
        connected.append(address)
        raise OSError("nobody there")

    rules = egress.EgressRules(resolve=resolve)
    monkeypatch.setattr(egress, "is_public_address", lambda address: str(address) == "192.0.2.77")
    monkeypatch.setattr(socket, "create_connection", connect)
    assert send_post(Post("https://rebind.example/", {}, b"{}"), rules=rules).error == "connect"
    assert (asked, connected[0][0]) == (["rebind.example"], "192.0.2.77")
    assert send_post(Post("https://rebind.example/", {}, b"{}"), rules=rules).error == "address"
    assert len(connected) == 1


def test_a_redirect_inside_is_not_followed(sink: WebhookSink, account: Account) -> None:
    sink.answer = lambda _request: Said(307, {"Location": "http://127.0.0.1:1/admin"})
    reply = post_to(sink.url())
    assert (reply.error, reply.status) == ("redirect", 307)


def test_an_endless_answer_is_cut_and_the_status_counts(sink: WebhookSink) -> None:
    sink.answer = lambda _request: Said(200, {"Content-Length": "100000000"}, b"x" * 10_000)
    reply = post_to(sink.url())
    assert (reply.error, reply.status, len(reply.answer)) == ("", 200, 1000)


def test_an_answer_that_breaks_off_behind_its_status_is_an_answer(sink: WebhookSink) -> None:
    sink.answer = lambda _request: Said(200, {"Content-Length": "500"}, b"thank")
    reply = post_to(sink.url())
    assert (reply.error, reply.status) == ("", 200)


def test_a_server_that_hangs_up_is_no_success(sink: WebhookSink) -> None:
    def hang_up(_request: Received) -> Said:
        raise ConnectionError

    sink.answer = hang_up
    reply = post_to(sink.url())
    assert reply.error in ("protocol", "connect")
    assert threading.active_count() < 50
