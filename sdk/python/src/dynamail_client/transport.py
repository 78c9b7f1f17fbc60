"""How a request travels: the key in its header, JSON both ways, and a second try where that can do no harm."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from dynamail_client.errors import NoAnswer, read_error, read_retry_after

USER_AGENT = "dynamail-client-python/0.1.0"
AGAIN = frozenset((429, 502, 503, 504))
LONGEST_WAIT = 30.0  # seconds between two tries


@dataclass(frozen=True)
class Call:
    """One operation of the API. `content` is sent as it is instead of `body` as JSON."""

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Any = None
    content: bytes | None = None
    content_type: str = ""
    idempotency_key: str | None = None
    wants_bytes: bool = False

    def build(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        headers = {"content-type": self.content_type} if self.content_type else {}
        if self.method == "POST":
            # Always one, so that a second try cannot send twice.
            headers["idempotency-key"] = self.idempotency_key or str(uuid4())
        given = {name: value for name, value in (self.query or {}).items() if value is not None}
        return client.build_request(
            self.method,
            self.path,
            params={name: _write(value) for name, value in given.items()},
            json=self.body if self.content is None else None,
            content=self.content,
            headers=headers,
        )

    def read(self, response: httpx.Response) -> Any:
        if response.status_code >= 400:
            raise read_error(response)
        if self.wants_bytes:
            return response.content
        return response.json() if response.content else None


class Transport:
    """Requests one after the other."""

    def __init__(self, client: httpx.Client, *, retries: int) -> None:
        self._client, self._retries = client, retries

    def send(self, call: Call) -> Any:
        request = call.build(self._client)
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                response = self._client.send(request)
            except httpx.TransportError as error:
                if is_last:
                    raise NoAnswer(str(error)) from error
                time.sleep(find_wait(attempt))
                continue
            if is_last or response.status_code not in AGAIN:
                return call.read(response)
            time.sleep(find_wait(attempt, response))
        raise AssertionError("unreachable")


class AsyncTransport:
    """The same for event loops."""

    def __init__(self, client: httpx.AsyncClient, *, retries: int) -> None:
        self._client, self._retries = client, retries

    async def send(self, call: Call) -> Any:
        request = call.build(self._client)
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                response = await self._client.send(request)
            except httpx.TransportError as error:
                if is_last:
                    raise NoAnswer(str(error)) from error
                await asyncio.sleep(find_wait(attempt))
                continue
            if is_last or response.status_code not in AGAIN:
                return call.read(response)
            await asyncio.sleep(find_wait(attempt, response))
        raise AssertionError("unreachable")


def find_wait(attempt: int, response: httpx.Response | None = None) -> float:
    """Seconds before the next try: what the server asks for, else 0.5, 1, 2 … with some chance in it."""
    asked = read_retry_after(response) if response is not None else None
    if asked is not None:
        return min(asked, LONGEST_WAIT)
    return min(0.5 * 2.0**attempt, LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads tries, keeps no secret


def _write(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
