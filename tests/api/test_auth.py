from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.api_keys import Scope, make_secret, revoke_api_key
from dynamail.accounts.models import Account, ApiKey
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of, problem_of

PATH = "/api/v1/suppressions"
ROUTES = [
    ("GET", PATH),
    ("POST", PATH),
    ("GET", f"{PATH}/ann@mail.example"),
    ("DELETE", f"{PATH}/ann@mail.example"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_key_nothing_is_answered_and_the_way_in_is_told(shop: Shop, method: str, path: str) -> None:
    answer = shop.ask(method, path, [], key="")
    assert problem_of(answer, 401)["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == 'Bearer realm="DynaMail"'


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "dm_live_x",
        "Bearer dm_live_x",
        "Bearer \xff\xfe",
        "Bearer a b",
    ],
)
def test_what_is_no_key_is_refused(shop: Shop, header: str) -> None:
    answer = shop.ask("GET", PATH, key="", headers={"authorization": header})
    problem_of(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_well_formed_key_of_nobody_a_revoked_and_an_expired_one_are_refused(shop: Shop) -> None:
    now = utc_now()
    expired = shop.make_key(*Scope, expires_at=now - timedelta(seconds=1))
    revoked = shop.make_key(*Scope)
    row = ApiKey.objects.for_account(shop.account).latest("pk")
    revoke_api_key(row, by=shop.owner, now=now)
    for secret in (make_secret(), expired, revoked):
        answer = shop.ask("GET", PATH, key=secret)
        assert "revoked or expired" in problem_of(answer, 401)["detail"]
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_key_of_a_closed_account_is_refused(shop: Shop) -> None:
    assert shop.ask("GET", PATH).status == 200
    Account.objects.filter(pk=shop.account.pk).update(state=Account.State.CLOSED)
    shop.app.state.known_keys.forget()
    problem_of(shop.ask("GET", PATH), 401)


def test_a_key_that_lacks_the_scope_is_told_which_one(shop: Shop) -> None:
    reader, writer = shop.make_key(Scope.READ_SUPPRESSIONS), shop.make_key(Scope.WRITE_SUPPRESSIONS)
    body_of(shop.ask("GET", PATH, key=reader))
    answer = shop.ask("GET", PATH, key=writer)
    problem = problem_of(answer, 403)
    assert problem["code"] == "missing_scope"
    assert "suppressions.read" in problem["detail"]
    assert 'scope="suppressions.read"' in answer.headers["www-authenticate"]
    assert "suppressions.write" in problem_of(shop.ask("POST", PATH, [], key=reader), 403)["detail"]
    problem_of(shop.ask("DELETE", f"{PATH}/ann@mail.example", key=reader), 403)


def test_the_use_of_a_key_is_noted(shop: Shop) -> None:
    shop.ask("GET", PATH)
    assert ApiKey.objects.for_account(shop.account).get().last_used_at is not None


def test_a_key_in_the_address_opens_nothing(shop: Shop) -> None:
    problem_of(shop.ask("GET", f"{PATH}?key={shop.key}&access_token={shop.key}", key=""), 401)
