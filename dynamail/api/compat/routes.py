"""All doors, for `app.py`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from dynamail.api.compat import listmonk, mailgun, postmark, resend, segment, sendgrid
from dynamail.api.errors import handle_http_error

HANDLERS = [postmark.DOOR, resend.DOOR, sendgrid.DOOR, mailgun.DOOR, listmonk.DOOR, segment.DOOR]


def refuse_path(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What is refused before a route is found: in the vendor's form below a door, in ours elsewhere."""
    path = request.scope["path"]
    for door in HANDLERS:
        if path == door.path or path.startswith(f"{door.path}/"):
            told: Response[Any] = door.exception_handlers[HTTPException](request, error)  # type: ignore[index]
            return told
    return handle_http_error(request, error)
