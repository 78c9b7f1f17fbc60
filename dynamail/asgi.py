"""The web process: one ASGI application on one port.

    /t/…                    opens and clicks        tracking/endpoints.py, no framework, no database on the way
    /api/…  /healthz …      the API                 api/app.py, Litestar
    /compat/…               other vendors' shapes    api/compat/, Litestar
    everything else         pages, static files     Django's WSGI handler in a pool of threads (a2wsgi)

`serve` picks what a process answers to, so that slow pages need not share an interpreter with hot endpoints: `all`, `pages`, `api`,
`tracking` (which includes the recipients' pages /u, /p, /v). The lifespan opens the connections and the shipping of hits, and at
the end waits for the last hits to be shipped and the last requests to be logged.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from a2wsgi import WSGIMiddleware

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SERVES: Final = ("all", "pages", "api", "tracking")
SERVE_VARIABLE = "DYNAMAIL_SERVE"  # how `serve` tells the worker process
PAGE_THREADS = 8  # each keeps a database connection
DRAIN_SECONDS = 15

_TRACKING, _RECIPIENT_PAGES = ("/t/",), ("/u/", "/p/", "/v/", "/c/")
_API, _HEALTH = ("/api/", "/compat/"), ("/healthz", "/readyz")
_SHARED_BY_PAGES = ("/static/",)
_POSTMARK_DOOR, _POSTMARK_HEADER = "/compat/postmark", b"x-postmark-server-token"

log = logging.getLogger(__name__)


def create_app(serve: str | None = None) -> Application:
    """The application for one process. `serve` defaults to the environment's, then to `all`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    import django

    django.setup()
    wanted = serve or os.environ.get(SERVE_VARIABLE) or "all"
    if wanted not in SERVES:
        raise ValueError(f"serve is {wanted!r}; it must be one of {', '.join(SERVES)}")
    return WebApplication(wanted)


def serve(wanted: str = "all", *, host: str | None = None, port: int | None = None) -> None:
    """Listen until SIGTERM or SIGINT, then drain. Access is not logged: it would be a record of recipients."""
    from django.conf import settings
    from granian import Granian
    from granian.constants import Interfaces, Loops, RuntimeModes
    from granian.log import LogLevels

    os.environ[SERVE_VARIABLE] = wanted
    Granian(
        "dynamail.asgi:create_app",
        factory=True,
        address=host or settings.DYNAMAIL_HOST,
        port=port or settings.DYNAMAIL_PORT,
        interface=Interfaces.ASGI,
        workers=1,
        runtime_threads=1,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2048,
        log_level=LogLevels.warning,
        log_access=False,
        workers_kill_timeout=DRAIN_SECONDS + 5,
        respawn_failed_workers=True,
    ).serve()


class WebApplication:
    """Routes by the path's beginning, and carries the lifespan."""

    def __init__(self, serve: str) -> None:
        from django.conf import settings

        from dynamail.api.app import create_api
        from dynamail.tracking.pool import make_pool
        from dynamail.tracking.segments import SegmentWriter

        self.serve = serve
        self.pool = make_pool(settings.DSN)
        self.writer = SegmentWriter(settings.HITS_DIR)
        self.doors = make_pool(settings.DSN, name="doors")
        self.api: Any = create_api(self.pool, self.doors)
        self.pages = _make_pages() if serve != "api" else None
        self.tracking = self._make_tracking() if serve in ("all", "tracking") else None
        self._stop: asyncio.Event | None = None
        self._shipping: asyncio.Task[None] | None = None
        self._logging: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            application = self.find_application(scope["path"])
            if application in (None, self.pages) and self.serve in ("all", "api") and _is_postmarks(scope):
                application, scope = self.api, _lead_to_postmarks_door(scope)
            await (application or _answer_nothing_here)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def find_application(self, path: str) -> Application | None:
        """Who answers to a path in this process; None where nobody does."""
        if path.startswith(_TRACKING):
            return self.tracking
        if path in _HEALTH:
            return self.api
        if path == "/api" or path.startswith(_API):
            return self.api if self.serve in ("all", "api") else None
        if self.serve == "tracking" and not path.startswith(_RECIPIENT_PAGES + _SHARED_BY_PAGES):
            return None
        return self.pages

    def _make_tracking(self) -> Application:
        from django.conf import settings

        from dynamail.tracking.endpoints import TrackingEndpoints
        from dynamail.tracking.link_cache import LinkCache, load_from
        from dynamail.tracking.tokens import load_token_keys
        from dynamail.web.views.public import render_notice

        return TrackingEndpoints(
            keys=load_token_keys(settings.SECRET_KEY),
            links=LinkCache(load_from(self.pool)),
            writer=self.writer,
            pages=functools.lru_cache(maxsize=64)(render_notice),
        )

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:
            log.exception("The web process cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.end()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Open the connections (a database that is away is waited for later) and begin to ship."""
        from dynamail.tracking.shipping import run_shipping

        _end_with_parent()
        await self.pool.open(wait=False)
        self._stop = asyncio.Event()
        if self.serve in ("all", "api"):
            await self.doors.open(wait=False)
            self._logging = asyncio.create_task(self.api.state.requests.run(stop=self._stop))
        if self.tracking is not None:
            self._shipping = asyncio.create_task(run_shipping(self.pool, self.writer, stop=self._stop))

    async def end(self) -> None:
        """Ship what is left, close the connections, let running pages finish."""
        if self._stop is not None:
            self._stop.set()
        if self._shipping is not None:
            try:
                await asyncio.wait_for(self._shipping, DRAIN_SECONDS)
            except TimeoutError:
                log.warning("The last opens and clicks wait in %s for the next start", self.writer.directory)
        if self._logging is not None:
            try:
                await asyncio.wait_for(self._logging, DRAIN_SECONDS)
            except TimeoutError:
                log.warning("The last API requests were not logged: the database did not answer in time")
        await self.pool.close()
        await self.doors.close()
        if isinstance(self.pages, DjangoPages):
            await asyncio.to_thread(self.pages.close)


class DjangoPages:
    """Django's WSGI handler as an ASGI application, with what WSGI makes of odd requests set right first."""

    def __init__(self, handler: Any, threads: int) -> None:
        self._middleware = WSGIMiddleware(handler, workers=threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def read() -> Any:
            return await receive()  # granian's is awaitable but no coroutine, which a2wsgi insists on

        await self._middleware(clean_scope(scope), read, send)  # type: ignore[arg-type]

    def close(self) -> None:
        """Wait for the pages that are being made."""
        self._middleware.executor.shutdown(wait=True)


def clean_scope(scope: Scope) -> Scope:
    """The request as WSGI can carry it.

    A header with an underscore is dropped, because WSGI cannot tell `x_forwarded_proto` from `x-forwarded-proto`; cookies that HTTP/2
    sent apart are joined (RFC 9113 §8.2.3); octets of the query that are not ASCII are escaped.
    """
    cookies = [value for name, value in scope["headers"] if name == b"cookie"]
    headers = [(name, value) for name, value in scope["headers"] if b"_" not in name and name != b"cookie"]
    if cookies:
        headers.append((b"cookie", b"; ".join(cookies)))
    query = scope["query_string"]
    if not query.isascii():
        query = b"".join(b"%%%02X" % octet if octet > 127 else bytes([octet]) for octet in query)
    return {**scope, "headers": headers, "query_string": query}


def _make_pages() -> DjangoPages:
    from django.core.wsgi import get_wsgi_application

    return DjangoPages(get_wsgi_application(), PAGE_THREADS)


def _is_postmarks(scope: Scope) -> bool:
    """Some clients of Postmark keep no more of a base URL than its host; the header tells them from a browser."""
    return any(name == _POSTMARK_HEADER for name, _value in scope["headers"])


def _lead_to_postmarks_door(scope: Scope) -> Scope:
    path = _POSTMARK_DOOR + scope["path"]
    return {**scope, "path": path, "raw_path": _POSTMARK_DOOR.encode() + scope.get("raw_path", b"")}


async def _answer_nothing_here(_: Scope, receive: Receive, send: Send) -> None:
    body = b"Nothing is served here.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _end_with_parent() -> None:
    """granian's worker would outlive a main process that is killed outright, and keep the port (Linux)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
