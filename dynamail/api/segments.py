"""Segments: listed, made, changed, archived, counted, and who is in them. `docs/api/segments.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, Caller, in_account, needs_scope
from dynamail.api.errors import FieldError, Problem
from dynamail.api.reading import Misfit, read_choice, read_json, read_limit, read_shape, refuse
from dynamail.campaigns.uses import find_campaign_uses
from dynamail.conditions.faults import ConditionFault, Fault
from dynamail.contacts.models import Contact
from dynamail.contacts.queries import ORDERS, ContactFilter, ContactPage, list_page
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.lib.keyset import read_cursor
from dynamail.segments.asking import STATEMENT_TIMEOUT, TimedOut, ask_account
from dynamail.segments.checking import read_sound
from dynamail.segments.compiling import compile_for
from dynamail.segments.counting import TooCostly, count_exactly, explain_cost
from dynamail.segments.errors import SegmentChanged, SegmentError, SegmentInUse
from dynamail.segments.history import Change, list_changes
from dynamail.segments.models import Segment
from dynamail.segments.saving import (
    archive_segment,
    change_segment,
    create_segment,
    find_segment,
    list_segments,
)
from dynamail.segments.wording import describe_costly, translate_fault

PATH = "/api/v1/segments"
PAGE, LARGEST_PAGE = 100, 500
CHANGE_PREFIX = "evt"
NEWEST = "newest"
STATES = ("active", "archived")
ACTS = ("entered", "left")
NO_STORE = {"cache-control": "no-store"}
READ, WRITE = needs_scope(Scope.READ_SEGMENTS), needs_scope(Scope.WRITE_SEGMENTS)
READ_PEOPLE = needs_scope(Scope.READ_CONTACTS)

Answer = TypeVar("Answer")
Name = Annotated[str, msgspec.Meta(max_length=150)]
Description = Annotated[str, msgspec.Meta(max_length=500)]


class SegmentInput(msgspec.Struct, forbid_unknown_fields=True):
    """A segment to make."""

    name: Name
    definition: Any
    description: Description = ""
    keeps_members: bool = True


class SegmentChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """What to change of a segment; what is left out stays."""

    name: Name | None = None
    definition: dict[str, Any] | None = None
    description: Description | None = None
    keeps_members: bool | None = None
    version: int | None = None


class QuestionInput(msgspec.Struct, forbid_unknown_fields=True):
    """A condition that belongs to no segment."""

    condition: Any


class SegmentBody(msgspec.Struct, frozen=True):
    """One segment. `size` is null until it was counted; `problem` says why it cannot be."""

    id: str
    name: str
    description: str
    definition: Any
    version: int
    keeps_members: bool
    size: int | None
    counted_at: datetime | None
    problem: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class SegmentsBody(msgspec.Struct, frozen=True):
    data: list[SegmentBody]


class CountBody(msgspec.Struct, frozen=True):
    number: int
    milliseconds: float


class ContactBody(msgspec.Struct, frozen=True):
    id: str
    email: str
    name: str
    language: str
    created_at: datetime


class ContactsBody(msgspec.Struct, frozen=True):
    data: list[ContactBody]
    next: str | None


class ChangeBody(msgspec.Struct, frozen=True):
    """Somebody joined (`entered`) or left. `email` is null when they are gone since."""

    id: str
    at: datetime
    act: str
    contact: str
    email: str | None


class ChangesBody(msgspec.Struct, frozen=True):
    data: list[ChangeBody]
    next: str | None


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@get(PATH, guards=[READ])
async def list_all(request: ApiRequest) -> Response[SegmentsBody]:
    """By name. An account has up to a thousand, so there is one page."""
    archived = read_choice(request, "state", STATES, "active") == "archived"
    search = request.query_params.get("name", "")[:150]

    def find(caller: Caller) -> SegmentsBody:
        rows = list_segments(caller.account_id, search=search, archived=archived)
        return SegmentsBody([_describe(row) for row in rows])

    return _answer(await in_account(request, find))


@post(PATH, guards=[WRITE])
async def create(request: ApiRequest) -> Response[SegmentBody]:
    """201; its members are looked for in the background."""
    said = _read_body(await read_json(request), SegmentInput)

    def make(caller: Caller) -> SegmentBody:
        return _describe(
            create_segment(
                caller.account_id,
                name=said.name,
                definition=said.definition,
                description=said.description,
                keeps_members=said.keeps_members,
                by=caller.key,
                now=caller.now,
            )
        )

    return _answer(await in_account(request, lambda caller: _refusing(lambda: make(caller))), status=201)


@post(f"{PATH}/count", guards=[READ])
async def count(request: ApiRequest) -> Response[CountBody]:
    """How many contacts fit a condition that is not saved."""
    said = _read_body(await read_json(request), QuestionInput)

    def ask(caller: Caller) -> CountBody:
        condition = read_sound(caller.account_id, said.condition)
        counted = count_exactly(caller.account_id, condition, now=caller.now)
        return CountBody(counted.number, counted.milliseconds)

    answer = await in_account(request, lambda caller: _refusing(lambda: ask(caller), field="condition"))
    return _answer(answer, status=200)


@get(f"{PATH}/{{segment_id:str}}", guards=[READ])
async def show(request: ApiRequest, segment_id: FromPath[str]) -> Response[SegmentBody]:
    return _answer(
        await in_account(request, lambda caller: _describe(_find(caller, segment_id))),
    )


@patch(f"{PATH}/{{segment_id:str}}", guards=[WRITE])
async def change(request: ApiRequest, segment_id: FromPath[str]) -> Response[SegmentBody]:
    """With the `version` that was read, nobody's change is overwritten."""
    said = _read_body(await read_json(request), SegmentChangeInput)

    def write(caller: Caller) -> SegmentBody:
        segment = _find(caller, segment_id)
        return _describe(
            change_segment(
                segment,
                version=said.version,
                name=said.name,
                definition=said.definition,
                description=said.description,
                keeps_members=said.keeps_members,
                by=caller.key,
                now=caller.now,
            )
        )

    return _answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))))


@delete(f"{PATH}/{{segment_id:str}}", guards=[WRITE], status_code=204)
async def remove(request: ApiRequest, segment_id: FromPath[str]) -> None:
    """Into the archive; 409 while another segment or a campaign that is not sent yet asks for it."""

    def archive(caller: Caller) -> None:
        segment = _find(caller, segment_id)
        uses = find_campaign_uses(caller.account_id, "segment", segment.public_id)
        archive_segment(segment, other_uses=uses, by=caller.key, now=caller.now)

    await in_account(request, lambda caller: _refusing(lambda: archive(caller)))


@get(f"{PATH}/{{segment_id:str}}/contacts", guards=[READ, READ_PEOPLE])
async def list_contacts(request: ApiRequest, segment_id: FromPath[str]) -> Response[ContactsBody]:
    """Who is in it at this moment, the newest first. `after` takes what `next` of the page before said."""
    size = read_limit(request, default=PAGE, most=LARGEST_PAGE)
    after = request.query_params.get("after", "")
    if after and read_cursor(ORDERS[NEWEST], after) is None:
        raise refuse(FieldError("after", "is not what “next” of a page said"))

    def find(caller: Caller) -> ContactsBody:
        segment = _find(caller, segment_id)
        page = _list_people(segment, after=after, size=size, now=caller.now)
        return ContactsBody([_describe_contact(row) for row in page.contacts], page.after or None)

    return _answer(await in_account(request, lambda caller: _refusing(lambda: find(caller))))


@get(f"{PATH}/{{segment_id:str}}/changes", guards=[READ, READ_PEOPLE])
async def list_history(request: ApiRequest, segment_id: FromPath[str]) -> Response[ChangesBody]:
    """Who joined and left, the latest first."""
    size = read_limit(request, default=PAGE, most=LARGEST_PAGE)
    act = read_choice(request, "act", ACTS)
    before = _read_change_id(request.query_params.get("after", ""))

    def find(caller: Caller) -> ChangesBody:
        segment = _find(caller, segment_id)
        entered = None if not act else act == ACTS[0]
        found = list_changes(segment, entered=entered, before=before, limit=size + 1)
        page = [_describe_change(one) for one in found[:size]]
        return ChangesBody(page, page[-1].id if len(found) > size else None)

    return _answer(await in_account(request, find))


HANDLERS = [list_all, create, count, show, change, remove, list_contacts, list_history]


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_body(body: Any, shape: type[Answer]) -> Answer:
    if not isinstance(body, dict):
        raise refuse(FieldError("body", "must be an object"))
    try:
        return read_shape(body, shape)  # type: ignore[type-var]
    except Misfit as misfit:
        raise refuse(*misfit.errors) from None


def _list_people(segment: Segment, *, after: str, size: int, now: datetime) -> ContactPage:
    """Raises ConditionFault, TooCostly."""
    account_id = segment.account_id
    condition = read_sound(account_id, segment.definition)
    narrowing = compile_for(account_id, condition, now=now, salt=segment.public_id)
    try:
        with ask_account(account_id, seconds=STATEMENT_TIMEOUT):
            return list_page(
                account_id, ContactFilter(), narrowing=narrowing, sort=NEWEST, after=after, size=size
            )
    except TimedOut:
        raise explain_cost(account_id, condition, now=now, seconds=STATEMENT_TIMEOUT) from None


def _read_change_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return from_public_id(CHANGE_PREFIX, text)
    except UnknownId:
        raise refuse(FieldError("after", "is not what “next” of a page said")) from None


def _find(caller: Caller, segment_id: str) -> Segment:
    segment = find_segment(caller.account_id, segment_id)
    if segment is None:
        raise Problem(404, "not_found", "There is no such segment in this account.")
    return segment


# ── Refusing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _refusing(verb: Callable[[], Answer], *, field: str = "definition") -> Answer:
    """Run a verb, and say what it refuses as the API says it; `field` is where the request has the condition."""
    try:
        return verb()
    except ConditionFault as error:
        raise refuse(*(_name_fault(fault, field) for fault in error.faults)) from None
    except TooCostly as error:
        raise Problem(422, "too_costly", describe_costly(error)) from None
    except SegmentInUse as error:
        users = tuple(FieldError(use.public_id, use.name) for use in error.uses)
        raise Problem(409, error.code, str(error), users) from None
    except SegmentChanged as error:
        saved = FieldError("version", str(error.saved_version))
        raise Problem(409, error.code, str(error), (saved,)) from None
    except SegmentError as error:
        raise _refuse_segment(error, field) from None


def _refuse_segment(error: SegmentError, field: str) -> Problem:
    if error.code in ("name_missing", "name_taken"):
        return refuse(FieldError("name", str(error)))
    if error.code in ("cycle", "too_deep"):
        return refuse(FieldError(field, str(error)))
    return Problem(409, error.code, str(error))


def _name_fault(fault: Fault, field: str) -> FieldError:
    return FieldError(f"{field}{fault.path}", translate_fault(fault))


# ── Describing ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _describe(segment: Segment) -> SegmentBody:
    return SegmentBody(
        id=segment.public_id,
        name=segment.name,
        description=segment.description,
        definition=segment.definition,
        version=segment.version,
        keeps_members=segment.keeps_members,
        size=segment.size,
        counted_at=segment.counted_at,
        problem=segment.problem,
        created_at=segment.created_at,
        updated_at=segment.updated_at,
        archived_at=segment.archived_at,
    )


def _describe_contact(contact: Contact) -> ContactBody:
    return ContactBody(contact.public_id, contact.email, contact.name, contact.language, contact.created_at)


def _describe_change(change: Change) -> ChangeBody:
    return ChangeBody(
        id=to_public_id(CHANGE_PREFIX, change.event_id),
        at=change.at,
        act=ACTS[0] if change.entered else ACTS[1],
        contact=to_public_id("con", change.contact_id),
        email=change.contact.email if change.contact else None,
    )


def _answer(body: Any, *, status: int = 200) -> Response[Any]:
    return Response(body, status_code=status, headers=NO_STORE)
