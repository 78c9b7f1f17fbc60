"""Values that occur in the data, for whoever writes a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynamail.conditions.folding import fold
from dynamail.conditions.tree import Field
from dynamail.contacts.models import Attribute
from dynamail.events.models import EventName
from dynamail.lib.sql import SqlFragment
from dynamail.segments.asking import TimedOut, ask_account, run
from dynamail.segments.compiling_attributes import COLUMNS, read_attribute
from dynamail.segments.compiling_values import fold_value
from dynamail.segments.counting import SAMPLES
from dynamail.segments.fragments import compose, is_storable

MOST = 20  # suggestions
LOOKED_AT = 30_000  # contacts first; all of them when too few values are found there
LATEST_EVENTS = 20_000
SECONDS = 3.0  # a suggestion that takes longer is none
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
        return _suggest(account_id, compose(many, operand.there, operand.value), prefix, limit)
    value = compose("CASE WHEN {} THEN {}::text END", operand.there, operand.value)
    return _suggest(account_id, value, prefix, limit)


def suggest_field_values(
    account_id: int, field: str, prefix: str = "", *, limit: int = MOST
) -> list[Suggestion]:
    """Of a column that every contact has, such as domain or language."""
    column = COLUMNS.get(Field(field)) if field in set(Field) else None
    return [] if column is None else _suggest(account_id, column, prefix, limit)


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


def _suggest(account_id: int, value: SqlFragment, prefix: str, limit: int) -> list[Suggestion]:
    if not is_storable(prefix):
        return []
    fragments = {"value": value, "folded": fold_value(SqlFragment("found.value"))}
    rows: list[Suggestion] = []
    for share in _choose_shares(account_id):
        asked = {"account_id": account_id, "share": share, "prefix": fold(prefix), "limit": limit}
        found = _ask(account_id, "suggest_values", fragments, asked)
        rows = [Suggestion(text, round(number * SAMPLES / share)) for text, number in found] or rows
        if len(rows) == limit:
            break
    return rows


def _choose_shares(account_id: int) -> list[int]:
    """Samples of a thousand to look at: first some thousand contacts, then all."""
    rows = _ask(account_id, "count_share", {}, {"account_id": account_id, "share": 10})
    total = rows[0][0] * SAMPLES / 10
    return [SAMPLES] if total <= LOOKED_AT else [max(1, round(SAMPLES * LOOKED_AT / total)), SAMPLES]


def _ask(account_id: int, name: str, fragments: dict[str, SqlFragment], asked: dict[str, Any]) -> list[Any]:
    try:
        with ask_account(account_id, seconds=SECONDS) as cursor:
            return run(cursor, name, fragments, **asked).rows
    except TimedOut:
        return []
