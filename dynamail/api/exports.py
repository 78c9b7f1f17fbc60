"""Exports: contacts, suppressions or the log of emails as a CSV file, made in the background. `docs/api/exports.md`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import File

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import BackgroundWork
from dynamail.api.answering import answer, name_row, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, forbidden, in_account
from dynamail.api.describing import described
from dynamail.api.email_shapes import EmailsWanted, make_filter
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, list_page, read_after
from dynamail.api.reading import read_query, refuse
from dynamail.conditions.faults import ConditionFault
from dynamail.consent.models import Topic
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.exporting import PLAIN_COLUMNS
from dynamail.segments.exporting import (
    KEEP_DAYS,
    PREFIX,
    ExportWanted,
    What,
    fetch_export,
    find_export,
    list_export_columns,
    list_exports,
    name_export,
    queue_export,
    read_wanted,
)
from dynamail.segments.models import Segment
from dynamail.segments.wording import translate_fault

PATH = "/api/v1/exports"
ONE = f"{PATH}/{{export:str}}"
ATTRIBUTE, TOPIC = "attributes.", "topics."


class ExportInput(msgspec.Struct, forbid_unknown_fields=True):
    """`columns` of contacts: email, name, language, state, tags, source, created, `attributes.<key>`, `topics.<id>`; none: all. `filters` of emails."""

    what: Literal["contacts", "suppressions", "emails"] = "contacts"
    columns: Annotated[list[Annotated[str, msgspec.Meta(max_length=100)]], msgspec.Meta(max_length=300)] = []
    segment: str = ""
    condition: dict[str, Any] | None = None
    filters: EmailsWanted | None = None


class ExportBody(msgspec.Struct, frozen=True):
    """`state` is queued, running, finished, failed or canceled; a finished file can be fetched until `expires_at`."""

    id: str
    what: str
    state: str
    rows: int
    size: int | None
    problem: str
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None


@post(
    PATH,
    **described("Start an export", scope=Scope.READ_CONTACTS, body=ExportInput, answers={202: ExportBody}),
)
async def start(request: ApiRequest) -> Response[ExportBody]:
    """Read the export until it is finished, then fetch its content. Suppressions need the scope suppressions.read as well, emails messages.read."""
    said = await read_input(request, ExportInput)

    def write(caller: Caller) -> ExportBody:
        _check_scope(caller, What(said.what))
        wanted = _read_wanted(caller, said)
        try:
            return _describe(queue_export(caller.account_id, wanted, by=caller.key, now=caller.now))
        except ConditionFault as error:
            faults = [FieldError(f"condition{one.path}", translate_fault(one)) for one in error.faults]
            raise refuse(*faults) from None

    return answer(await in_account(request, write), status=202)


@get(
    PATH,
    **described("List exports", scope=Scope.READ_CONTACTS, query=Page, answers={200: Listed[ExportBody]}),
)
async def list_(request: ApiRequest) -> Response[Listed[ExportBody]]:
    """The latest first."""
    page = read_query(request, Page)
    before = read_after(page, PREFIX)

    def find(caller: Caller) -> Listed[ExportBody]:
        rows = list_exports(caller.account_id, before=before, limit=page.limit + 1)
        return list_page(rows, page.limit, _describe, name_export)

    return answer(await in_account(request, find))


@get(
    ONE,
    **described(
        "Read an export",
        scope=Scope.READ_CONTACTS,
        answers={200: ExportBody},
        statuses=(404,),
        ids={"export": "exp"},
    ),
)
async def get_(request: ApiRequest, export: FromPath[str]) -> Response[ExportBody]:
    return answer(await in_account(request, lambda caller: _describe(_find(caller, export))))


@get(
    f"{ONE}/content",
    **described(
        "Fetch the file of an export",
        scope=Scope.READ_CONTACTS,
        answers={200: bytes},
        media_type="text/csv",
        statuses=(404, 409),
        ids={"export": "exp"},
    ),
)
async def download(request: ApiRequest, export: FromPath[str]) -> File:
    """CSV in UTF-8. 409 while it is not finished, 404 when it was removed."""

    def find(caller: Caller) -> tuple[str, str]:
        work = _find(caller, export)
        _check_scope(caller, read_wanted(work).what)
        if not work.is_over:
            raise Problem(409, "not_finished", "This export is not finished yet; ask again in a moment.")
        path = fetch_export(work, by=caller.key, now=caller.now)
        if path is None:
            raise Problem(404, "not_found", "This export has no file, or it was removed. Start it again.")
        return str(path), f"{read_wanted(work).what}-{work.created_at:%Y-%m-%d}.csv"

    path, name = await in_account(request, find)
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return File(path, filename=quote(name), media_type="text/csv; charset=utf-8", headers=headers)


_FURTHER_SCOPES = {What.SUPPRESSIONS: Scope.READ_SUPPRESSIONS, What.EMAILS: Scope.READ_MESSAGES}
HANDLERS = [start, list_, get_, download]


def _find(caller: Caller, public_id: str) -> BackgroundWork:
    work = find_export(caller.account_id, public_id)
    if work is None:
        raise not_found("export")
    return work


def _check_scope(caller: Caller, what: What) -> None:
    needed = _FURTHER_SCOPES.get(what)
    if needed is not None and needed not in caller.key.scopes:
        raise forbidden(needed)


def _read_wanted(caller: Caller, said: ExportInput) -> ExportWanted:
    """Raises Problem (422)."""
    what = What(said.what)
    if what is not What.CONTACTS:
        given = [name for name in ("columns", "segment", "condition") if getattr(said, name)]
        if given:
            raise refuse(FieldError(given[0], "is for exports of contacts"))
    if what is not What.EMAILS and said.filters is not None:
        raise refuse(FieldError("filters", "is for exports of emails"))
    if what is not What.CONTACTS:
        return ExportWanted(what, emails=make_filter(said.filters) if said.filters else None)
    if said.segment and said.condition:
        raise refuse(FieldError("segment", "cannot be given beside a condition: name it in the condition"))
    condition = said.condition
    if said.segment:
        segment = name_row(caller, Segment, said.segment, "segment")
        condition = {"kind": "segment", "segment": segment.public_id}
    return ExportWanted(What.CONTACTS, _read_columns(caller, said.columns), condition)


def _read_columns(caller: Caller, names: list[str]) -> list[str]:
    """As `list_columns` calls them. Raises Problem (422)."""
    if not names:
        return list_export_columns(caller.account_id)
    known = {name: name for name in PLAIN_COLUMNS}
    known |= {f"{ATTRIBUTE}{one.key}": f"attribute:{one.pk}" for one in list_attributes(caller.account_id)}
    topics = Topic.objects.for_account(caller.account_id).filter(archived_at=None)
    known |= {f"{TOPIC}{one.public_id}": f"topic:{one.pk}" for one in topics}
    errors = [
        FieldError(f"columns[{place}]", f"is no column: {name[:80]}")
        for place, name in enumerate(names)
        if name not in known
    ]
    if errors:
        raise refuse(*errors)
    return [known[name] for name in dict.fromkeys(names)]


def _describe(work: BackgroundWork) -> ExportBody:
    is_there = work.state == BackgroundWork.State.FINISHED and work.finished_at is not None
    return ExportBody(
        id=name_export(work),
        what=read_wanted(work).what,
        state=work.state,
        rows=work.result.get("rows", work.done),
        size=work.result.get("bytes"),
        problem=work.message if work.state == BackgroundWork.State.FAILED else "",
        created_at=work.created_at,
        finished_at=work.finished_at,
        expires_at=work.finished_at + timedelta(days=KEEP_DAYS) if is_there and work.finished_at else None,
    )
