"""How far work in the background is."""

from __future__ import annotations

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.background import fail_work, finish_work, queue_work, report_progress, start_work
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of, problem_of

PATH = "/api/v1/work"


def test_work_tells_how_far_it_is_and_what_came_of_it(shop: Shop) -> None:
    work = queue_work(shop.account.pk, kind="webhooks.replay", title="Webhooks again", by=None)
    start_work(work, now=utc_now())
    report_progress(work, done=1000, total=2500)
    told = body_of(shop.ask("GET", f"{PATH}/{work.public_id}"))
    assert (told["id"], told["kind"], told["title"]) == (work.public_id, "webhooks.replay", "Webhooks again")
    assert (told["state"], told["done"], told["total"]) == ("running", 1000, 2500)
    assert told["finished_at"] is None
    finish_work(work, now=utc_now(), queued=7, since="2026-01-01", only_missing=True)
    told = body_of(shop.ask("GET", f"{PATH}/{work.public_id}"))
    assert (told["state"], told["result"]) == ("finished", {"queued": 7})


def test_work_that_failed_says_why(shop: Shop) -> None:
    work = queue_work(shop.account.pk, kind="contacts.bulk", title="Tag", by=None)
    fail_work(work, now=utc_now(), message="It took too long.")
    told = body_of(shop.ask("GET", f"{PATH}/{work.public_id}"))
    assert (told["state"], told["problem"]) == ("failed", "It took too long.")


def test_work_needs_the_scope_of_what_it_is_about(shop: Shop) -> None:
    work = queue_work(shop.account.pk, kind="webhooks.replay", title="Webhooks again", by=None)
    other = queue_work(shop.account.pk, kind="contacts.bulk", title="Tag", by=None)
    key = shop.make_key(Scope.READ_WEBHOOKS)
    body_of(shop.ask("GET", f"{PATH}/{work.public_id}", key=key))
    refused = problem_of(shop.ask("GET", f"{PATH}/{other.public_id}", key=key), 403)
    assert refused["code"] == "missing_scope"
    assert "contacts.read" in refused["detail"]
    assert problem_of(shop.ask("GET", f"{PATH}/{other.public_id}", key=""), 401)["code"] == "unauthenticated"


def test_another_accounts_work_is_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    work = queue_work(alice.account.pk, kind="webhooks.replay", title="Webhooks again", by=None)
    assert problem_of(charlie.ask("GET", f"{PATH}/{work.public_id}"), 404)["code"] == "not_found"
    for wrong in ("wrk_1", "exp_01m83krzc2ea3bstfps363zj32", "%00"):
        assert problem_of(alice.ask("GET", f"{PATH}/{wrong}"), 404)["code"] == "not_found"
