"""A request that is sent twice under one key does its work once, and is answered twice.

A key is claimed at the beginning of the transaction that does the work, and the answer stored in it before it commits. Who comes
meanwhile with the same key waits at the row: for the answer, or, when that transaction is rolled back, for the work.

    stored = run_inquiry(claim_key(account_id, key, body_hash, now=now), cursor)   # or pipeline_inquiry
    if stored is None:
        …the work…
        run_inquiry(store_answer(account_id, key, StoredAnswer(202, body)), cursor)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from dynamail.accounts.models import IdempotencyKey
from dynamail.lib.asking import Ask, Inquiry
from dynamail.lib.signing import derive_key
from dynamail.lib.sql import load_sql

KEPT = timedelta(hours=24)
MAX_KEY = 256  # characters
_PURPOSE = "idempotency"
_KEY = re.compile(r"[!-~](?:[ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request was told: the HTTP status and a body, or whatever the door stores there."""

    status: int
    answer: bytes


class BadKey(ValueError):
    """The text cannot be a key. The sentence is for the caller."""


class KeyReused(ValueError):
    """The key belongs to another request."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This Idempotency-Key was used with another request within 24 hours. Use a new key for a new request."
            )
        )


def check_key(text: str, *, is_test: bool) -> str:
    """The key as it is kept. Those of test keys are apart: what was tried with one is still to be done with the other. Raises BadKey."""
    key = text.strip()
    if not _KEY.fullmatch(key) or len(key) > MAX_KEY:
        raise BadKey(_("An Idempotency-Key has 1 to %d printable ASCII characters.") % MAX_KEY)
    # No key begins with a space.
    return " " + hashlib.sha256(key.encode()).hexdigest() if is_test else key


def hash_request(method: str, path: str, body: bytes) -> bytes:
    """What tells two requests apart. Keyed: a body may hold a short secret, which a plain hash would give away to who tries."""
    keyed = hmac.new(derive_key(settings.SECRET_KEY, _PURPOSE), digestmod=hashlib.sha256)
    for part in (method.encode(), path.encode()):
        keyed.update(len(part).to_bytes(4) + part)
    keyed.update(body)
    return keyed.digest()


def claim_key(account_id: int, key: str, body_hash: bytes, *, now: datetime) -> Inquiry[StoredAnswer | None]:
    """None: the key is ours, do the work. Otherwise the answer of the request that had it before. Raises KeyReused."""
    answers = yield from claim_keys(account_id, {key: body_hash}, now=now)
    answer = answers[key]
    if isinstance(answer, KeyReused):
        raise answer
    return answer


def claim_keys(
    account_id: int, wanted: Mapping[str, bytes], *, now: datetime
) -> Inquiry[dict[str, StoredAnswer | KeyReused | None]]:
    """Many keys with the hashes of their requests; None for those that are ours now.

    The keys are claimed in their order, so that two batches wait for each other and never crosswise.
    """
    parameters = {
        "account_id": account_id,
        "keys": list(wanted),
        "hashes": list(wanted.values()),
        "now": now,
        "ended": now - KEPT,
    }
    (claimed,) = yield [Ask(load_sql("accounts", "claim_idempotency_keys"), parameters)]
    ours = {key for (key,) in claimed.rows}
    answers: dict[str, StoredAnswer | KeyReused | None] = dict.fromkeys(ours)
    if len(ours) < len(wanted):
        statement = "SELECT key, body_hash, status, answer FROM idempotency_key WHERE account_id = %s AND key = ANY(%s::text[])"
        (told,) = yield [Ask(statement, [account_id, sorted(wanted.keys() - ours)])]
        for key, body_hash, status, answer in told.rows:
            same = hmac.compare_digest(bytes(body_hash), wanted[key])
            answers[key] = StoredAnswer(status, bytes(answer)) if same else KeyReused()
    return answers


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Which of some keys are taken: the hash of the request behind each, with its answer. `old` had one more than a day ago."""

    answers: Mapping[str, tuple[bytes, StoredAnswer]]
    old: Collection[str]

    def find_answer(self, key: str, body_hash: bytes) -> StoredAnswer | KeyReused | None:
        """None: nobody has the key."""
        if key not in self.answers:
            return None
        known, answer = self.answers[key]
        return answer if hmac.compare_digest(known, body_hash) else KeyReused()


def find_keys(account_id: int, keys: Collection[str], *, now: datetime) -> Inquiry[KnownKeys]:
    """Look without claiming, for who writes the keys with their answers in the end (`ask_to_keep`)."""
    statement = "SELECT key, body_hash, status, answer, created_at FROM idempotency_key WHERE account_id = %s AND key = ANY(%s::text[])"
    (told,) = yield [Ask(statement, [account_id, list(keys)])]
    answers = {
        key: (bytes(body_hash), StoredAnswer(status, bytes(answer)))
        for key, body_hash, status, answer, at in told.rows
        if at >= now - KEPT
    }
    return KnownKeys(answers, [row[0] for row in told.rows if row[0] not in answers])


def ask_to_keep(
    account_id: int,
    answers: Mapping[str, tuple[bytes, StoredAnswer]],
    *,
    old: Collection[str],
    now: datetime,
) -> list[Ask]:
    """Keys with the hashes of their requests and their answers, where none was found before. Waits for a transaction that has one
    of them; the database raises UniqueViolation when that commits: then all is to be done again, and the answer is found."""
    statement = (
        "INSERT INTO idempotency_key (account_id, key, body_hash, status, answer, created_at) "
        "SELECT %s, key, body_hash, status, answer, %s "
        "FROM unnest(%s::text[], %s::bytea[], %s::smallint[], %s::bytea[]) AS new (key, body_hash, status, answer)"
    )
    ordered = sorted(answers)  # so that two batches wait for each other and never crosswise
    hashes = [answers[key][0] for key in ordered]
    stored = [answers[key][1] for key in ordered]
    parameters = [
        account_id,
        now,
        ordered,
        hashes,
        [one.status for one in stored],
        [one.answer for one in stored],
    ]
    return [*([ask_to_release(account_id, old)] if old else []), Ask(statement, parameters)]


def store_answer(account_id: int, key: str, answer: StoredAnswer) -> Inquiry[None]:
    """In the transaction that claimed the key."""
    yield [ask_to_store(account_id, {key: answer})]


def ask_to_store(account_id: int, answers: Mapping[str, StoredAnswer]) -> Ask:
    statement = (
        "UPDATE idempotency_key SET status = new.status, answer = new.answer "
        "FROM unnest(%s::text[], %s::smallint[], %s::bytea[]) AS new (key, status, answer) "
        "WHERE idempotency_key.account_id = %s AND idempotency_key.key = new.key"
    )
    statuses = [one.status for one in answers.values()]
    return Ask(statement, [list(answers), statuses, [one.answer for one in answers.values()], account_id])


def ask_to_release(account_id: int, keys: Collection[str]) -> Ask:
    """Claimed keys whose requests were refused: the corrected request may have the same key."""
    statement = "DELETE FROM idempotency_key WHERE account_id = %s AND key = ANY(%s::text[])"
    return Ask(statement, [account_id, sorted(keys)])


def forget_old_keys(*, now: datetime) -> int:
    """Delete what is older than 24 hours. Returns how many."""
    rows = IdempotencyKey.objects.across_accounts(reason="scheduled cleaning of all accounts")
    return int(rows.filter(created_at__lt=now - KEPT).delete()[0])
