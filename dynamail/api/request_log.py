"""The log of requests: how a visit becomes a row of it, and the routes that read it. `docs/api/README.md`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import ApiRequest as LoggedRequest
from dynamail.accounts.request_log import (
    OPEN_VALUE,
    NewApiRequest,
    RequestFilter,
    find_request,
    is_status,
    list_requests,
)
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, list_page, read_after
from dynamail.api.reading import read_query, refuse
from dynamail.api.visits import PREFIX, Visit
from dynamail.lib.ids import id_time, to_public_id

PATH = "/api/v1/requests"
NO_STORE = {"cache-control": "no-store"}

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class RequestsQuery(Page, frozen=True, forbid_unknown_fields=True):
    """What to look for in the log."""

    status: Annotated[str, msgspec.Meta(description="A status, or a class of them: 422, 4xx.")] = ""
    code: Annotated[str, msgspec.Meta(max_length=60, description="The code of the error.")] = ""
    method: Annotated[str, msgspec.Meta(max_length=10)] = ""
    path: Annotated[str, msgspec.Meta(max_length=300, description="What the path begins with.")] = ""
    door: Annotated[str, msgspec.Meta(max_length=12, description="api, smtp, postmark, …")] = ""
    since: Moment | None = None
    until: Moment | None = None
    search: Annotated[
        str,
        msgspec.Meta(max_length=100, description="In path, code and the sentence of the error; or an id."),
    ] = ""


class RequestBody(msgspec.Struct, frozen=True):
    """One request. `email` is the id of the email that it made; `body` what was sent, masked, where the request was refused."""

    id: str
    at: datetime
    door: str
    method: str
    path: str
    status: int
    code: str
    detail: str
    milliseconds: int
    email: str | None
    body: Any


@get(
    PATH,
    **described(
        "List requests", scope=Scope.READ_REQUESTS, query=RequestsQuery, answers={200: Listed[RequestBody]}
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[RequestBody]]:
    """What programs asked in the last thirty days, the latest first. A request is in the log a second or two after its answer."""
    query = read_query(request, RequestsQuery)
    if query.status and not is_status(query.status):
        raise refuse(FieldError("status", "must be a status such as 422, or a class such as 4xx"))
    before = read_after(query, PREFIX)
    filters = RequestFilter(
        status=query.status,
        code=query.code,
        method=query.method,
        path=query.path,
        door=query.door,
        since=query.since,
        until=query.until,
        search=query.search,
    )

    def find(caller: Caller) -> Listed[RequestBody]:
        rows = list_requests(caller.account_id, filters=filters, before=before, limit=query.limit + 1)
        return list_page(rows, query.limit, _describe, lambda row: row.public_id)

    return Response(await in_account(request, find), headers=NO_STORE)


@get(
    f"{PATH}/{{request_id:str}}",
    **described("Get one request", scope=Scope.READ_REQUESTS, answers={200: RequestBody}, statuses=(404,)),
)
async def get_(request: ApiRequest, request_id: FromPath[str]) -> Response[RequestBody]:
    """The id is in the header `x-request-id` of every answer and in every error."""

    def find(caller: Caller) -> RequestBody:
        row = find_request(caller.account_id, request_id)
        if row is None:
            hint = "Requests are kept for thirty days and appear a second or two after their answer."
            raise Problem(404, "not_found", "There is no such request in the log.", hint=hint)
        return _describe(row)

    return Response(await in_account(request, find), headers=NO_STORE)


HANDLERS = [list_, get_]


def describe_visit(visit: Visit, scope: Mapping[str, Any]) -> NewApiRequest | None:
    """The row of a request that was answered; None while nobody knows whose it is."""
    if visit.key is None:
        return None
    return NewApiRequest(
        account_id=visit.key.account_id,
        id=visit.id,
        at=id_time(visit.id),
        api_key_id=visit.key.pk,
        door=visit.door,
        method=scope["method"],
        path=_cover_path(scope),
        status=visit.status,
        code=visit.code,
        ms=visit.milliseconds,
        subject_id=visit.subject_id,
        detail=visit.detail,
        errors=visit.errors,
        raw=visit.body if visit.status >= 400 else b"",
    )


def _cover_path(scope: Mapping[str, Any]) -> str:
    """The path, or its template where a parameter is anything but a public id: an address names a person."""
    values = (scope.get("path_params") or {}).values()
    if all(OPEN_VALUE.fullmatch(str(value)) for value in values):
        return str(scope["path"])
    return str(scope.get("path_template") or scope["path"])


def _describe(row: LoggedRequest) -> RequestBody:
    return RequestBody(
        id=row.public_id,
        at=row.at,
        door=row.door,
        method=row.method,
        path=row.path,
        status=row.status,
        code=row.code,
        detail=row.detail,
        milliseconds=row.ms,
        email=to_public_id("eml", row.subject_id) if row.subject_id else None,
        body=row.body,
    )
