"""Campaigns through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import ApiKey, AuditEntry
from dynamail.campaigns.models import Campaign
from dynamail.contacts.tags import create_tag
from dynamail.lib.clock import utc_now
from dynamail.messages.models import Outbox
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.campaigns import make_half_sent_campaign, make_ready_campaign, make_sender
from tests.support.people import make_topic

PATH = "/api/v1/campaigns"


def path_of(campaign: Campaign) -> str:
    return f"{PATH}/{campaign.public_id}"


def ready(shop: Shop, **values: object) -> Campaign:
    return make_ready_campaign(shop.account, shop.owner, **values)  # type: ignore[arg-type]


def draft(shop: Shop, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = body_of(shop.ask("POST", PATH, {"name": "Spring"} | values), 201)
    return made


def actions_of(shop: Shop) -> list[tuple[str, str]]:
    rows = AuditEntry.objects.for_account(shop.account).filter(action__startswith="campaign.").order_by("pk")
    return list(rows.values_list("action", "actor_kind"))


# ── Drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_draft_is_made_with_what_goes_without_saying(shop: Shop) -> None:
    topic, sender = make_topic(shop.account), make_sender(shop.account)
    create_tag(shop.account.pk, "vip", by=None, now=utc_now())
    made = draft(shop, subject="Hi", kind="text", body="Hello", include_tags=["VIP"], utm={"source": "dm"})
    assert (made["state"], made["topic"], made["sender"], made["version"]) == (
        "draft",
        topic.public_id,
        sender.public_id,
        1,
    )
    assert (made["include_tags"], made["utm"]) == (["vip"], {"source": "dm", "medium": "email"})
    one = f"{PATH}/{made['id']}"
    assert body_of(shop.ask("GET", one)) == made
    changed = body_of(shop.ask("PATCH", one, {"name": "Summer", "include_tags": [], "version": 1}))
    assert (changed["name"], changed["include_tags"], changed["subject"]) == ("Summer", [], "Hi")
    problem = problem_of(shop.ask("PATCH", one, {"name": "x", "version": 1}), 409)
    assert (problem["code"], problem["errors"]) == (
        "changed_meanwhile",
        [{"field": "version", "message": "2"}],
    )
    assert shop.ask("DELETE", one).status == 204
    assert actions_of(shop) == [("campaign.created", "api_key"), ("campaign.deleted", "api_key")]
    assert Campaign.objects.for_account(shop.account).count() == 0


def test_a_draft_takes_content_of_a_template_and_its_audience_of_a_segment(shop: Shop) -> None:
    body = {"name": "Letter", "kind": "text", "subject": "S", "source": "Text {{ contact.name }}"}
    template = body_of(shop.ask("POST", "/api/v1/templates", body), 201)
    condition = {"kind": "field", "field": "email", "op": "contains", "value": "@mail.example"}
    segment = body_of(shop.ask("POST", "/api/v1/segments", {"name": "X", "definition": condition}), 201)
    made = draft(shop, template=template["id"], subject="Mine", segment=segment["id"])
    assert (made["kind"], made["body"], made["subject"]) == ("text", "Text {{ contact.name }}", "Mine")
    assert made["condition"] == {"kind": "segment", "segment": segment["id"]}


def test_what_is_no_draft_is_named(shop: Shop) -> None:
    for body, field in (
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "topic": "top_x"}, "topic"),
        ({"name": "x", "sender": "snd_x"}, "sender"),
        ({"name": "x", "template": "tpl_x"}, "template"),
        ({"name": "x", "segment": "seg_x"}, "segment"),
        ({"name": "x", "include_tags": ["nobody"]}, "include_tags"),
        ({"name": "x", "condition": {"kind": "moon"}}, "condition/kind"),
        ({"name": "x", "kind": "word"}, "kind"),
        ({"name": "x", "utm": {"colour": "red"}}, "utm.colour"),
        ({"name": "x", "state": "running"}, "state"),
    ):
        assert problem_of(shop.ask("POST", PATH, body), 422)["errors"][0]["field"] == field
    assert not Campaign.objects.for_account(shop.account).exists()


def test_campaigns_are_listed_by_pages_state_and_name(shop: Shop) -> None:
    made = [draft(shop, name=f"Letter {number}")["id"] for number in range(3)]
    first = body_of(shop.ask("GET", f"{PATH}?limit=2&state=draft"))
    rest = body_of(shop.ask("GET", f"{PATH}?limit=2&after={first['next']}"))
    assert [row["id"] for row in first["data"] + rest["data"]] == made[::-1]
    assert "body" not in first["data"][0]
    assert [row["id"] for row in body_of(shop.ask("GET", f"{PATH}?name=letter%201"))["data"]] == [made[1]]
    assert body_of(shop.ask("GET", f"{PATH}?state=running"))["data"] == []
    problem_of(shop.ask("GET", f"{PATH}?state=x"), 422)


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_draft_that_lacks_something_is_not_launched(shop: Shop) -> None:
    one = f"{PATH}/{draft(shop)['id']}"
    readiness = body_of(shop.ask("GET", f"{one}/readiness"))
    assert (readiness["ready"], readiness["recipients"]) == (False, 0)
    codes = {problem["code"] for problem in readiness["problems"] if problem["severity"] == "blocks"}
    assert {"topic_missing", "sender_missing", "subject_missing", "content_missing"} <= codes
    problem = problem_of(shop.ask("POST", f"{one}/launch"), 409)
    assert problem["code"] == "not_ready"
    assert {error["field"] for error in problem["errors"]} == {"to", "from", "subject", "content"}
    assert body_of(shop.ask("GET", one))["state"] == "draft"


def test_a_campaign_is_launched_paused_resumed_and_canceled(shop: Shop) -> None:
    campaign = ready(shop)
    one = path_of(campaign)
    assert body_of(shop.ask("GET", f"{one}/readiness"))["recipients"] == 3
    assert problem_of(shop.ask("POST", f"{one}/launch", {"version": 7}), 409)["code"] == "changed_meanwhile"
    launched = body_of(shop.ask("POST", f"{one}/launch", {"version": 1}))
    assert (launched["state"], launched["recipients"], launched["remaining"]) == ("running", 3, 3)
    assert problem_of(shop.ask("POST", f"{one}/launch"), 409)["code"] == "wrong_moment"
    assert problem_of(shop.ask("PATCH", one, {"name": "x"}), 409)["code"] == "not_editable"
    assert problem_of(shop.ask("DELETE", one), 409)["code"] == "not_editable"
    assert body_of(shop.ask("POST", f"{one}/pause"))["state"] == "paused"
    assert body_of(shop.ask("POST", f"{one}/resume"))["state"] == "running"
    canceled = body_of(shop.ask("POST", f"{one}/cancel"))
    assert (canceled["state"], canceled["remaining"]) == ("canceled", 0)
    links = body_of(shop.ask("GET", f"{one}/links"))
    assert [link["url"] for link in links["data"]][:1] == ["https://shop.acme.by/new"]
    assert [action for action, _kind in actions_of(shop)][1:] == [
        f"campaign.{word}" for word in ("launched", "paused", "resumed", "canceled")
    ]


def test_a_campaign_is_scheduled_and_taken_off(shop: Shop) -> None:
    one = path_of(ready(shop))
    at = (utc_now() + timedelta(days=1)).isoformat()
    assert body_of(shop.ask("POST", f"{one}/schedule", {"at": at}))["state"] == "scheduled"
    assert body_of(shop.ask("POST", f"{one}/unschedule"))["state"] == "draft"
    past = (utc_now() - timedelta(days=1)).isoformat()
    assert problem_of(shop.ask("POST", f"{one}/schedule", {"at": past}), 409)["code"] == "in_the_past"
    for body in ({}, {"at": "soon"}, {"at": "2030-01-01T00:00:00"}):
        assert problem_of(shop.ask("POST", f"{one}/schedule", body), 422)["errors"][0]["field"] == "at"


def test_a_test_goes_to_a_few_addresses(shop: Shop) -> None:
    one = path_of(ready(shop))
    body = {"to": ["me@acme.example"], "contact": "person1@mail.example"}
    sent = body_of(shop.ask("POST", f"{one}/test", body), 202)["messages"]
    assert [name[:4] for name in sent] == ["msg_"]
    row = Outbox.objects.for_account(shop.account).get()
    assert (row.recipient, row.payload["subject"]) == ("me@acme.example", "[Test] New things")
    assert "Hello Person" in row.payload["html"]
    for to in ([], ["x"], ["a@b.example"] * 6):
        problem_of(shop.ask("POST", f"{one}/test", {"to": to}), 422)
    problem_of(shop.ask("POST", f"{one}/test", {"to": ["a@b.example"], "contact": "x@y.example"}), 404)


def test_a_test_key_sends_nothing_to_people(shop: Shop) -> None:
    one = path_of(ready(shop))
    key = shop.make_key(*Scope)
    ApiKey.objects.for_account(shop.account).filter(prefix=key[:12]).update(is_test=True)
    at = (utc_now() + timedelta(days=1)).isoformat()
    for act, body in (("launch", {}), ("schedule", {"at": at}), ("test", {"to": ["a@b.example"]})):
        assert problem_of(shop.ask("POST", f"{one}/{act}", body, key=key), 403)["code"] == "test_key"
    assert body_of(shop.ask("GET", one))["state"] == "draft"


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_recipients_are_listed_by_outcome(shop: Shop) -> None:
    campaign = make_half_sent_campaign(shop.account, shop.owner.user)
    one = path_of(campaign)
    body = body_of(shop.ask("GET", one))
    assert (body["recipients"], body["numbers"]["delivered"], body["numbers"]["bounced"]) == (3, 1, 1)
    assert body["remaining"] == 1
    for outcome in ("delivered", "bounced", "remaining"):
        page = body_of(shop.ask("GET", f"{one}/recipients?outcome={outcome}&limit=1"))
        assert ([row["outcome"] for row in page["data"]], page["has_more"]) == ([outcome], False)
        assert page["data"][0]["email"].endswith("@mail.example")
    problem_of(shop.ask("GET", f"{one}/recipients?outcome=lost"), 422)
    problem_of(shop.ask("GET", f"{one}/recipients?after=x"), 422)


# ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────
ACTS = ("launch", "unschedule", "pause", "resume", "cancel")


@pytest.mark.promise("P5.2")
def test_another_accounts_campaigns_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    one = f"{PATH}/{draft(alice)['id']}"
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for tail in ("", "/readiness", "/recipients", "/links"):
        problem_of(charlie.ask("GET", one + tail), 404)
    problem_of(charlie.ask("PATCH", one, {"name": "x"}), 404)
    problem_of(charlie.ask("DELETE", one), 404)
    for act in ACTS:
        problem_of(charlie.ask("POST", f"{one}/{act}"), 404)
    problem_of(charlie.ask("POST", f"{one}/test", {"to": ["a@b.example"]}), 404)
    topic = make_topic(alice.account)
    assert problem_of(charlie.ask("POST", PATH, {"name": "x", "topic": topic.public_id}), 422)


def test_each_route_needs_its_scope(shop: Shop) -> None:
    one = f"{PATH}/{draft(shop)['id']}"
    reader, writer = shop.make_key(Scope.READ_CAMPAIGNS), shop.make_key(Scope.WRITE_CAMPAIGNS)
    body_of(shop.ask("GET", one, key=reader))
    for act in (*ACTS, "test", "schedule"):
        problem_of(shop.ask("POST", f"{one}/{act}", {}, key=reader), 403)
    problem_of(shop.ask("GET", one, key=writer), 403)
    assert "contacts.read" in problem_of(shop.ask("GET", f"{one}/recipients", key=reader), 403)["detail"]
