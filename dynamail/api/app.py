from __future__ import annotations

from importlib import metadata
from typing import Any

import msgspec
from django.conf import settings
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from psycopg_pool import AsyncConnectionPool

from dynamail.accounts.request_log import RequestLog
from dynamail.api.auth import unavailable
from dynamail.api.compat.routes import HANDLERS as COMPAT
from dynamail.api.compat.routes import refuse_path
from dynamail.api.documentation import render_page, write_policy
from dynamail.api.emails import HANDLERS as EMAILS
from dynamail.api.errors import EXCEPTION_HANDLERS
from dynamail.api.events import HANDLERS as EVENTS
from dynamail.api.health import show_health, show_readiness
from dynamail.api.key_cache import KeyCache
from dynamail.api.limits import Limits
from dynamail.api.methods import answer_options, leave_body_out, list_methods
from dynamail.api.nouns import HANDLERS as NOUNS
from dynamail.api.openapi import show_document, write_document
from dynamail.api.replaying import Replayed, answer_again, keep_back
from dynamail.api.request_log import HANDLERS as REQUESTS
from dynamail.api.request_log import describe_visit
from dynamail.api.segments import HANDLERS as SEGMENTS
from dynamail.api.suppressions import HANDLERS as SUPPRESSIONS
from dynamail.api.taking import Intake
from dynamail.api.visits import open_visit

VERSION = "v1"


class ApiRoot(msgspec.Struct, frozen=True):
    """Where a program, or a person with a browser, finds the rest."""

    name: str
    version: str
    api: str
    documentation: str
    openapi: str
    privacy_policy: str
    cookie_policy: str


@get(["/api", f"/api/{VERSION}"], sync_to_thread=False)
def show_root(request: Request[Any, Any, Any]) -> Response[Any]:
    """The documentation for a browser, the way to it for a program."""
    if request.scope["path"].rstrip("/") == "/api" and _wants_page(request.headers.get("accept", "")):
        return _show_documentation(request.app)
    root = ApiRoot(
        name="DynaMail",
        version=metadata.version("dynamail"),
        api=f"{settings.PUBLIC_URL}/api/{VERSION}/",
        documentation=f"{settings.PUBLIC_URL}/api/",
        openapi=f"{settings.PUBLIC_URL}/api/{VERSION}/openapi.json",
        privacy_policy=f"{settings.PUBLIC_URL}/policy/",
        cookie_policy=f"{settings.PUBLIC_URL}/cookies/",
    )
    return Response(
        root, headers={"cache-control": "no-store", "vary": "accept"}, media_type="application/json"
    )


def _wants_page(accept: str) -> bool:
    """A browser names HTML before anything else; a program names JSON, or takes all."""
    return accept.partition(",")[0].partition(";")[0].strip().lower() == "text/html"


def _show_documentation(app: Litestar) -> Response[str]:
    page = app.state.get("documentation")
    if page is None:
        page = app.state["documentation"] = render_page(write_document(app))
    headers = {
        "cache-control": "no-cache",
        "vary": "accept",
        "content-security-policy": write_policy(),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
    }
    return Response(page, headers=headers, media_type="text/html")


class Api(Litestar):
    """Litestar, with a visit around each request: its id is in the answer, whoever made that, and the log has it afterwards."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        visit = open_visit(scope)
        send = keep_back(visit, visit.tell(send), unavailable)
        try:
            if scope["method"] in ("HEAD", "OPTIONS"):
                await self._ask_about(scope, visit.hear(receive), send)
            else:
                await super().__call__(scope, visit.hear(receive), send)
        finally:
            if visit.held is not None:
                await visit.held.abandon()
        if (row := describe_visit(visit, scope)) is not None:
            self.state.requests.note(row)

    async def _ask_about(self, scope: Any, receive: Any, send: Any) -> None:
        """What there is at an address: by HEAD, which is GET without a body, or by OPTIONS."""
        methods = list_methods(self, scope["path"])
        if scope["method"] == "OPTIONS" and methods:
            await answer_options(methods, send)
        elif scope["method"] == "HEAD" and "GET" in methods:
            scope["method"] = "GET"
            await super().__call__(scope, receive, leave_body_out(send))
            scope["method"] = "HEAD"  # as the log of requests has it
        else:
            await super().__call__(scope, receive, send)


def create_api(pool: AsyncConnectionPool, doors: AsyncConnectionPool | None = None) -> Api:
    """The application. Its lifespan is `asgi.py`'s: the pools are opened and closed there.

    `doors` is for requests that come too fast for threads (`entering.py`); without it they share `pool`.
    """
    doors = doors or pool
    return Api(
        route_handlers=[
            show_root,
            show_document,
            show_health,
            show_readiness,
            *COMPAT,
            *SUPPRESSIONS,
            *EMAILS,
            *EVENTS,
            *SEGMENTS,
            *NOUNS,
            *REQUESTS,
        ],
        exception_handlers={**EXCEPTION_HANDLERS, HTTPException: refuse_path, Replayed: answer_again},
        state=State(
            {
                "pool": pool,
                "doors": doors,
                "known_keys": KeyCache(doors),
                "intake": Intake(doors),
                "requests": RequestLog(pool),
                "limits": Limits(settings.API_RATE_PER_SECOND, settings.API_INTAKE_PER_SECOND),
            }
        ),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=10 * 2**20,
    )
