"""Values that occur in the data, for whoever writes a condition."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.core.cache import cache

from dynamail.conditions.folding import fold
from dynamail.conditions.tree import Field
from dynamail.contacts.models import Attribute
from dynamail.events.models import EventName
from dynamail.lib.sql import SqlFragment
from dynamail.segments.asking import TimedOut, ask_account, run
from dynamail.segments.catalog_counts import round_sampled
from dynamail.segments.compiling_attributes import COLUMNS, read_attribute
from dynamail.segments.compiling_values import fold_value
from dynamail.segments.counting import SAMPLES
from dynamail.segments.fragments import compose, is_storable

MOST = 20  # suggestions
LOOKED_AT = 20_000  # contacts first; all of them when nothing there begins as it was typed
LATEST_EVENTS = 20_000
SECONDS = 1.5  # a suggestion that takes longer is none
REMEMBERED = 60  # seconds that a beginning in vain is remembered: who types on asks for longer ones
SUGGESTED_TYPES = ("text", "choice", "number", "date", "list")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value, and how many contacts have it, more or less."""

    value: str
    contacts: int


def suggest_attribute_values(
    account_id: int, key: str, prefix: str = "", *, limit: int = MOST
) -> list[Suggestion]:
    """The most frequent values of an attribute that begin with the prefix, letter case aside."""
    attribute = Attribute.objects.for_account(account_id).filter(key=key).first()
    if attribute is None or attribute.type not in SUGGESTED_TYPES:
        return []
    operand = read_attribute(attribute.number, attribute.type)
    if attribute.type == "list":
        many = "jsonb_array_elements_text(CASE WHEN {} THEN {} ELSE '[]' END)"
        value = compose(many, operand.there, operand.value)
    else:
        value = compose("CASE WHEN {} THEN {}::text END", operand.there, operand.value)
    return _suggest(account_id, f"attribute {attribute.pk}", value, prefix, limit)


def suggest_field_values(
    account_id: int, field: str, prefix: str = "", *, limit: int = MOST
) -> list[Suggestion]:
    """Of a column that every contact has, such as domain or language."""
    column = COLUMNS.get(Field(field)) if field in set(Field) else None
    return [] if column is None else _suggest(account_id, f"field {field}", column, prefix, limit)


def suggest_property_values(
    account_id: int, event: str, property: str, prefix: str = "", *, limit: int = MOST
) -> list[Suggestion]:
    """Texts and numbers of a property in the latest events of that name."""
    name = EventName.objects.for_account(account_id).filter(name=event).first()
    if name is None or not is_storable(property + prefix):
        return []
    asked = {
        "account_id": account_id,
        "name_id": name.pk,
        "property": property,
        "latest": LATEST_EVENTS,
        "prefix": fold(prefix),
        "limit": limit,
    }
    return [Suggestion(*row) for row in _ask(account_id, "suggest_properties", {}, asked)]


def _suggest(account_id: int, source: str, value: SqlFragment, prefix: str, limit: int) -> list[Suggestion]:
    """Frequent values from a share of the contacts; rare ones, which it lacks, from all."""
    if not is_storable(prefix):
        return []
    prefix = fold(prefix)
    vain = _Vain(account_id, source)
    fragments = {"value": value, "folded": fold_value(SqlFragment("found.value"))}
    shares = _choose_shares(account_id)
    for share in shares:
        if share != shares[0] and vain.is_known(prefix):
            return []
        asked = {"account_id": account_id, "share": share, "prefix": prefix, "limit": limit}
        rows = _ask(account_id, "suggest_values", fragments, asked)
        if rows or not prefix:
            return [Suggestion(text, _round_share(number, share)) for text, number in rows]
    if len(shares) > 1:
        vain.remember(prefix)
    return []


def _choose_shares(account_id: int) -> list[int]:
    """Samples of a thousand to look at: first some thousand contacts, then all."""
    rows = _ask(account_id, "count_share", {}, {"account_id": account_id, "share": 10})
    total = rows[0][0] * SAMPLES / 10
    return [SAMPLES] if total <= LOOKED_AT else [max(1, round(SAMPLES * LOOKED_AT / total)), SAMPLES]


def _round_share(number: int, share: int) -> int:
    return number if share == SAMPLES else round_sampled(number * SAMPLES / share)


class _Vain:
    """Beginnings that no value of the account has, for a minute: what begins with one of them need not be looked for in all contacts."""

    def __init__(self, account_id: int, source: str) -> None:
        self._place = f"suggesting {account_id} {source}"

    def is_known(self, prefix: str) -> bool:
        return bool(cache.get_many([self._make_key(prefix[:end]) for end in range(1, len(prefix) + 1)]))

    def remember(self, prefix: str) -> None:
        cache.set(self._make_key(prefix), True, REMEMBERED)

    def _make_key(self, prefix: str) -> str:
        return sha256(f"{self._place} {prefix}".encode()).hexdigest()


def _ask(account_id: int, name: str, fragments: dict[str, SqlFragment], asked: dict[str, Any]) -> list[Any]:
    try:
        with ask_account(account_id, seconds=SECONDS) as cursor:
            return run(cursor, name, fragments, **asked).rows
    except TimedOut:
        return []
