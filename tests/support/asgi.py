"""Call an ASGI application without a server: one request in, one answer out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What the application sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def make_scope(method: str, path: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    pure, _, query = path.partition("?")
    names = {"host": "localhost", **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": pure,
        "raw_path": pure.encode(),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in names.items()],
        "client": ("203.0.113.77", 50000),
        "server": ("localhost", 80),
    }


async def call(
    app: Callable[..., Awaitable[None]],
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(make_scope(method, path, headers), receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    pieces = [message.get("body", b"") for message in sent if message["type"] == "http.response.body"]
    names = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], names, b"".join(pieces))
