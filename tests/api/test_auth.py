from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from dynamail.accounts.api_keys import (
    BadNetwork,
    Scope,
    clean_networks,
    make_secret,
    may_come_from,
    read_networks,
    revoke_api_key,
)
from dynamail.accounts.models import Account, ApiKey, User
from dynamail.api.key_cache import KeyCache
from dynamail.lib.clock import utc_now
from dynamail.privacy.acceptance import accept_policy, find_unaccepted, has_accepted
from dynamail.privacy.models import PolicyAcceptance, PolicyDocument
from dynamail.privacy.policies import PolicyText, publish_policy
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


# ── Known for a second ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_revoked_key_is_refused_within_a_second(shop: Shop) -> None:
    moments = [0.0]
    shop.app.state.known_keys = KeyCache(shop.app.state.doors, clock=lambda: moments[0])
    body_of(shop.ask("GET", PATH))
    key = ApiKey.objects.for_account(shop.account).get()
    revoke_api_key(key, by=shop.owner, now=utc_now())
    moments[0] = 0.9
    body_of(shop.ask("GET", PATH))
    moments[0] = 1.0
    problem_of(shop.ask("GET", PATH), 401)


def test_the_keys_that_are_known_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamail.api.key_cache.MOST_KEYS", 2)
    for _place in range(4):
        body_of(shop.ask("GET", PATH, key=shop.make_key(*Scope)))
    assert len(shop.app.state.known_keys._known) == 2


# ── Where a key may be used, and for what ────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ([], "203.0.113.77", True),
        (["203.0.113.77"], "203.0.113.77", True),
        (["203.0.113.77"], "::ffff:203.0.113.77", True),
        (["203.0.113.77"], "203.0.113.78", False),
        (["203.0.113.9/24"], "203.0.113.200", True),
        (["2001:db8::/32", "10.0.0.0/8"], "2001:db8:1::5", True),
        (["2001:db8::/32"], "203.0.113.77", False),
        (["0.0.0.0/0"], "::1", False),
        (["10.0.0.0/8"], "", False),
        (["10.0.0.0/8"], "10.0.0.1, 1.2.3.4", False),
    ],
)
def test_a_key_is_used_from_its_networks_alone(networks: list[str], address: str, allowed: bool) -> None:
    key = ApiKey(allowed_ips=clean_networks(networks))
    assert may_come_from(read_networks(key), address) is allowed


@pytest.mark.parametrize("text", ["", "x", "10.0.0.0/33", "10.0.0.1-10.0.0.9", "::/129", "10.0.0.256"])
def test_what_is_no_network_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadNetwork, match="is no address or network"):
        clean_networks([text])


def test_a_request_from_elsewhere_is_refused(shop: Shop) -> None:
    here, elsewhere = (shop.make_key(*Scope, allowed_ips=[ip]) for ip in ("203.0.113.0/24", "198.51.100.7"))
    body_of(shop.ask("GET", PATH, key=here))
    problem = problem_of(shop.ask("GET", PATH, key=elsewhere), 403)
    assert (problem["code"], "203.0.113.77" in problem["detail"]) == ("ip_not_allowed", True)
    claim = {"x-forwarded-for": "198.51.100.7"}
    problem_of(shop.ask("GET", PATH, key=elsewhere, headers=claim), 403)


def test_a_proxy_that_was_declared_is_believed_in_its_own_word_alone(shop: Shop, settings: Any) -> None:
    settings.TRUST_PROXY = True
    secret = shop.make_key(*Scope, allowed_ips=["198.51.100.7"])
    for header, status in (
        ("198.51.100.7", 200),
        ("1.2.3.4, 198.51.100.7", 200),
        ("198.51.100.7, 1.2.3.4", 403),
    ):
        answer = shop.ask("GET", PATH, key=secret, headers={"x-forwarded-for": header})
        assert answer.status == status, header


def test_a_test_key_says_so_by_its_secret(shop: Shop) -> None:
    secret = shop.make_key(*Scope, is_test=True)
    assert secret.startswith("dm_test_")
    body_of(shop.ask("GET", PATH, key=secret))
    assert ApiKey.objects.for_account(shop.account).get().is_test
    problem_of(shop.ask("GET", PATH, key=secret.replace("dm_test_", "dm_live_")), 401)


# ── The policy ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P1.3")
def test_the_keys_of_an_account_work_once_a_member_has_accepted_the_policy_in_force(shop: Shop) -> None:
    user = User.objects.get(pk=shop.owner.user_id)
    assert has_accepted(shop.account.pk, now=utc_now())  # nothing is published
    texts = {"en": PolicyText("Privacy", "One."), "ru": PolicyText("Приватность", "Один.")}
    try:
        publish_policy("privacy", texts, now=utc_now())
        shop.app.state.known_keys.forget()
        for method, path in ROUTES:
            assert problem_of(shop.ask(method, path, []), 403)["code"] == "policy_not_accepted"
        problem_of(shop.ask("POST", "/api/v1/events", {}), 403)
        for document in find_unaccepted(user, now=utc_now()):
            accept_policy(user, document, language="en", now=utc_now())
        shop.app.state.known_keys.forget()
        body_of(shop.ask("GET", PATH))
        assert has_accepted(shop.account.pk, now=utc_now())
        PolicyAcceptance.objects.filter(user=user).delete()
        shop.app.state.known_keys.forget()
        problem_of(shop.ask("GET", PATH), 403)
    finally:
        PolicyAcceptance.objects.all().delete()
        remove_policies()


def remove_policies() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # a trigger keeps what is published
        cursor.execute("DELETE FROM policy_document")
        cursor.execute("SET session_replication_role = origin")
    assert not PolicyDocument.objects.exists()
