"""Events of the account's own about its contacts: one, or a batch. `docs/api/events.md`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from psycopg import AsyncConnection

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, Caller, charge_batch, in_account
from dynamail.api.describing import described
from dynamail.api.entering import claim_request, enter_account, keep_answer
from dynamail.api.errors import FieldError, Problem
from dynamail.api.limits import Bucket
from dynamail.api.misfits import name_fault
from dynamail.api.paging import Listed, ShortPage, cut_list
from dynamail.api.reading import decode_body, read_query, refuse
from dynamail.contacts.external_ids import MAX_LENGTH
from dynamail.contacts.own_events import NewOwnEvent, Result, take_own_events
from dynamail.events.models import EventName
from dynamail.events.own_names import list_event_names
from dynamail.events.own_values import OwnEventFault
from dynamail.lib.asking import pipeline_inquiry
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id

PATH = "/api/v1/events"
MAX_BATCH = 500
NO_STORE = {"cache-control": "no-store"}

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class EventInput(msgspec.Struct, forbid_unknown_fields=True):
    """What a caller says happened. Limits of names, ids and properties: `events/own_values.py`."""

    name: str
    email: Annotated[str, msgspec.Meta(max_length=320)] = ""
    contact: str = ""
    at: Moment | None = None
    id: str = ""
    properties: dict[str, Any] = {}
    create_contact: bool = False
    external_id: Annotated[str, msgspec.Meta(max_length=MAX_LENGTH)] = ""


class EventBatchInput(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class TakenEventBody(msgspec.Struct, frozen=True):
    """An event that is kept: now, or since it was sent before."""

    id: str
    duplicate: bool


class EventResultBody(msgspec.Struct, omit_defaults=True):  # not frozen: one an event
    """What became of one event of a batch: `accepted`, `duplicate` or `refused`."""

    result: str
    id: str = ""
    code: str = ""
    errors: tuple[FieldError, ...] = ()


class EventResultsBody(msgspec.Struct, frozen=True):
    accepted: int
    duplicates: int
    refused: int
    results: list[EventResultBody]


class EventNameBody(msgspec.Struct, frozen=True):
    id: str
    name: str
    description: str
    properties: dict[str, str]
    last_at: datetime | None


class Refused(ValueError):
    """One event that cannot be taken."""

    def __init__(self, code: str, *errors: FieldError) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


# Fractions become Decimal: numbers stay as they were written.
_read_event = msgspec.json.Decoder(EventInput, float_hook=Decimal).decode
_read_batch = msgspec.json.Decoder(EventBatchInput).decode


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@post(
    PATH,
    **described(
        "Send an event about a contact",
        scope=Scope.WRITE_EVENTS,
        guarded=False,
        body=EventInput,
        answers={201: TakenEventBody, 200: TakenEventBody},
    ),
)
async def send(request: ApiRequest) -> Response[TakenEventBody]:
    """201, or 200 when the event was there already by its id."""
    body = await request.body()
    async with enter_account(request, Scope.WRITE_EVENTS, bucket=Bucket.EVENTS) as (caller, connection):
        claim = await claim_request(request, body, caller, connection)
        try:
            event = _to_event(decode_body(request, body, _read_event), caller)
        except msgspec.ValidationError as error:
            raise refuse(name_fault(error)) from None
        except Refused as refused:
            raise _refuse(refused) from None
        (result,) = await _record(caller, connection, [event])
        if result.fault is not None:
            raise _refuse(_name_fault(result.fault))
        taken = TakenEventBody(_name_event(result), result.duplicate)
        answer = Response(taken, status_code=200 if taken.duplicate else 201, headers=NO_STORE)
        await keep_answer(claim, answer, connection)
    return answer


@post(
    f"{PATH}/batch",
    **described(
        "Send up to 500 events",
        scope=Scope.WRITE_EVENTS,
        guarded=False,
        body=EventBatchInput,
        items=EventInput,
        answers={200: EventResultsBody},
    ),
)
async def send_batch(request: ApiRequest) -> Response[EventResultsBody]:
    """A result for each event, in order. What is wrong with one keeps no other out."""
    body = await request.body()
    async with enter_account(request, Scope.WRITE_EVENTS, bucket=Bucket.EVENTS) as (caller, connection):
        claim = await claim_request(request, body, caller, connection)
        try:
            batch = decode_body(request, body, _read_batch)
        except msgspec.ValidationError as error:
            raise refuse(name_fault(error)) from None
        charge_batch(request, caller, len(batch.events), Bucket.EVENTS)
        read = [_read_one(one, caller) for one in batch.events]
        outcomes = await _record(caller, connection, [one for one in read if isinstance(one, NewOwnEvent)])
        answer = Response(_tell_all(read, outcomes), status_code=200, headers=NO_STORE)
        await keep_answer(claim, answer, connection)
    return answer


@get(
    f"{PATH}/names",
    **described(
        "List the names of events",
        scope=Scope.READ_EVENTS,
        query=ShortPage,
        answers={200: Listed[EventNameBody]},
    ),
)
async def list_names(request: ApiRequest) -> Response[Listed[EventNameBody]]:
    """All names that were ever sent, with what is known of their properties."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[EventNameBody]:
        return cut_list(list_event_names(caller.account_id), page, _describe_name)

    return Response(await in_account(request, find), headers=NO_STORE)


HANDLERS = [send, send_batch, list_names]


# ── From what was said to what is kept ───────────────────────────────────────────────────────────────────────────────
def _read_one(body: msgspec.Raw, caller: Caller) -> NewOwnEvent | Refused:
    try:
        return _to_event(_read_event(body), caller)
    except msgspec.ValidationError as error:
        return Refused("invalid", name_fault(error, body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Refused("invalid", FieldError("body", "is not JSON that can be read"))
    except Refused as refused:
        return refused


def _to_event(said: EventInput, caller: Caller) -> NewOwnEvent:
    """Raises Refused."""
    if said.create_contact and Scope.WRITE_CONTACTS not in caller.key.scopes:
        message = f"needs a key with the scope {Scope.WRITE_CONTACTS.value}"
        raise Refused("missing_scope", FieldError("create_contact", message))
    contact_id = None
    if said.contact:
        try:
            contact_id = from_public_id("con", said.contact)
        except UnknownId as error:
            raise Refused("invalid", FieldError("contact", str(error))) from None
    return NewOwnEvent(
        said.name,
        said.email,
        contact_id,
        said.at,
        said.properties,
        said.id,
        said.create_contact,
        said.external_id,
    )


async def _record(
    caller: Caller, connection: AsyncConnection[Any], events: Sequence[NewOwnEvent]
) -> list[Result]:
    inquiry = take_own_events(caller.account_id, events, source_kind="api", by=caller.key, now=caller.now)
    return await pipeline_inquiry(inquiry, connection)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _tell_all(read: Sequence[NewOwnEvent | Refused], outcomes: Sequence[Result]) -> EventResultsBody:
    """A result for what was read, in order; `outcomes` are those of the events that could be read."""
    coming = iter(outcomes)
    results = [_tell(next(coming) if isinstance(one, NewOwnEvent) else one) for one in read]
    counts = {"accepted": 0, "duplicate": 0, "refused": 0}
    for one in results:
        counts[one.result] += 1
    return EventResultsBody(counts["accepted"], counts["duplicate"], counts["refused"], results)


def _tell(outcome: Result | Refused) -> EventResultBody:
    if isinstance(outcome, Result):
        if outcome.fault is None:
            return EventResultBody("duplicate" if outcome.duplicate else "accepted", _name_event(outcome))
        outcome = _name_fault(outcome.fault)
    return EventResultBody("refused", code=outcome.code, errors=outcome.errors)


def _name_event(result: Result) -> str:
    return to_public_id("evt", result.id) if result.id else ""


def _name_fault(fault: OwnEventFault) -> Refused:
    return Refused(fault.code, FieldError(fault.field, str(fault)))


def _refuse(refused: Refused) -> Problem:
    """What is wrong with the only event of a request."""
    if refused.code == "invalid":
        return refuse(*refused.errors)
    (error,) = refused.errors
    return Problem(422, refused.code, error.message, refused.errors)


def _describe_name(row: EventName) -> EventNameBody:
    return EventNameBody(row.public_id, row.name, row.description, row.properties, row.last_at)
