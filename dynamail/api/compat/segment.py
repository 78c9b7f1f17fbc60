"""The door in the shape of Segment's HTTP tracking API: `/compat/segment`. `docs/api/compat_segment.md`.

People are known by email address, of `traits.email` or a `userId` that is one, and by a `userId` that was identified with one. Programs that send through such libraries hear
no answer, so what cannot be used is left out and told, and never refuses the rest.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.datastructures import Headers

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, in_account, needs_scope
from dynamail.api.compat.doors import BASIC, NO_STORE, Credentials, find_bearer, open_door, sentence_of
from dynamail.api.compat.segment_calls import Call, Ignored, take_calls
from dynamail.api.errors import FieldError, Problem
from dynamail.api.misfits import name_fault
from dynamail.api.reading import refuse

MAX_CALL = 32 * 2**10  # octets, as the specification says
MAX_BATCH = 500 * 2**10
MOST_CALLS = 2_500

WRITE = needs_scope(Scope.WRITE_CONTACTS, Scope.WRITE_EVENTS)


class Batch(msgspec.Struct):
    batch: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MOST_CALLS)]


class SuccessBody(msgspec.Struct, frozen=True):
    """`accepted` calls had an effect, or had it before; `ignored` says what of which call was left out, and why."""

    success: bool
    accepted: int
    ignored: Sequence[Ignored]


class FailureBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What Segment's own libraries read of an error: `code` and `message`."""

    success: bool
    code: str
    message: str
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True)
class _Read:
    """The calls that could be read, each with its place in the request, and what could not."""

    calls: Sequence[tuple[int, Call]]
    ignored: Sequence[Ignored]


_read_call = msgspec.json.Decoder(Call).decode
_read_batch = msgspec.json.Decoder(Batch).decode


@post("/v1/identify", guards=[WRITE], status_code=200)
async def identify(request: ApiRequest) -> Response[SuccessBody]:
    return await _take_one(request, "identify")


@post("/v1/track", guards=[WRITE], status_code=200)
async def track(request: ApiRequest) -> Response[SuccessBody]:
    return await _take_one(request, "track")


@post("/v1/alias", guards=[WRITE], status_code=200)
async def alias(request: ApiRequest) -> Response[SuccessBody]:
    return await _take_one(request, "alias")


@post(["/v1/page", "/v1/screen", "/v1/group"], guards=[WRITE], status_code=200)
async def ignore(request: ApiRequest) -> Response[SuccessBody]:
    """Nothing here has a use for these; they are answered so that a library goes on."""
    return await _take_one(request, request.scope["path"].rpartition("/")[2])


@post(["/v1/batch", "/v1/import"], guards=[WRITE], status_code=200)
async def take_batch(request: ApiRequest) -> Response[SuccessBody]:
    body = _unpack(await request.body(), request.headers, MAX_BATCH)
    try:
        batch = _read_batch(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _not_readable(error) from None
    return await _take(request, _read_all(batch.batch))


def _tell(problem: Problem) -> Response[Any]:
    body = FailureBody(False, problem.code, sentence_of(problem), problem.errors)
    return Response(body, status_code=problem.status)


def _find_secret(headers: Headers) -> str:
    """The user name of `Authorization: Basic …`, where Segment's libraries put the write key."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return find_bearer(headers)
    try:
        return b64decode(encoded.strip(), validate=True).decode().partition(":")[0]
    except (NotBase64, UnicodeError, ValueError):
        return ""


ASK_FOR_KEY = "Use Basic authentication: as the user name an API key that works, no password. Or send it as a Bearer token."
DOOR = open_door(
    "/segment",
    [identify, track, alias, ignore, take_batch],
    tell=_tell,
    credentials=Credentials(_find_secret, ASK_FOR_KEY, BASIC),
    max_bytes=MAX_BATCH,
)


async def _take_one(request: ApiRequest, kind: str) -> Response[SuccessBody]:
    body = _unpack(await request.body(), request.headers, MAX_CALL)
    try:
        call = _read_call(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _not_readable(error) from None
    call.type = kind
    return await _take(request, _Read([(0, call)], []))


async def _take(request: ApiRequest, read: _Read) -> Response[SuccessBody]:
    accepted, ignored = await in_account(request, lambda caller: take_calls(caller, read.calls))
    told = sorted([*read.ignored, *ignored], key=lambda one: one.index)
    return Response(SuccessBody(True, accepted, told), headers=NO_STORE)


def _read_all(bodies: Sequence[msgspec.Raw]) -> _Read:
    calls, ignored = [], []
    for index, body in enumerate(bodies):
        if len(bytes(body)) > MAX_CALL:
            ignored.append(Ignored(index, "", "call", f"is larger than {MAX_CALL // 1024} KB"))
            continue
        try:
            calls.append((index, _read_call(body)))
        except msgspec.ValidationError as error:
            fault = name_fault(error)
            ignored.append(Ignored(index, "", fault.field, fault.message))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            ignored.append(Ignored(index, "", "call", "is not JSON that can be read"))
    return _Read(calls, ignored)


def _unpack(body: bytes, headers: Headers, limit: int) -> bytes:
    """The body as it was before `Content-Encoding: gzip`; no more is unpacked than is taken. Raises Problem (400, 413, 415)."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip":
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            body = unpacker.decompress(body, limit + 1)
        except zlib.error:
            raise Problem(400, "bad_request", "The body is not gzip.") from None
        if not unpacker.eof and len(body) <= limit:
            raise Problem(400, "bad_request", "The body ends before its gzip does.")
    elif encoding != "identity":
        raise Problem(415, "unsupported_media_type", "Send the body as it is, or with gzip.")
    if len(body) > limit:
        raise Problem(413, "too_large", f"The body is larger than {limit // 1024} KB.")
    return body


def _not_readable(error: Exception) -> Problem:
    if isinstance(error, msgspec.ValidationError):
        return refuse(name_fault(error))
    return Problem(400, "bad_request", f"The body is not JSON: {str(error)[:200]}.")
