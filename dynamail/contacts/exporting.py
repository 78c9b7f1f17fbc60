"""Contacts as CSV: row by row from short transactions, with cells that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import Subscription, Topic
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.external_ids import list_external_ids
from dynamail.contacts.models import Attribute, Contact, ContactState, Tag
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.values import export_value
from dynamail.contacts.walking import walk_contacts
from dynamail.lib.sql import SqlFragment

BLOCK = 2_000
FINDING_SECONDS = 60.0  # before the first piece: a browser and a proxy wait no longer
_FORMULA = re.compile(
    r"'*[=+\-@\t\r]"
)  # apostrophes included, so that taking one off gives back what was there
BOM = "\ufeff"

PLAIN_COLUMNS = {
    "email": _("Email"),
    "name": _("Name"),
    "language": _("Language"),
    "state": _("State"),
    "tags": _("Tags"),
    "source": _("Source"),
    "created": _("Added"),
    "external_ids": _("External ids"),
}


@dataclass(frozen=True)
class _Beside:
    """What is known of contacts apart from their rows, as far as a column asks for it."""

    topics: Mapping[UUID, Mapping[int, str]] = field(default_factory=dict)
    external_ids: Mapping[UUID, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """What a file has: plain columns, attributes and topics in the order asked for."""

    headers: list[str]
    makers: list[Callable[[Contact, _Beside], str]]
    needs_topics: bool
    needs_external_ids: bool


def guard_formula(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run (OWASP CSV injection); importing takes it off again."""
    return f"'{text}" if _FORMULA.match(text) else text


def strip_formula_guard(text: str) -> str:
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def write_rows(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV text (RFC 4180), one piece a row, guarded."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    for row in rows:
        yield writer.writerow([guard_formula(cell) for cell in row])


def export_contacts(
    account_id: int,
    wanted: ContactFilter,
    *,
    narrowing: SqlFragment | None = None,
    columns: Sequence[str],
    ids: Sequence[UUID] | None = None,
    bom: bool = False,
) -> Iterator[str]:
    """The file in pieces. Columns are those of `list_columns`; `ids` narrows to chosen contacts. Restricted people are left out (P8.3).

    Who matches is decided before the first piece comes; asking for it raises TooSlow.
    """
    with account_scope(account_id):
        plan = _plan_columns(account_id, columns)
    if ids is not None:
        narrowing = _choose(ids, narrowing)
    with closing(walk_contacts(account_id, wanted, narrowing, size=BLOCK, seconds=FINDING_SECONDS)) as blocks:
        block = next(blocks, None)
        yield (BOM if bom else "") + "".join(write_rows([plan.headers]))
        while block:
            with account_scope(account_id):
                contacts = _read_block(account_id, block)
                beside = _read_beside(account_id, contacts, plan)
            yield "".join(write_rows([make(contact, beside) for make in plan.makers] for contact in contacts))
            block = next(blocks, None)


def start_export(pieces: Iterator[str]) -> Iterator[str]:
    """Ask for the first piece now, while there is somebody to tell. Raises TooSlow."""
    first = next(pieces)

    def go_on() -> Iterator[str]:
        yield first
        yield from pieces

    return go_on()


def list_columns(account_id: int) -> dict[str, str]:
    """Column names that `export_contacts` takes, with their labels."""
    columns = {name: str(label) for name, label in PLAIN_COLUMNS.items()}
    columns |= {f"attribute:{attribute.pk}": attribute.label for attribute in list_attributes(account_id)}
    topics = Topic.objects.for_account(account_id).filter(archived_at=None).order_by("position", "pk")
    return columns | {f"topic:{topic.pk}": topic.name for topic in topics}


class _Echo:
    """Where csv.writer writes: it hands the text back."""

    def write(self, text: str) -> str:
        return text


def _plan_columns(account_id: int, columns: Sequence[str]) -> Columns:
    known = list_columns(account_id)
    chosen = [name for name in columns if name in known] or ["email"]
    tags = dict(Tag.objects.for_account(account_id).values_list("pk", "name"))
    attributes = {attribute.pk: attribute for attribute in list_attributes(account_id)}
    makers = [_make_maker(name, tags, attributes) for name in chosen]
    needs_topics = any(name.startswith("topic:") for name in chosen)
    return Columns([known[name] for name in chosen], makers, needs_topics, "external_ids" in chosen)


def _make_maker(
    name: str, tags: dict[int, str], attributes: dict[int, Attribute]
) -> Callable[[Contact, _Beside], str]:
    kind, _colon, number = name.partition(":")
    match kind:
        case "attribute":
            key = str(attributes[int(number)].number)
            return lambda contact, _beside: export_value(contact.attributes.get(key))
        case "topic":
            return lambda contact, beside: beside.topics.get(contact.id, {}).get(int(number), "")
        case "tags":
            return lambda contact, _beside: ", ".join(tags[tag] for tag in contact.tags if tag in tags)
    if (make := _MAKERS.get(name)) is not None:
        return make
    return lambda contact, _beside: str(getattr(contact, name))


_MAKERS: dict[str, Callable[[Contact, _Beside], str]] = {
    "source": lambda contact, _beside: contact.source_label or contact.source_kind,
    "created": lambda contact, _beside: contact.created_at.isoformat(timespec="seconds"),
    # A line each: an external id may hold commas and spaces, and no line break.
    "external_ids": lambda contact, beside: "\n".join(beside.external_ids.get(contact.id, ())),
}


def _choose(ids: Sequence[UUID], narrowing: SqlFragment | None) -> SqlFragment:
    chosen = SqlFragment("contact.id = ANY(%s)", (list(ids),))
    if narrowing is None:
        return chosen
    return SqlFragment(f"{chosen.text} AND ({narrowing.text})", (*chosen.parameters, *narrowing.parameters))


def _read_block(account_id: int, ids: Sequence[UUID]) -> list[Contact]:
    """As they are now; who was deleted or restricted since the beginning is left out."""
    rows = Contact.objects.for_account(account_id).filter(id__in=ids).exclude(state=ContactState.RESTRICTED)
    return list(rows.order_by("id"))


def _read_beside(account_id: int, contacts: Sequence[Contact], plan: Columns) -> _Beside:
    return _Beside(
        _topic_states(account_id, contacts) if plan.needs_topics else {},
        list_external_ids(account_id, [one.id for one in contacts]) if plan.needs_external_ids else {},
    )


def _topic_states(account_id: int, contacts: Sequence[Contact]) -> dict[UUID, dict[int, str]]:
    states: dict[UUID, dict[int, str]] = {}
    rows = Subscription.objects.for_account(account_id).filter(
        contact_id__in=[contact.id for contact in contacts]
    )
    for contact_id, topic_id, state in rows.values_list("contact_id", "topic_id", "state"):
        states.setdefault(contact_id, {})[topic_id] = state
    return states
