"""What the routes of every noun share: a body in, a row by its public id, an answer out."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Response

from dynamail.accounts.tenancy import PublicIdModel
from dynamail.api.auth import ApiRequest, Caller
from dynamail.api.errors import FieldError, Problem
from dynamail.api.reading import Misfit, read_json, read_shape, refuse
from dynamail.lib.ids import UnknownId

NO_STORE = {"cache-control": "no-store"}

Shape = TypeVar("Shape", bound=msgspec.Struct)
Row = TypeVar("Row", bound=PublicIdModel)


async def read_input(request: ApiRequest, shape: type[Shape]) -> Shape:
    """The body as a record. Raises Problem (400, 413, 415, 422)."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise refuse(FieldError("body", "must be an object"))
    try:
        refuse_nul(body)
        return read_shape(body, shape)
    except Misfit as misfit:
        raise refuse(*misfit.errors) from None
    except RecursionError:
        raise Problem(400, "bad_request", "The body is nested too deep.") from None


def refuse_nul(value: Any, place: str = "") -> None:
    """U+0000 is the one character of JSON that no text of the database holds. Raises Misfit."""
    match value:
        case str() if "\x00" in value:
            raise Misfit(FieldError(place[:200] or "body", "must not contain the character U+0000"))
        case dict():
            for name, one in value.items():
                refuse_nul(name, place)
                refuse_nul(one, f"{place}.{name}" if place else name)
        case list():
            for number, one in enumerate(value):
                refuse_nul(one, f"{place}[{number}]")


def find_row(caller: Caller, model: type[Row], public_id: str) -> Row | None:
    """The account's row of that id; None for another account's, and for what is no id."""
    try:
        uid = model.uid_from(public_id)
    except UnknownId:
        return None
    row: Row | None = model.objects.for_account(caller.account_id).filter(uid=uid).first()  # type: ignore[attr-defined]
    return row


def get_row(caller: Caller, model: type[Row], public_id: str) -> Row:
    """Like `find_row` for what the address names. Raises Problem (404)."""
    if (row := find_row(caller, model, public_id)) is None:
        raise not_found(str(model._meta.verbose_name))  # type: ignore[attr-defined]
    return row


def name_row(caller: Caller, model: type[Row], public_id: str, field: str) -> Row:
    """Like `find_row` for what a field of the request names. Raises Problem (422)."""
    if (row := find_row(caller, model, public_id)) is None:
        raise refuse(FieldError(field, "is not known in this account"))
    return row


def not_found(noun: str) -> Problem:
    return Problem(404, "not_found", f"There is no such {noun} in this account.")


def hold_row(row: Row) -> Row:
    """The row as it is now, and as it stays until this transaction ends: for changes that leave a part of it as it is. Raises Problem (404)."""
    rows = type(row).objects.for_account(row.account_id).select_for_update(no_key=True)  # type: ignore[attr-defined]
    held: Row | None = rows.filter(pk=row.pk).first()
    if held is None:
        raise not_found(str(row._meta.verbose_name))  # type: ignore[attr-defined]
    return held


def needs_live_key(caller: Caller, what: str) -> None:
    """A test key's mail goes to the Mailbox alone; what would reach people is refused. Raises Problem (403)."""
    if caller.key.is_test:
        raise Problem(403, "test_key", f"A test key cannot {what}. Use a live key.")


def answer(body: Any, *, status: int = 200) -> Response[Any]:
    return Response(body, status_code=status, headers=NO_STORE)
