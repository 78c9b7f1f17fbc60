from __future__ import annotations

from typing import Any

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import AuditEntry, BackgroundWork, IdempotencyKey
from dynamail.lib.clock import utc_now
from dynamail.protocols.standard_webhooks import verify_headers
from dynamail.webhooks.models import WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.replaying import run_replay
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import send_due, sink  # noqa: F401 — a fixture

PATH = "/api/v1/webhooks"
HOOK = {"url": "https://shop.example/hook", "events": ["message.delivered"], "authorized": True}


@pytest.fixture(autouse=True)
def empty_queue(shops: tuple[Shop, Shop]) -> None:
    """What other tests queued stays committed; none of it is due in this one."""
    WebhookDelivery.objects.across_accounts(reason="the queue is one").delete()


def make(shop: Shop, **values: Any) -> dict[str, Any]:
    return body_of(shop.ask("POST", PATH, HOOK | values), 201)


def test_a_webhook_is_made_and_its_secret_is_shown_once(shop: Shop) -> None:
    made = make(shop, description="Our shop")
    assert made["secret"].startswith("whsec_")
    assert made["public_key"].startswith("whpk_")
    assert (made["events"], made["fields"], made["state"]) == (["message.delivered"], ["tags"], "active")
    assert "https://shop.example/hook" in made["authorization"]["text"]
    shown = body_of(shop.ask("GET", f"{PATH}/{made['id']}"))
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert body_of(shop.ask("GET", PATH)) == {"data": [shown], "has_more": False, "next": None}
    shop.account.refresh_from_db()
    assert shop.account.records_deliveries


def test_a_secret_is_not_kept_for_a_repeated_request(shop: Shop) -> None:
    """Done once under its key; nobody can read the secret from the stored answer, nor ask for it again."""
    key = {"headers": {"idempotency-key": "hook-1"}}
    made = body_of(shop.ask("POST", PATH, HOOK, **key), 201)
    again = problem_of(shop.ask("POST", PATH, HOOK, **key), 409)
    assert again["code"] == "idempotency_answer_not_kept"
    assert "/rotate" in again["hint"]
    assert WebhookEndpoint.objects.for_account(shop.account).count() == 1
    address = f"{PATH}/{made['id']}/rotate"
    rotated = body_of(shop.ask("POST", address, headers={"idempotency-key": "keys-1"}))
    assert rotated["secret"] != made["secret"]
    assert problem_of(shop.ask("POST", address, headers={"idempotency-key": "keys-1"}), 409)["code"] == (
        "idempotency_answer_not_kept"
    )
    assert body_of(shop.ask("GET", f"{PATH}/{made['id']}"))["public_key"] == rotated["public_key"]
    kept = IdempotencyKey.objects.for_account(shop.account)
    assert {bytes(row.answer) for row in kept} == {b""}
    other = HOOK | {"description": "Another"}
    assert problem_of(shop.ask("POST", PATH, other, **key), 409)["code"] == "idempotency_conflict"


@pytest.mark.promise("P7.1")
def test_without_an_authorization_it_exists_and_may_not_be_tested(shop: Shop) -> None:
    made = make(shop, authorized=False)
    assert made["authorization"] is None
    assert problem_of(shop.ask("POST", f"{PATH}/{made['id']}/test"), 409)["code"] == "not_authorized"
    shop.account.refresh_from_db()
    assert not shop.account.records_deliveries


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://localhost@shop.example/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://hook.localhost./"}, "url"),
        ({"url": "https://127.1/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://0x7f.0.0.1/"}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"url": "ftp://shop.example/"}, "url"),
        ({"url": "https://shop.example/#top"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["message.read"]}, "events"),
        ({"fields": ["password"]}, "fields"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(shop: Shop, values: dict[str, Any], field: str) -> None:
    problem = problem_of(shop.ask("POST", PATH, HOOK | values), 422)
    assert problem["errors"][0]["field"].startswith(field)
    assert not WebhookEndpoint.objects.for_account(shop.account).exists()


@pytest.mark.parametrize(
    "change", [{"url": "https://other.example/"}, {"events": ["*"]}, {"fields": ["address", "tags"]}]
)
def test_handing_over_more_needs_another_authorization(shop: Shop, change: dict[str, Any]) -> None:
    address = f"{PATH}/{make(shop)['id']}"
    assert problem_of(shop.ask("PATCH", address, change), 422)["errors"][0]["field"] == "authorized"
    changed = body_of(shop.ask("PATCH", address, change | {"authorized": True}))
    assert {name: changed[name] for name in change} == change
    less = body_of(shop.ask("PATCH", address, {"fields": [], "events": ["message.delivered"]}))
    assert (less["fields"], less["events"]) == ([], ["message.delivered"])


def test_a_paused_webhook_is_resumed(shop: Shop) -> None:
    address = f"{PATH}/{make(shop)['id']}"
    assert body_of(shop.ask("PATCH", address, {"state": "paused"}))["state"] == "paused"
    assert problem_of(shop.ask("POST", f"{address}/test"), 409)["code"] == "not_active"
    assert body_of(shop.ask("PATCH", address, {"state": "active"}))["state"] == "active"
    told = AuditEntry.objects.for_account(shop.account).filter(action__startswith="webhook.")
    assert list(told.order_by("id").values_list("action", flat=True)) == [
        "webhook.created",
        "webhook.paused",
        "webhook.resumed",
    ]


def test_a_test_is_sent_listed_and_sent_again(shop: Shop, sink: WebhookSink) -> None:  # noqa: F811
    made = make(shop, url=sink.url())
    address = f"{PATH}/{made['id']}"
    queued = body_of(shop.ask("POST", f"{address}/test"), 202)
    sink.answer = lambda _request: Said(500, body=b"not now")
    now = utc_now()
    assert send_due(now) == 1
    (request,) = sink.requests
    assert request.headers["webhook-id"] == queued["message_id"]
    verify_headers(made["secret"], request.headers, request.body, now=int(now.timestamp()))
    one = body_of(shop.ask("GET", f"{address}/deliveries/{queued['id']}"))
    assert (one["state"], one["status"], one["payload"]["type"]) == ("given_up", 500, "webhook.test")
    assert [(entry["status"], entry["answer"]) for entry in one["log"]] == [(500, "not now")]
    assert body_of(shop.ask("POST", f"{address}/deliveries/{queued['id']}/replay"), 202)["state"] == "waiting"
    sink.answer = lambda _request: Said(200)
    send_due(utc_now())
    assert [each.headers["webhook-id"] for each in sink.requests] == [queued["message_id"]] * 2
    assert body_of(shop.ask("GET", f"{address}/deliveries?state=delivered"))["data"][0]["id"] == queued["id"]
    assert body_of(shop.ask("GET", f"{address}/deliveries?state=failed"))["data"] == []


def test_deliveries_come_in_pages(shop: Shop) -> None:
    address = f"{PATH}/{make(shop)['id']}"
    ids = [body_of(shop.ask("POST", f"{address}/test"), 202)["id"] for _number in range(3)]
    first = body_of(shop.ask("GET", f"{address}/deliveries?limit=2"))
    second = body_of(shop.ask("GET", f"{address}/deliveries?limit=2&after={first['next']}"))
    assert {one["id"] for one in first["data"] + second["data"]} == set(ids)
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert problem_of(shop.ask("GET", f"{address}/deliveries?after=nonsense"), 422)["code"] == "invalid"


def test_a_range_goes_on_in_the_background(shop: Shop) -> None:
    address = f"{PATH}/{make(shop)['id']}"
    today = utc_now().isoformat()
    began = body_of(shop.ask("POST", f"{address}/replay", {"since": today}), 202)["work"]
    assert body_of(shop.ask("GET", f"/api/v1/work/{began}"))["state"] == "queued"
    work = BackgroundWork.objects.for_account(shop.account).get(kind="webhooks.replay")
    run_replay(work, now=utc_now())
    told = body_of(shop.ask("GET", f"/api/v1/work/{began}"))
    assert (told["state"], told["result"], told["problem"]) == ("finished", {"queued": 0}, "")
    assert told["finished_at"]
    old = problem_of(shop.ask("POST", f"{address}/replay", {"since": "2020-01-01T00:00:00Z"}), 422)
    assert old["errors"][0]["field"] == "since"


def test_keys_are_rotated(shop: Shop) -> None:
    made = make(shop)
    rotated = body_of(shop.ask("POST", f"{PATH}/{made['id']}/rotate"))
    assert rotated["secret"] != made["secret"]
    assert rotated["public_key"] != made["public_key"]
    assert rotated["old_keys_until"]


def test_a_removed_webhook_is_gone(shop: Shop) -> None:
    address = f"{PATH}/{make(shop)['id']}"
    body_of(shop.ask("POST", f"{address}/test"), 202)
    assert shop.ask("DELETE", address).status == 204
    problem_of(shop.ask("GET", address), 404)
    row = WebhookEndpoint.objects.for_account(shop.account).get()
    assert row.keys_sealed is None
    assert WebhookDelivery.objects.for_account(shop.account).get().error == "removed"


def test_reading_and_writing_have_scopes_of_their_own(shop: Shop) -> None:
    address = f"{PATH}/{make(shop)['id']}"
    reader = shop.make_key(Scope.READ_WEBHOOKS)
    assert shop.ask("GET", address, key=reader).status == 200
    for method, path in (
        ("POST", PATH),
        ("PATCH", address),
        ("DELETE", address),
        ("POST", f"{address}/rotate"),
    ):
        assert problem_of(shop.ask(method, path, HOOK, key=reader), 403)["code"] == "missing_scope"
    assert problem_of(shop.ask("GET", PATH, key=shop.make_key(Scope.WRITE_WEBHOOKS)), 403)


def test_nobody_reaches_the_webhooks_of_another_account(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    address = f"{PATH}/{make(alice)['id']}"
    delivery = body_of(alice.ask("POST", f"{address}/test"), 202)["id"]
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for method, path in (
        ("GET", address),
        ("PATCH", address),
        ("DELETE", address),
        ("POST", f"{address}/test"),
        ("POST", f"{address}/rotate"),
        ("GET", f"{address}/authorizations"),
        ("DELETE", f"{address}/authorization"),
        ("GET", f"{address}/deliveries"),
        ("GET", f"{address}/deliveries/{delivery}"),
        ("POST", f"{address}/deliveries/{delivery}/replay"),
    ):
        problem_of(charlie.ask(method, path, {}), 404)


@pytest.mark.promise("P7.1")
def test_an_authorization_is_withdrawn_and_stays_known(shop: Shop) -> None:
    made = make(shop)
    address = f"{PATH}/{made['id']}"
    body_of(shop.ask("POST", f"{address}/test"), 202)
    for _time in range(2):
        assert body_of(shop.ask("DELETE", f"{address}/authorization"))["authorization"] is None
    assert WebhookDelivery.objects.for_account(shop.account).get().error == "withdrawn"
    assert problem_of(shop.ask("POST", f"{address}/test"), 409)["code"] == "not_authorized"
    body_of(shop.ask("PATCH", address, {"authorized": True}))
    listed = body_of(shop.ask("GET", f"{address}/authorizations?limit=1"))
    rest = body_of(shop.ask("GET", f"{address}/authorizations?after={listed['next']}"))
    now, before = listed["data"] + rest["data"]
    assert (now["end"], now["ended_at"], before["end"], before["ended_by"]) == ("", None, "withdrawn", "Shop")
    assert before["text"] == made["authorization"]["text"]
    assert before["url"] == made["url"]
