"""Bodies and queries, read strictly: what does not fit is named by its field, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from dynamail.api.auth import ApiRequest
from dynamail.api.errors import FieldError, Problem
from dynamail.api.misfits import Misread, name_fault

Read = TypeVar("Read")
Shape = TypeVar("Shape", bound=msgspec.Struct)

NUL = "may not have the character U+0000"


class Misfit(ValueError):
    """What is wrong with one object of a body."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


async def read_json(request: ApiRequest) -> Any:
    """The body as plain values. Raises Problem (400, 413, 415, 422)."""
    try:
        return await read_body(request, msgspec.json.decode)
    except msgspec.ValidationError as error:  # plain values have one way not to fit: 1e400 is no number here
        raise refuse(name_fault(error)) from None


async def read_body(request: ApiRequest, decode: Callable[[bytes], Read]) -> Read:
    """The body as `decode` makes it of JSON, or raises msgspec.ValidationError. Raises Problem (400, 413, 415)."""
    return decode_body(request, await request.body(), decode)


def decode_body(request: ApiRequest, body: bytes, decode: Callable[[bytes], Read]) -> Read:
    """Like `read_body` for a body that has come."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(415, "unsupported_media_type", "Send the body as application/json.")
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise Misread(error, body) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        refuse_encoding(request)  # octets that were packed are no JSON, so nobody else pays for the look
        fault = str(error).removeprefix("JSON is malformed: ")
        raise Problem(400, "bad_request", f"The body is not JSON: {fault[:200]}.") from None


def refuse_encoding(request: ApiRequest) -> None:
    """Raises Problem (415) for a body that was packed on its way (RFC 9110 §15.5.16)."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        detail = f"The body came with Content-Encoding {encoding[:40]}, which is not read here."
        raise Problem(415, "unsupported_encoding", detail, headers={"accept-encoding": "identity"})


def read_shape(value: Any, shape: type[Shape]) -> Shape:
    """Plain values as a record. Raises Misfit."""
    if (place := _find_nul(value)) is not None:
        raise Misfit(FieldError(place[:200] or "body", NUL))
    try:
        return msgspec.convert(value, shape, strict=True, str_keys=True)
    except msgspec.ValidationError as error:
        raise Misfit(name_fault(error, value, shape)) from None


def read_query(request: ApiRequest, shape: type[Shape]) -> Shape:
    """The query as a record whose fields have defaults; lists take a parameter that is given several times. Raises Problem (422)."""
    said: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getall(name)
        if any("\x00" in value for value in (name, *values)):
            raise refuse(FieldError(name.replace("\x00", "")[:200], NUL))
        said[name] = values if _is_list(shape, name) else values[-1]
    try:
        return msgspec.convert(said, shape, strict=False)
    except msgspec.ValidationError as error:
        fault = name_fault(error, said, shape)  # all that a query has is texts
        raise refuse(FieldError(fault.field, fault.message.removesuffix(", not a text"))) from None


def read_choice(request: ApiRequest, name: str, choices: Collection[str], default: str = "") -> str:
    """A parameter of the query that is one of a few words. Raises Problem (422)."""
    value = request.query_params.get(name, default)
    if value != default and value not in choices:
        raise refuse(FieldError(name, f"must be one of {', '.join(sorted(choices))}"))
    return str(value)


def read_limit(request: ApiRequest, *, default: int, most: int) -> int:
    """`limit` of the query. Raises Problem (422)."""
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise refuse(FieldError("limit", f"must be a whole number from 1 to {most}"))
    return int(text)


def refuse(*errors: FieldError) -> Problem:
    """422 that names the fields."""
    return Problem(
        422, "invalid", "The request has fields that cannot be accepted; see “errors”.", tuple(errors)
    )


def _find_nul(value: Any) -> str | None:
    """Where a text has the one character that PostgreSQL keeps in none; None: nowhere."""
    with suppress(RecursionError):
        if b"\\u0000" not in msgspec.json.encode(value):  # as JSON writes it; the walk is slow
            return None
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:  # not by calling itself: a body may be nested a thousand levels deep
        place, one = waiting.pop()
        if isinstance(one, str) and "\x00" in one:
            return place
        if isinstance(one, dict):
            waiting += [(f"{place}.{name}".lstrip("."), name) for name in one if "\x00" in str(name)]
            waiting += [(f"{place}.{name}".lstrip("."), inner) for name, inner in one.items()]
        elif isinstance(one, list):
            waiting += [(f"{place}[{index}]", inner) for index, inner in enumerate(one)]
    return None


def _is_list(shape: type[msgspec.Struct], name: str) -> bool:
    kinds = {field.encode_name: field.type for field in msgspec.inspect.type_info(shape).fields}  # type: ignore[attr-defined]
    return isinstance(kinds.get(name), msgspec.inspect.CollectionType)
