"""Indexes of contacts' attributes, made when a segment of a large account asks for one.

Attributes have numbers from 1 on in each account, so one index over `attributes->>'3'` serves the third attribute of all accounts. An
index makes each written contact dearer; hence only those that saved segments use, and none that they no longer do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, cast

from django.db import connections

from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.referring import find_references
from dynamail.contacts.models import Attribute
from dynamail.segments.compiling_attributes import read_attribute
from dynamail.segments.models import Segment

LARGE = 20_000  # contacts: below, looking at all of them is as fast
HIGHEST_NUMBER = 24  # of an attribute
OWNER = "dynamail_owner"
PREFIX = "contact_attribute_"
TEXTS, NUMBERS = (
    "head",
    "number",
)  # the first characters of texts: PostgreSQL refuses to write a row whose key is too long
FORMS = {
    "text": TEXTS,
    "choice": TEXTS,
    "date": TEXTS,
    "time": TEXTS,
    "number": NUMBERS,
}  # the others have few values, or several at once


@dataclass(frozen=True, slots=True, order=True)
class AttributeIndex:
    number: int
    form: str  # TEXTS or NUMBERS

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.number}_{self.form}"

    @property
    def expression(self) -> LiteralString:
        """The one that conditions compare."""
        operand = read_attribute(self.number, "number" if self.form == NUMBERS else "text")
        return cast(LiteralString, (operand.head or operand.value).text.replace("contact.", ""))

    def list_sql(self) -> list[str]:
        """Whatever is compared is not NULL. The planner takes no statistics from a partial index, so they are asked for by name."""
        value = self.expression
        return [
            f"CREATE STATISTICS IF NOT EXISTS {self.name}_values ON ({value}) FROM contact",
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {self.name} ON contact (account_id, {value}) WHERE {value} IS NOT NULL",
        ]


def maintain_indexes() -> list[str]:
    """Build what segments want and drop what they no longer want; returns the names of what changed.

    Outside a transaction: neither writers nor readers of contacts wait. A broken build leaves an invalid index, which goes first.
    """
    wanted = find_wanted_indexes()
    with _own_connection() as cursor:
        changed = [*_drop_invalid(cursor), *_drop_unwanted(cursor, wanted)]
        existing = _list_indexes(cursor)
        missing = sorted(one for one in wanted if one.name not in existing)
        for statement in (statement for index in missing for statement in index.list_sql()):
            cursor.execute(statement)
        if missing:
            cursor.execute("ANALYZE contact")  # the planner knows nothing of an expression before
    return changed + [index.name for index in missing]


def find_wanted_indexes() -> set[AttributeIndex]:
    """Of the attributes that segments of large accounts name."""
    used: dict[int, set[str]] = {}
    segments = Segment.objects.across_accounts(reason="one set of indexes serves all accounts").filter(
        archived_at=None
    )
    for account_id, definition in segments.values_list("account_id", "definition"):
        used.setdefault(account_id, set()).update(_list_attributes(definition))
    return {
        AttributeIndex(row.number, FORMS[row.type])
        for account_id, keys in used.items()
        if keys and _is_large(account_id)
        for row in Attribute.objects.for_account(account_id).filter(
            key__in=keys, number__lte=HIGHEST_NUMBER, type__in=FORMS
        )
    }


def _list_attributes(definition: object) -> frozenset[str]:
    try:
        return find_references(parse_condition(definition)).attributes
    except ConditionFault:
        return frozenset()


def _is_large(account_id: int) -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM contact WHERE account_id = %s LIMIT %s) AS first_ones",
            [account_id, LARGE + 1],
        )
        return cursor.fetchone()[0] > LARGE


@contextmanager
def _own_connection() -> Iterator[Any]:
    """A cursor with the owner's rights; its settings end with it."""
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {OWNER}")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        try:
            yield cursor
        finally:
            cursor.execute("RESET maintenance_work_mem")
            cursor.execute("RESET ROLE")


def _list_indexes(cursor: Any, *, valid: bool = True) -> set[str]:
    cursor.execute(
        "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE indrelid = 'contact'::regclass AND starts_with(relname::text, %s) AND indisvalid = %s",
        [PREFIX, valid],
    )
    return {name for (name,) in cursor.fetchall()}


def _drop_invalid(cursor: Any) -> list[str]:
    return _drop(cursor, _list_indexes(cursor, valid=False))


def _drop_unwanted(cursor: Any, wanted: set[AttributeIndex]) -> list[str]:
    return _drop(cursor, _list_indexes(cursor) - {index.name for index in wanted})


def _drop(cursor: Any, names: set[str]) -> list[str]:
    for name in sorted(names):
        cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        cursor.execute(f'DROP STATISTICS IF EXISTS "{name}_values"')
    return sorted(names)
