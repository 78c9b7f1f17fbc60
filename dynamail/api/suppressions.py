"""Addresses that must not be mailed: listed, added, looked up, lifted. `docs/api/suppressions.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, delete, get, post

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import OneOf, described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, check_after, make_page
from dynamail.api.reading import Misfit, read_json, read_query, read_shape, refuse
from dynamail.consent.mass_suppressing import NewSuppression, SuppressionSource
from dynamail.consent.models import Suppression
from dynamail.consent.suppression_list import (
    EARLIEST,
    LONGEST,
    MAX_AT_ONCE,
    ORDER,
    USUAL_SCOPE,
    SuppressionError,
    SuppressionFilter,
    add_suppressions,
    find_suppressions_of,
    lift,
    list_suppressions,
)
from dynamail.protocols.address import AddressError, parse_address

PATH = "/api/v1/suppressions"
PAGE, LARGEST_PAGE = 100, 500
CLOCKS_DIFFER = timedelta(minutes=5)  # "since now" of a machine that is ahead of ours
NO_STORE = {"cache-control": "no-store"}  # addresses of people

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Reason = Literal["hard_bounce", "complaint", "unsubscribe", "manual", "erasure"]
ScopeWord = Literal["all", "marketing", "transactional"]


class SuppressionInput(msgspec.Struct, forbid_unknown_fields=True):
    """What a caller says of one address."""

    email: Annotated[str, msgspec.Meta(max_length=320)]
    reason: Literal["hard_bounce", "complaint", "unsubscribe", "manual"] = "manual"
    scope: ScopeWord | None = None
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""
    since: Moment | None = None
    expires_at: Moment | None = None


SuppressionInputs = Annotated[
    list[SuppressionInput], msgspec.Meta(min_length=1, max_length=MAX_AT_ONCE)
]  # for the document; each is read by itself


class SuppressionSourceBody(msgspec.Struct, frozen=True):
    kind: str
    id: str


class SuppressionBody(msgspec.Struct, frozen=True):
    """One suppression. `email` is null when the person was erased."""

    email: str | None
    reason: Reason
    scope: ScopeWord
    in_force: bool
    since: datetime
    expires_at: datetime | None
    note: str
    source: SuppressionSourceBody | None


class SuppressionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which suppressions; without `state` those in force."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)] = PAGE
    after: Annotated[
        str, msgspec.Meta(max_length=1000, description="What `next` of the page before said.")
    ] = ""
    email: Annotated[str, msgspec.Meta(max_length=320, description="The address, or a part of it.")] = ""
    reason: Reason | None = None
    scope: ScopeWord | None = None
    state: Literal["in_force", "ended", "any"] = "in_force"


class OneScopeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scope: ScopeWord | None = None


class LiftQuery(OneScopeQuery, frozen=True, forbid_unknown_fields=True):
    """`confirm` names the reasons that may be lifted though the person gave them."""

    confirm: list[str] = []


class SuppressionResultBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one object of a list: `added`, `already_suppressed` or `invalid`."""

    email: str
    result: str
    errors: tuple[FieldError, ...] = ()


class SuppressionResultsBody(msgspec.Struct, frozen=True):
    added: int
    already_suppressed: int
    invalid: int
    results: list[SuppressionResultBody]


@dataclass(frozen=True)
class Entry:
    """One object of a list: a suppression to add, or what is wrong with it."""

    email: str
    row: NewSuppression | None
    errors: tuple[FieldError, ...] = ()


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List suppressions",
        scope=Scope.READ_SUPPRESSIONS,
        query=SuppressionsQuery,
        answers={200: Listed[SuppressionBody]},
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[SuppressionBody]]:
    """Newest first. `after` takes what `next` of the page before said."""
    query = read_query(request, SuppressionsQuery)
    wanted = SuppressionFilter(
        search=query.email, reason=query.reason or "", scope=query.scope or "", state=query.state
    )
    after = check_after(query, ORDER)

    def find(caller: Caller) -> Listed[SuppressionBody]:
        page = list_suppressions(caller.account_id, wanted, now=caller.now, after=after, size=query.limit)
        return make_page([_describe(row, caller.now) for row in page.rows], page.after)

    return _answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Suppress an address, or a list of them",
        scope=Scope.WRITE_SUPPRESSIONS,
        body=OneOf((SuppressionInput, SuppressionInputs)),
        answers={200: OneOf((SuppressionBody, SuppressionResultsBody)), 201: SuppressionBody},
    ),
)
async def add(request: ApiRequest) -> Response[Any]:
    """One object: 201, or 200 when the address was suppressed already. A list: 200 and a result for each."""
    body = await read_json(request)
    if isinstance(body, list):
        return _answer(await in_account(request, lambda caller: _add_many(caller, body)))
    added, standing = await in_account(request, lambda caller: _add_one(caller, body))
    return _answer(standing, status=201 if added else 200)


@get(
    f"{PATH}/{{email:path}}",
    **described(
        "Look one address up",
        scope=Scope.READ_SUPPRESSIONS,
        query=OneScopeQuery,
        answers={200: Listed[SuppressionBody]},
        statuses=(404,),
    ),
)
async def get_(request: ApiRequest) -> Response[Listed[SuppressionBody]]:
    """All that stands against one address, in one scope or in both."""
    key = _read_key(request)
    scope = read_query(request, OneScopeQuery).scope

    def find(caller: Caller) -> Listed[SuppressionBody]:
        rows = [row for row in _find_in_force(caller, key) if scope in (None, row.scope)]
        if not rows:
            raise _not_suppressed()
        return make_page([_describe(row, caller.now) for row in rows], None)

    return _answer(await in_account(request, find))


@delete(
    f"{PATH}/{{email:path}}",
    **described(
        "Lift what stands against one address",
        scope=Scope.WRITE_SUPPRESSIONS,
        query=LiftQuery,
        answers={204: None},
        statuses=(404, 409),
    ),
)
async def remove(request: ApiRequest) -> None:
    """All of it, or one scope. Nothing is lifted when one part may not be."""
    key = _read_key(request)
    query = read_query(request, LiftQuery)

    def lift_all(caller: Caller) -> None:
        rows = [row for row in _find_in_force(caller, key) if query.scope in (None, row.scope)]
        if not rows:
            raise _not_suppressed()
        for row in rows:
            _lift(row, query.confirm, caller)

    await in_account(request, lift_all)


HANDLERS = [list_, add, get_, remove]


# ── Adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _add_one(caller: Caller, body: Any) -> tuple[bool, SuppressionBody]:
    try:
        row = _read_row(body, caller.now)
    except Misfit as misfit:
        raise refuse(*misfit.errors) from None
    (added,) = _store(caller, [row])
    standing = next(one for one in _find_in_force(caller, row.email_key) if one.scope == row.scope)
    return added, _describe(standing, caller.now)


def _add_many(caller: Caller, bodies: Sequence[Any]) -> SuppressionResultsBody:
    if not 1 <= len(bodies) <= MAX_AT_ONCE:
        raise refuse(FieldError("body", f"must be a list of 1 to {MAX_AT_ONCE} objects"))
    entries = [_read_entry(body, caller.now) for body in bodies]
    rows = [entry.row for entry in entries if entry.row is not None]
    fates = iter(_store(caller, rows) if rows else [])
    results = [
        SuppressionResultBody(entry.email, "invalid", entry.errors)
        if entry.row is None
        else SuppressionResultBody(entry.email, "added" if next(fates) else "already_suppressed")
        for entry in entries
    ]
    counts = {
        word: sum(one.result == word for one in results)
        for word in ("added", "already_suppressed", "invalid")
    }
    return SuppressionResultsBody(**counts, results=results)


def _read_entry(body: Any, now: datetime) -> Entry:
    email = body.get("email") if isinstance(body, dict) else None
    shown = email[:320] if isinstance(email, str) else ""
    try:
        return Entry(shown, _read_row(body, now))
    except Misfit as misfit:
        return Entry(shown, None, misfit.errors)


def _read_row(body: Any, now: datetime) -> NewSuppression:
    """Raises Misfit."""
    if not isinstance(body, dict):
        raise Misfit(FieldError("body", "must be an object"))
    said = read_shape(body, SuppressionInput)
    errors = []
    try:
        key = parse_address(said.email.strip(" ")).key
    except AddressError as error:
        errors.append(FieldError("email", str(error)))
    if said.since is not None and not EARLIEST <= said.since <= now + CLOCKS_DIFFER:
        errors.append(FieldError("since", "must lie in the past, after 1989"))
    if said.expires_at is not None and not now < said.expires_at <= now + LONGEST:
        errors.append(FieldError("expires_at", "must lie in the future, within a century"))
    if errors:
        raise Misfit(*errors)
    scope = said.scope or USUAL_SCOPE[said.reason]
    since = min(said.since or now, now)
    return NewSuppression(key, said.reason, scope, since, _clean_note(said.note), said.expires_at)


def _clean_note(note: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in note).split())


def _store(caller: Caller, rows: Sequence[NewSuppression]) -> list[bool]:
    source = SuppressionSource("api", caller.key.public_id)
    return add_suppressions(caller.account_id, rows, source=source, by=caller.key, now=caller.now)


# ── One address ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_key(request: ApiRequest) -> str:
    """The address in the path, which may hold a slash of its own (RFC 5322 §3.2.3)."""
    text = str(request.scope["path"]).removeprefix(f"{PATH}/")
    try:
        return parse_address(text).key
    except AddressError as error:
        raise refuse(FieldError("email", str(error))) from None


def _find_in_force(caller: Caller, key: str) -> list[Suppression]:
    return [row for row in find_suppressions_of(caller.account_id, key) if row.is_in_force(now=caller.now)]


def _lift(row: Suppression, confirmed: Sequence[str], caller: Caller) -> None:
    try:
        lift(row, confirmed=row.reason if row.reason in confirmed else "", by=caller.key, now=caller.now)
    except SuppressionError as error:
        detail = str(error)
        if error.code == "own_word":
            detail += f" Then add confirm={row.reason} to the request."
        raise Problem(409, error.code, detail, (FieldError(row.scope, row.reason),)) from None


def _not_suppressed() -> Problem:
    return Problem(404, "not_suppressed", "This address is not suppressed.")


def _describe(row: Suppression, now: datetime) -> SuppressionBody:
    return SuppressionBody(
        email=None if row.is_erased else row.email,
        reason=cast(Reason, row.reason),
        scope=cast(ScopeWord, row.scope),
        in_force=row.is_in_force(now=now),
        since=row.at,
        expires_at=row.expires_at,
        note=row.detail,
        source=SuppressionSourceBody(row.source_kind, row.source_id) if row.source_kind else None,
    )


def _answer(body: Any, *, status: int = 200) -> Response[Any]:
    return Response(body, status_code=status, headers=NO_STORE)
