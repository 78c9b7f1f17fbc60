"""The row that an address names, if it is the account's."""

from __future__ import annotations

from typing import Any, TypeVar

from django.http import Http404

from dynamail.accounts.tenancy import PublicIdModel
from dynamail.lib.ids import UnknownId
from dynamail.web.access import PageRequest

Row = TypeVar("Row", bound=PublicIdModel)


def get_row(model: type[Row], request: PageRequest, public_id: str) -> Row:
    """Raises Http404, also for a row of another account."""
    objects: Any = model.objects  # type: ignore[attr-defined]
    try:
        row: Row | None = objects.for_account(request.account).filter(uid=model.uid_from(public_id)).first()
    except UnknownId:
        row = None
    if row is None:
        raise Http404
    return row
