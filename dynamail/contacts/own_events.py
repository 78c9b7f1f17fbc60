"""Events of the account's own, about its contacts: checked, matched to people, each kept once.

A batch is one transaction and a handful of statements, whatever its size. Rows are locked in one order (contacts, names, keys),
so that batches that come at once wait for each other and never crosswise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor
from dynamail.contacts.addressing import AddressError, ContactAddress, read_address
from dynamail.contacts.editing import Source
from dynamail.contacts.external_ids import BadExternalId, clean_external_id
from dynamail.contacts.models import ContactState
from dynamail.contacts.people_of_events import (
    Known,
    Maker,
    ask_for_external_ids,
    ask_for_people,
    create_people,
    follow_merges,
    read_held,
    read_people,
)
from dynamail.events.own import OwnEventRow, ask_for_taken, ask_to_insert
from dynamail.events.own_names import (
    KnownName,
    Lesson,
    ask_for_names,
    ask_to_learn,
    find_lesson,
    make_names,
    read_names,
    refuse_name,
)
from dynamail.events.own_values import (
    OwnEventFault,
    Span,
    check_moment,
    check_properties,
    clean_event_name,
    make_event_key,
)
from dynamail.lib.asking import Inquiry, run_inquiry
from dynamail.lib.ids import new_id

MAX_AT_ONCE = 5_000
NOBODY_YET = UUID(int=0)  # a contact that a dry run would make


@dataclass(slots=True)  # not frozen, nor the others here: tens of thousands are made in a second
class NewOwnEvent:
    """What somebody says happened. The contact is named by email, id or external id; `at` is now unless it is said.

    `event_id` is what the sender calls the event: the same one with the same name again is the same event.
    """

    name: str
    email: str = ""
    contact_id: UUID | None = None
    at: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = ""
    create_contact: bool = False
    external_id: str = ""


@dataclass(slots=True)
class Result:
    """What became of one event: its id, or why it was not taken. `duplicate`: it was taken before, under this id."""

    id: UUID | None = None
    duplicate: bool = False
    fault: OwnEventFault | None = None

    @property
    def accepted(self) -> bool:
        return self.fault is None


@dataclass(slots=True)
class _Draft:
    """A checked event, on its way to its contact and its name."""

    name: str
    address: ContactAddress | None
    contact_id: UUID | None
    at: datetime
    properties: str
    types: Mapping[str, str]
    key: UUID | None
    create_contact: bool
    external_id: str
    fault: OwnEventFault | None = None

    def to_row(self, name_id: int) -> OwnEventRow:
        if self.contact_id is None:
            raise TypeError("an event without a contact is not written")
        return OwnEventRow(new_id(self.at), name_id, self.contact_id, self.at, self.properties, self.key)


@transaction.atomic(savepoint=False)
def record_own_events(
    account_id: int,
    events: Sequence[NewOwnEvent],
    *,
    source_kind: str,
    by: Actor,
    now: datetime,
    source: Source | None = None,
) -> list[Result]:
    """Keep events; the answer has one result for each, in order. What is wrong with one keeps no other out.

    `source` is said of contacts that are made; without it, `source_kind` and who acts.

    Call it inside `account_scope`. Up to MAX_AT_ONCE events; raises ValueError for more.
    """
    inquiry = take_own_events(account_id, events, source_kind=source_kind, by=by, now=now, source=source)
    with connections["default"].cursor() as cursor:
        return run_inquiry(inquiry, cursor)


def check_own_events(account_id: int, events: Sequence[NewOwnEvent], *, now: datetime) -> list[Result]:
    """What `record_own_events` would answer. Writes nothing; the ids of events that would be kept are none's."""
    with connections["default"].cursor() as cursor:
        return run_inquiry(_foresee(account_id, events, now), cursor)


def take_own_events(
    account_id: int,
    events: Sequence[NewOwnEvent],
    *,
    source_kind: str,
    by: Actor,
    now: datetime,
    source: Source | None = None,
) -> Inquiry[list[Result]]:
    """The same for whoever asks the database in another way."""
    maker = Maker(source or Source(source_kind, "", str(by) if by else ""), by, now)
    if len(events) > MAX_AT_ONCE:
        raise ValueError(f"{len(events)} events at once; split them into batches of {MAX_AT_ONCE}")
    span = Span.around(now)
    checked = [_check(event, now, span) for event in events]
    drafts = [draft for draft in checked if isinstance(draft, _Draft)]
    names = yield from _look_up(account_id, drafts, maker)
    written = yield from _write(account_id, drafts, names, source_kind, now)
    outcomes = iter(written)
    return [next(outcomes) if isinstance(one, _Draft) else Result(fault=one) for one in checked]


def _foresee(account_id: int, events: Sequence[NewOwnEvent], now: datetime) -> Inquiry[list[Result]]:
    span = Span.around(now)
    checked = [_check(event, now, span) for event in events]
    drafts = [draft for draft in checked if isinstance(draft, _Draft)]
    names = yield from _look_up(account_id, drafts, None)
    unknown = KnownName(0, {}, None)
    results, _new, rows = _make_rows(drafts, {one.name: names.get(one.name, unknown) for one in drafts})
    if rows:
        (taken,) = yield [ask_for_taken(account_id, rows)]
        _name_duplicates(drafts, results, dict(taken.rows))
    outcomes = iter(results)
    return [next(outcomes) if isinstance(one, _Draft) else Result(fault=one) for one in checked]


# ── Checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check(event: NewOwnEvent, now: datetime, span: Span) -> _Draft | OwnEventFault:
    try:
        name = clean_event_name(event.name)
        if event.at is not None:
            check_moment(event.at, span)
        properties, types = check_properties(event.properties)
        key = make_event_key(name, event.event_id)
        address = _read_address(event)
        external_id = _read_external_id(event)
    except OwnEventFault as fault:
        return fault.with_traceback(None)
    return _Draft(
        name,
        address,
        event.contact_id,
        event.at or now,
        properties,
        types,
        key,
        event.create_contact,
        external_id,
    )


def _read_address(event: NewOwnEvent) -> ContactAddress | None:
    if event.contact_id is not None or event.external_id:
        if event.email or (event.contact_id is not None and event.external_id):
            field_name = "email" if event.email else "external_id"
            raise OwnEventFault(
                field_name, "two_contacts", _("Give one of email address, id and external id.")
            )
        return None
    if not event.email:
        raise OwnEventFault(
            "email", "no_contact", _("Say whose event it is: give an email address, an id or an external id.")
        )
    try:
        return read_address(event.email)
    except AddressError as error:
        raise OwnEventFault("email", error.code, str(error)) from None


def _read_external_id(event: NewOwnEvent) -> str:
    try:
        return clean_external_id(event.external_id) if event.external_id else ""
    except BadExternalId as error:
        raise OwnEventFault("external_id", error.code, str(error)) from None


# ── Contacts and names ───────────────────────────────────────────────────────────────────────────────────────────────
def _look_up(account_id: int, drafts: Sequence[_Draft], maker: Maker | None) -> Inquiry[dict[str, KnownName]]:
    """Name the contact of each draft by id, or say why it has none. Returns the names of events.

    With a maker what is missing is made; without, it is left as it would be.
    """
    if not drafts:
        return {}
    keys = {one.address.key for one in drafts if one.address}
    ids = {one.contact_id for one in drafts if one.contact_id}
    external_ids = {one.external_id for one in drafts if one.external_id}
    people, known, *linked = yield [
        ask_for_people(account_id, keys, ids, external_ids),
        ask_for_names(account_id, sorted({one.name for one in drafts})),
        *([ask_for_external_ids(account_id, external_ids)] if external_ids else []),
    ]
    by_external_id = read_people(linked[0]) if linked else {}
    (by_key, by_id), names = read_held(people, keys, ids), read_names(known)
    if len(by_key) < len(keys) or len(by_id) < len(ids):
        merged, merged_by_id = yield from follow_merges(account_id, keys - by_key.keys(), ids - by_id.keys())
        by_key, by_id = by_key | merged, by_id | merged_by_id
        by_key |= yield from _create_missing(account_id, drafts, by_key, maker)
    for one in drafts:
        if one.external_id:
            found = by_external_id.get(one.external_id)
        else:
            found = by_key.get(one.address.key) if one.address else by_id.get(one.contact_id)
        one.contact_id = found.id if found else None
        one.fault = _refuse_contact(found, one)
    if maker is not None:
        names |= yield from _make_missing_names(account_id, drafts, names, maker.now)
    return names


def _create_missing(
    account_id: int, drafts: Sequence[_Draft], known: Mapping[str, Known], maker: Maker | None
) -> Inquiry[dict[str, Known]]:
    wanted: dict[str, ContactAddress] = {}
    for one in drafts:
        if one.create_contact and one.address and one.address.key not in known:
            wanted.setdefault(one.address.key, one.address)  # the first spelling stays
    if not wanted:
        return {}
    if maker is None:
        return {key: Known(NOBODY_YET, ContactState.ACTIVE) for key in wanted}
    return (yield from create_people(account_id, wanted.values(), maker=maker))


def _make_missing_names(
    account_id: int, drafts: Sequence[_Draft], known: Mapping[str, KnownName], now: datetime
) -> Inquiry[dict[str, KnownName]]:
    wanted = {one.name for one in drafts if one.fault is None} - known.keys()
    if not wanted:
        return {}
    made = yield from make_names(account_id, wanted, now=now)
    for one in drafts:
        if one.fault is None and one.name in wanted and one.name not in made:
            one.fault = refuse_name()
    return made


def _refuse_contact(known: Known | None, draft: _Draft) -> OwnEventFault | None:
    field_name = "external_id" if draft.external_id else "email" if draft.address else "contact"
    if known is None:
        return OwnEventFault(field_name, "unknown_contact", _("No contact of this account has it."))
    if known.state == ContactState.RESTRICTED:
        return OwnEventFault(
            field_name,
            "restricted",
            _("Nothing is recorded about this contact: they asked to be left alone."),
        )
    return None


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _write(
    account_id: int,
    drafts: Sequence[_Draft],
    names: Mapping[str, KnownName],
    source_kind: str,
    now: datetime,
) -> Inquiry[list[Result]]:
    """Results of the drafts, in order. Of drafts with one key the first is written."""
    results, new, rows = _make_rows(drafts, names)
    if not rows:
        return results
    inserted, *_lessons = yield [
        ask_to_insert(account_id, rows, source_kind=source_kind, now=now),
        *ask_to_learn(account_id, _find_lessons(new, names)),
    ]
    if inserted.count < len(rows):
        (taken,) = yield [ask_for_taken(account_id, rows)]
        own_ids = {row.id for row in rows}
        before = {key: event_id for key, event_id in taken.rows if event_id not in own_ids}
        _name_duplicates(drafts, results, before)
    return results


def _make_rows(
    drafts: Sequence[_Draft], names: Mapping[str, KnownName]
) -> tuple[list[Result], list[_Draft], list[OwnEventRow]]:
    """A result for each draft; and those that are to be written, with their rows."""
    first: dict[UUID, Result] = {}
    results, new, rows = [], [], []
    for one in drafts:
        if one.fault is not None:
            results.append(Result(fault=one.fault))
            continue
        if one.key is not None and (same := first.get(one.key)) is not None:
            results.append(Result(same.id, duplicate=True))
            continue
        row = one.to_row(names[one.name].id)
        result = Result(row.id)
        if one.key is not None:
            first[one.key] = result
        results.append(result)
        new.append(one)
        rows.append(row)
    return results, new, rows


def _find_lessons(drafts: Iterable[_Draft], names: Mapping[str, KnownName]) -> list[Lesson]:
    by_name: dict[str, list[_Draft]] = {}
    for one in drafts:
        by_name.setdefault(one.name, []).append(one)
    return [
        find_lesson(names[name], (one.types for one in told), max(one.at for one in told))
        for name, told in by_name.items()
    ]


def _name_duplicates(
    drafts: Sequence[_Draft], results: Sequence[Result], before: Mapping[UUID, UUID]
) -> None:
    for one, result in zip(drafts, results, strict=True):
        if one.key is not None and result.fault is None and one.key in before:
            result.id, result.duplicate = before[one.key], True
