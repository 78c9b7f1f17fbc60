from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.api_keys import (
    Scope,
    create_api_key,
    find_api_key,
    is_well_formed,
    make_secret,
    revoke_api_key,
)
from dynamail.accounts.models import Account, ApiKey, Member, User
from dynamail.accounts.tenancy import account_scope
from tests.support.personas import NOW


@pytest.fixture
def owner(account: Account, alice: User) -> Member:
    return Member.objects.for_account(account).select_related("user").get(user=alice)


@pytest.fixture
def key_and_secret(account: Account, owner: Member) -> tuple[ApiKey, str]:
    return create_api_key(account.pk, name="Shop", scopes=[Scope.SEND_MESSAGES], by=owner, now=NOW)


def test_a_secret_finds_its_key_and_account(account: Account, key_and_secret: tuple[ApiKey, str]) -> None:
    key, secret = key_and_secret
    found = find_api_key(secret, now=NOW)
    assert found == key
    assert found is not None
    assert (found.account, found.scopes) == (account, ["messages.send"])


@pytest.mark.promise("P2.2")
def test_the_secret_is_nowhere_in_the_database(key_and_secret: tuple[ApiKey, str]) -> None:
    _key, secret = key_and_secret
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(k::text, '') FROM api_key k), (SELECT string_agg(a::text, '') FROM audit_entry a)"
        )
        stored = "".join(filter(None, cursor.fetchone()))
    assert secret not in stored
    assert secret[12:30] not in stored


def test_a_revoked_or_expired_key_is_refused(account: Account, owner: Member) -> None:
    key, secret = create_api_key(
        account.pk, name="k", scopes=["messages.send"], by=owner, now=NOW, expires_at=NOW + timedelta(days=1)
    )
    assert find_api_key(secret, now=NOW + timedelta(hours=23)) is not None
    assert find_api_key(secret, now=NOW + timedelta(days=1)) is None
    assert revoke_api_key(key, by=owner, now=NOW)
    assert not revoke_api_key(key, by=owner, now=NOW)
    assert find_api_key(secret, now=NOW) is None


def test_a_key_of_a_closed_account_is_refused(account: Account, key_and_secret: tuple[ApiKey, str]) -> None:
    Account.objects.filter(pk=account.pk).update(state=Account.State.CLOSED)
    assert find_api_key(key_and_secret[1], now=NOW) is None


def test_use_is_noted_at_most_once_a_minute(key_and_secret: tuple[ApiKey, str]) -> None:
    key, secret = key_and_secret
    for seconds in (0, 10, 59, 61):
        find_api_key(secret, now=NOW + timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_at == NOW + timedelta(seconds=61 if seconds == 61 else 0)


def test_knowing_a_secret_shows_that_key_and_no_other(
    account: Account, owner: Member, key_and_secret: tuple[ApiKey, str]
) -> None:
    create_api_key(account.pk, name="Other", scopes=["messages.send"], by=owner, now=NOW)
    key, _secret = key_and_secret
    with account_scope(0), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('dynamail.key_hash', %s, true)", [key.key_hash])
        assert [row.pk for row in ApiKey.objects.across_accounts(reason="test")] == [key.pk]
        cursor.execute("UPDATE api_key SET name = 'taken'")
        assert cursor.rowcount == 0
        cursor.execute("SELECT set_config('dynamail.key_hash', '', true)")
        assert not ApiKey.objects.across_accounts(reason="test").exists()


def test_unknown_scopes_are_left_out(account: Account, owner: Member) -> None:
    key, _secret = create_api_key(
        account.pk, name="k", scopes=["everything", "messages.send"], by=owner, now=NOW
    )
    assert key.scopes == ["messages.send"]


def test_every_made_secret_is_well_formed_and_different() -> None:
    secrets = {make_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert all(is_well_formed(secret) for secret in secrets)


@given(st.integers(0, 53), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_mistyped_secret_is_refused_without_the_database(place: int, character: str) -> None:
    secret = make_secret()
    typed = secret[:place] + character + secret[place + 1 :]
    assert is_well_formed(typed) == (typed == secret)


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    assert not is_well_formed(text)
