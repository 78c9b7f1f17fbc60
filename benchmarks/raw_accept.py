"""What accepting an email is measured against: the least that is still durable.

A bare ASGI application under the same server and settings: it reads the JSON, puts one row with a recipient and the body into a table, and
answers after COMMIT. Whoever waits at the same moment shares one INSERT and one COMMIT. It checks nothing, asks for nobody's consent
and writes one row where DynaMail writes three.

    python -m benchmarks.raw_accept --port N     (DATABASE_URL names the database; the table is made there)
"""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

import msgspec
import psycopg

from benchmarks.reference_server import serve_reference
from dynamail.lib.ids import new_id

CREATE = """
CREATE TABLE IF NOT EXISTS raw_accept (id uuid PRIMARY KEY, account_id bigint NOT NULL, recipient text NOT NULL, payload jsonb NOT NULL);
TRUNCATE raw_accept
"""
INSERT = """
INSERT INTO raw_accept (id, account_id, recipient, payload)
SELECT id, 1, recipient, payload::jsonb FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS given (id, recipient, payload)
"""
FLUSHERS = 2


class RawAccept:
    """The application. Batches are taken in turns by a few connections."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, str, str, asyncio.Future[None]]] = []
        self._news = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._answer(receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _answer(self, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        told = msgspec.json.decode(body)
        emails = told.get("emails", [told])
        loop, ids, stored = asyncio.get_running_loop(), [], []
        for email in emails:
            row, done = new_id(), loop.create_future()
            self._waiting.append((row, email["to"], msgspec.json.encode(email).decode(), done))
            ids.append(row)
            stored.append(done)
        self._news.set()
        await asyncio.gather(*stored)
        answer = msgspec.json.encode({"data": [{"id": str(one)} for one in ids]})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        flushers = [asyncio.create_task(self._flush()) for _ in range(FLUSHERS)]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for flusher in flushers:
            flusher.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _flush(self) -> None:
        connection = await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"])
        while True:
            await self._news.wait()
            self._news.clear()
            batch, self._waiting = self._waiting[:500], self._waiting[500:]
            if self._waiting:
                self._news.set()
            if not batch:
                continue
            ids, recipients, payloads, done = zip(*batch, strict=True)
            await connection.execute(INSERT, [list(ids), list(recipients), list(payloads)], prepare=True)
            await connection.commit()
            for one in done:
                one.set_result(None)


def create_app() -> RawAccept:
    return RawAccept()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(CREATE)
    serve_reference("benchmarks.raw_accept:create_app", port, factory=True)


if __name__ == "__main__":
    main()
