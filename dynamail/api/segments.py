"""Segments: listed, made, changed, archived, counted, and who is in them. `docs/api/segments.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, ShortPage, check_after, cut_list, make_page, read_after
from dynamail.api.reading import Misfit, read_json, read_query, read_shape, refuse
from dynamail.campaigns.uses import find_campaign_uses
from dynamail.conditions.faults import ConditionFault, Fault
from dynamail.contacts.models import Contact
from dynamail.contacts.queries import ORDERS, ContactFilter, ContactPage, list_page
from dynamail.lib.ids import to_public_id
from dynamail.segments.asking import STATEMENT_TIMEOUT, TimedOut, ask_account
from dynamail.segments.checking import read_sound
from dynamail.segments.compiling import compile_for
from dynamail.segments.counting import TooCostly, count_exactly, explain_cost
from dynamail.segments.errors import SegmentChanged, SegmentError, SegmentInUse
from dynamail.segments.history import Change
from dynamail.segments.history import list_changes as list_entries
from dynamail.segments.models import Segment
from dynamail.segments.saving import (
    archive_segment,
    change_segment,
    create_segment,
    find_segment,
    list_segments,
)
from dynamail.segments.wording import describe_costly, translate_fault

Act = Literal["entered", "left"]

PATH = "/api/v1/segments"
PAGE, LARGEST_PAGE = 100, 500
CHANGE_PREFIX = "evt"
ENTERED: Act = "entered"
LEFT: Act = "left"
NEWEST = "newest"
NO_STORE = {"cache-control": "no-store"}

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


class SegmentQuestionInput(msgspec.Struct, forbid_unknown_fields=True):
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


class SegmentCountBody(msgspec.Struct, frozen=True):
    number: int
    milliseconds: float


class SegmentContactBody(msgspec.Struct, frozen=True):
    id: str
    email: str
    name: str
    language: str
    created_at: datetime


class SegmentEntryBody(msgspec.Struct, frozen=True):
    """Somebody joined (`entered`) or left. `email` is null when they are gone since."""

    id: str
    at: datetime
    act: Act
    contact: str
    email: str | None


class SegmentsQuery(ShortPage, frozen=True, forbid_unknown_fields=True):
    """Which segments: those in use, or those that were put away; `name` is a part of name or description."""

    state: Literal["active", "archived"] = "active"
    name: Annotated[str, msgspec.Meta(max_length=150)] = ""


class SegmentPageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)] = PAGE
    after: Annotated[
        str, msgspec.Meta(max_length=1000, description="What `next` of the page before said.")
    ] = ""


class SegmentChangesQuery(SegmentPageQuery, frozen=True, forbid_unknown_fields=True):
    act: Act | None = None


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List segments", scope=Scope.READ_SEGMENTS, query=SegmentsQuery, answers={200: Listed[SegmentBody]}
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[SegmentBody]]:
    """By name."""
    query = read_query(request, SegmentsQuery)

    def find(caller: Caller) -> Listed[SegmentBody]:
        rows = list_segments(caller.account_id, search=query.name, archived=query.state == "archived")
        return cut_list(list(rows), query, _describe)

    return _answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Create a segment",
        scope=Scope.WRITE_SEGMENTS,
        body=SegmentInput,
        answers={201: SegmentBody},
        statuses=(409,),
    ),
)
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


@post(
    f"{PATH}/count",
    **described(
        "Count contacts by a condition",
        scope=Scope.READ_SEGMENTS,
        body=SegmentQuestionInput,
        answers={200: SegmentCountBody},
    ),
)
async def count(request: ApiRequest) -> Response[SegmentCountBody]:
    """How many contacts fit a condition that is not saved."""
    said = _read_body(await read_json(request), SegmentQuestionInput)

    def ask(caller: Caller) -> SegmentCountBody:
        condition = read_sound(caller.account_id, said.condition)
        counted = count_exactly(caller.account_id, condition, now=caller.now)
        return SegmentCountBody(counted.number, counted.milliseconds)

    answer = await in_account(request, lambda caller: _refusing(lambda: ask(caller), field="condition"))
    return _answer(answer, status=200)


@get(
    f"{PATH}/{{segment_id:str}}",
    **described("Get a segment", scope=Scope.READ_SEGMENTS, answers={200: SegmentBody}, statuses=(404,)),
)
async def get_(request: ApiRequest, segment_id: FromPath[str]) -> Response[SegmentBody]:
    """One segment, archived or not."""
    return _answer(await in_account(request, lambda caller: _describe(_find(caller, segment_id))))


@patch(
    f"{PATH}/{{segment_id:str}}",
    **described(
        "Change a segment",
        scope=Scope.WRITE_SEGMENTS,
        body=SegmentChangeInput,
        answers={200: SegmentBody},
        statuses=(404, 409),
    ),
)
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


@delete(
    f"{PATH}/{{segment_id:str}}",
    **described("Archive a segment", scope=Scope.WRITE_SEGMENTS, answers={204: None}, statuses=(404, 409)),
)
async def remove(request: ApiRequest, segment_id: FromPath[str]) -> None:
    """Into the archive; 409 while another segment or a campaign that is not sent yet asks for it."""

    def archive(caller: Caller) -> None:
        segment = _find(caller, segment_id)
        uses = find_campaign_uses(caller.account_id, "segment", segment.public_id)
        archive_segment(segment, other_uses=uses, by=caller.key, now=caller.now)

    await in_account(request, lambda caller: _refusing(lambda: archive(caller)))


@get(
    f"{PATH}/{{segment_id:str}}/contacts",
    **described(
        "List the contacts of a segment",
        scope=Scope.READ_SEGMENTS,
        also=(Scope.READ_CONTACTS,),
        query=SegmentPageQuery,
        answers={200: Listed[SegmentContactBody]},
        statuses=(404,),
    ),
)
async def list_contacts(
    request: ApiRequest, segment_id: FromPath[str]
) -> Response[Listed[SegmentContactBody]]:
    """Who is in it at this moment, the newest first. `after` takes what `next` of the page before said."""
    query = read_query(request, SegmentPageQuery)
    after = check_after(query, ORDERS[NEWEST])

    def find(caller: Caller) -> Listed[SegmentContactBody]:
        segment = _find(caller, segment_id)
        page = _list_people(segment, after=after, size=query.limit, now=caller.now)
        return make_page([_describe_contact(row) for row in page.contacts], page.after)

    return _answer(await in_account(request, lambda caller: _refusing(lambda: find(caller))))


@get(
    f"{PATH}/{{segment_id:str}}/changes",
    **described(
        "List who joined and left a segment",
        scope=Scope.READ_SEGMENTS,
        also=(Scope.READ_CONTACTS,),
        query=SegmentChangesQuery,
        answers={200: Listed[SegmentEntryBody]},
        statuses=(404,),
    ),
)
async def list_changes(request: ApiRequest, segment_id: FromPath[str]) -> Response[Listed[SegmentEntryBody]]:
    """Who joined and left, the latest first."""
    query = read_query(request, SegmentChangesQuery)
    before = read_after(query, CHANGE_PREFIX)

    def find(caller: Caller) -> Listed[SegmentEntryBody]:
        segment = _find(caller, segment_id)
        entered = None if query.act is None else query.act == ENTERED
        found = list_entries(segment, entered=entered, before=before, limit=query.limit + 1)
        page = [_describe_change(one) for one in found[: query.limit]]
        return make_page(page, page[-1].id if len(found) > query.limit else None)

    return _answer(await in_account(request, find))


HANDLERS = [list_, create, count, get_, change, remove, list_contacts, list_changes]


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


def _describe_contact(contact: Contact) -> SegmentContactBody:
    return SegmentContactBody(
        contact.public_id, contact.email, contact.name, contact.language, contact.created_at
    )


def _describe_change(change: Change) -> SegmentEntryBody:
    return SegmentEntryBody(
        id=to_public_id(CHANGE_PREFIX, change.event_id),
        at=change.at,
        act=ENTERED if change.entered else LEFT,
        contact=to_public_id("con", change.contact_id),
        email=change.contact.email if change.contact else None,
    )


def _answer(body: Any, *, status: int = 200) -> Response[Any]:
    return Response(body, status_code=status, headers=NO_STORE)
