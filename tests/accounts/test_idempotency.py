from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from dynamail.accounts.idempotency import (
    BadKey,
    KeyReused,
    StoredAnswer,
    ask_to_release,
    check_key,
    claim_key,
    claim_keys,
    forget_old_keys,
    hash_request,
    store_answer,
)
from dynamail.accounts.models import Account, IdempotencyKey
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.asking import Inquiry, run_inquiry
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
ORDER = hash_request("POST", "/api/v1/emails", b'{"to": "ann@example.com"}')
OTHER = hash_request("POST", "/api/v1/emails", b'{"to": "bo@example.com"}')
DONE = StoredAnswer(202, b'{"id": "eml_1"}')


def ask(account: Account, inquiry: Inquiry[Any]) -> Any:
    with account_scope(account), connection.cursor() as cursor:
        return run_inquiry(inquiry, cursor)


def test_the_first_does_the_work_and_the_next_get_its_answer(account: Account) -> None:
    assert ask(account, claim_key(account.pk, "k1", ORDER, now=NOW)) is None
    ask(account, store_answer(account.pk, "k1", DONE))
    assert ask(account, claim_key(account.pk, "k1", ORDER, now=NOW)) == DONE


def test_a_key_belongs_to_one_request(account: Account) -> None:
    ask(account, claim_key(account.pk, "k1", ORDER, now=NOW))
    with pytest.raises(KeyReused, match="another request"):
        ask(account, claim_key(account.pk, "k1", OTHER, now=NOW))


def test_accounts_have_their_own_keys(account: Account, other_account: Account) -> None:
    ask(account, claim_key(account.pk, "k1", ORDER, now=NOW))
    assert ask(other_account, claim_key(other_account.pk, "k1", OTHER, now=NOW)) is None


def test_an_answer_is_given_for_a_day(account: Account) -> None:
    ask(account, claim_key(account.pk, "k1", ORDER, now=NOW))
    ask(account, store_answer(account.pk, "k1", DONE))
    almost = NOW + timedelta(hours=24)
    assert ask(account, claim_key(account.pk, "k1", ORDER, now=almost)) == DONE
    later = almost + timedelta(seconds=1)
    assert ask(account, claim_key(account.pk, "k1", OTHER, now=later)) is None


def test_a_released_key_may_be_used_again(account: Account) -> None:
    ask(account, claim_key(account.pk, "k1", ORDER, now=NOW))
    with account_scope(account), connection.cursor() as cursor:
        release = ask_to_release(account.pk, ["k1"])
        cursor.execute(release.statement, release.parameters)
    assert ask(account, claim_key(account.pk, "k1", OTHER, now=NOW)) is None


def test_many_keys_are_claimed_at_once(account: Account) -> None:
    ask(account, claim_key(account.pk, "b", ORDER, now=NOW))
    ask(account, store_answer(account.pk, "b", DONE))
    ask(account, claim_key(account.pk, "c", ORDER, now=NOW))
    found = ask(account, claim_keys(account.pk, {"c": OTHER, "b": ORDER, "a": ORDER}, now=NOW))
    assert found["a"] is None
    assert found["b"] == DONE
    assert isinstance(found["c"], KeyReused)


def test_old_keys_are_forgotten(account: Account) -> None:
    ask(account, claim_key(account.pk, "old", ORDER, now=NOW - timedelta(hours=25)))
    ask(account, claim_key(account.pk, "new", ORDER, now=NOW - timedelta(hours=23)))
    assert forget_old_keys(now=NOW) == 1
    assert IdempotencyKey.objects.for_account(account).get().key == "new"


@pytest.mark.parametrize("text", ["", "  ", "x" * 257, "ключ", "a\nb", "a\x00"])
def test_a_key_is_short_printable_text(text: str) -> None:
    with pytest.raises(BadKey):
        check_key(text, is_test=False)
    assert check_key(" order 17 ", is_test=False) == "order 17"


def test_a_short_secret_in_a_body_cannot_be_guessed_from_what_is_kept() -> None:
    body = b'{"code": "4815"}'
    kept = hash_request("POST", "/x", body)
    assert kept not in {
        hashlib.sha256(part).digest() for part in (body, b"POST/x" + body, b"POST /x " + body)
    }
    assert kept != hash_request("POST", "/y", body)
    assert hash_request("POST", "/ab", b"c") != hash_request("POST", "/a", b"bc")
