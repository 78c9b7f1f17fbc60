"""HEAD wherever GET is, and OPTIONS with every method of an address (RFC 9110 §9.3.2, §9.3.7, §10.2.1).

Litestar knows neither: its OPTIONS names the methods of the handler that came first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.utils import normalize_path

from dynamail.api.visits import Send

NONE: Any = "NONE"  # a method that no address has


def list_methods(app: Litestar, path: str) -> list[str]:
    """The methods of an address, sorted; none where nothing is."""
    try:
        app.asgi_router.handle_routing(path=normalize_path(path), method=NONE)
    except MethodNotAllowedException as error:
        return complete_methods((error.headers or {}).get("allow", ""))
    except HTTPException:
        pass
    return []


def complete_methods(allow: str) -> list[str]:
    """What `Allow` of Litestar names, and HEAD with GET."""
    methods = set(filter(None, allow.split(", ")))
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


async def answer_options(methods: list[str], send: Send) -> None:
    headers = [(b"allow", ", ".join(methods).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def leave_body_out(send: Send) -> Callable[[Any], Any]:
    """Like `send`, with the headers of the answer and nothing behind them."""

    async def send_head(message: Any) -> None:
        if message["type"] == "http.response.body":
            if message.get("more_body"):
                return
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_head
