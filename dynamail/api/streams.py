"""Streams: kinds of mail that are kept apart. `docs/api/streams.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, get_row, hold_row, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, ShortPage, cut_list
from dynamail.api.reading import read_query, refuse
from dynamail.campaigns.stats import make_totals
from dynamail.events.counters import read_totals
from dynamail.senders.models import Stream
from dynamail.senders.streams import (
    Habits,
    StreamRefused,
    archive_stream,
    change_stream,
    create_stream,
    find_habits,
    find_stream,
    is_built_in,
    list_streams,
    restore_stream,
)

PATH = "/api/v1/streams"
ONE = f"{PATH}/{{stream:str}}"

Answer = TypeVar("Answer")
Name = Annotated[str, msgspec.Meta(max_length=100)]
BodyDays = Annotated[int, msgspec.Meta(ge=0, le=365, description="Days that contents are kept.")]
LogDays = Annotated[int, msgspec.Meta(ge=1, le=396, description="Days that the log is kept.")]


class StreamQuery(ShortPage, frozen=True, forbid_unknown_fields=True):
    """`archived`: those of the archive too."""

    archived: bool = False


class StreamInput(msgspec.Struct, forbid_unknown_fields=True):
    """Without a `key` one is made from the name. Key and kind stay for good."""

    name: Name
    key: Annotated[str, msgspec.Meta(max_length=40)] = ""
    kind: Literal["transactional", "marketing"] = "transactional"
    body_days: BodyDays = 30
    log_days: LogDays = 396
    tracks_opens: bool = False
    tracks_clicks: bool = False


class StreamChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays. `archived` false opens it again."""

    name: Name | None = None
    body_days: BodyDays | None = None
    log_days: LogDays | None = None
    tracks_opens: bool | None = None
    tracks_clicks: bool | None = None
    archived: Literal[False] | None = None


class StreamBody(msgspec.Struct, frozen=True):
    id: str
    key: str
    name: str
    kind: str
    built_in: bool
    body_days: int
    log_days: int
    tracks_opens: bool
    tracks_clicks: bool
    created_at: datetime
    archived_at: datetime | None


class StreamCountsBody(msgspec.Struct, frozen=True):
    """Messages and acts of all time. Opens and clicks are people, counted once a message."""

    delivered: int
    bounced: int
    suppressed: int
    canceled: int
    expired: int
    unknown: int
    opened: int
    clicked: int
    complained: int


class StreamWithCountsBody(StreamBody, frozen=True):
    counts: StreamCountsBody


@get(
    PATH,
    **described(
        "List streams", scope=Scope.READ_DOMAINS, query=StreamQuery, answers={200: Listed[StreamBody]}
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[StreamBody]]:
    """The built-in ones first."""
    query = read_query(request, StreamQuery)

    def find(caller: Caller) -> Listed[StreamBody]:
        rows = list_streams(caller.account_id, archived=query.archived)
        return cut_list(rows, query, lambda row: StreamBody(**_tell(row)))

    return answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Create a stream",
        scope=Scope.WRITE_DOMAINS,
        body=StreamInput,
        answers={201: StreamBody},
        statuses=(409,),
    ),
)
async def create(request: ApiRequest) -> Response[StreamBody]:
    said = await read_input(request, StreamInput)

    def write(caller: Caller) -> StreamBody:
        row = create_stream(
            caller.account_id,
            name=said.name,
            key=said.key,
            kind=said.kind,
            habits=Habits(said.body_days, said.log_days, said.tracks_opens, said.tracks_clicks),
            by=caller.key,
            now=caller.now,
        )
        return StreamBody(**_tell(row))

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))), status=201)


@get(
    ONE,
    **described(
        "Read a stream", scope=Scope.READ_DOMAINS, answers={200: StreamWithCountsBody}, statuses=(404,)
    ),
)
async def get_(request: ApiRequest, stream: FromPath[str]) -> Response[StreamWithCountsBody]:
    """By id or key, with what was counted of it."""

    def find(caller: Caller) -> StreamWithCountsBody:
        row = _find(caller, stream)
        totals = make_totals(read_totals(caller.account_id, row.uid))
        counts = {name: getattr(totals, name) for name in StreamCountsBody.__struct_fields__}
        return StreamWithCountsBody(**_tell(row), counts=StreamCountsBody(**counts))

    return answer(await in_account(request, find))


@patch(
    ONE,
    **described(
        "Change a stream",
        scope=Scope.WRITE_DOMAINS,
        body=StreamChangeInput,
        answers={200: StreamBody},
        statuses=(404,),
    ),
)
async def change(request: ApiRequest, stream: FromPath[str]) -> Response[StreamBody]:
    """Mail that was accepted keeps the tracking that it was accepted with."""
    said = await read_input(request, StreamChangeInput)

    def write(caller: Caller) -> StreamBody:
        row = hold_row(_find(caller, stream))
        if said.archived is False:
            restore_stream(row, by=caller.key, now=caller.now)
        before = find_habits(row)
        habits = Habits(
            before.body_days if said.body_days is None else said.body_days,
            before.log_days if said.log_days is None else said.log_days,
            before.tracks_opens if said.tracks_opens is None else said.tracks_opens,
            before.tracks_clicks if said.tracks_clicks is None else said.tracks_clicks,
        )
        name = row.name if said.name is None else said.name
        return StreamBody(
            **_tell(change_stream(row, name=name, habits=habits, by=caller.key, now=caller.now))
        )

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))))


@delete(
    ONE,
    **described("Archive a stream", scope=Scope.WRITE_DOMAINS, answers={204: None}, statuses=(404, 409)),
)
async def archive(request: ApiRequest, stream: FromPath[str]) -> None:
    """Nothing more is accepted for it. 409 for a built-in one, and while a routing rule names it. Twice is once."""

    def write(caller: Caller) -> None:
        archive_stream(_find(caller, stream), by=caller.key, now=caller.now)

    await in_account(request, lambda caller: _refusing(lambda: write(caller)))


HANDLERS = [list_, create, get_, change, archive]


def _find(caller: Caller, name: str) -> Stream:
    """By id or key. Raises Problem (404)."""
    if name.startswith(f"{Stream.public_prefix}_"):
        return get_row(caller, Stream, name)
    row = find_stream(caller.account_id, name[:40].replace("\x00", ""))
    if row is None:
        raise not_found("stream")
    return row


def _refusing(verb: Callable[[], Answer]) -> Answer:
    try:
        return verb()
    except StreamRefused as error:
        if error.field:
            raise refuse(FieldError(error.field, str(error))) from None
        raise Problem(409, error.code, str(error)) from None


def _tell(row: Stream) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "key": row.key,
        "name": row.name,
        "kind": row.kind,
        "built_in": is_built_in(row),
        "body_days": row.body_days,
        "log_days": row.log_days,
        "tracks_opens": row.tracks_opens,
        "tracks_clicks": row.tracks_clicks,
        "created_at": row.created_at,
        "archived_at": row.archived_at,
    }
