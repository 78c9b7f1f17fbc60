"""A web server on loopback with scripted pages, plain or with a certificate.

with WebServer() as server:
    server.pages["/people.csv"] = Page(b"email\\n...", headers={"ETag": '"1"'})
    server.requests                      # path and headers of each request
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

from tests.support.quiet_server import QuietHandler, QuietServer
from tests.support.tls_authority import Certificate


@dataclass
class Page:
    """`body` is bytes, or pieces that are written one by one. Who has its ETag already is answered 304."""

    body: bytes | Callable[[], Iterable[bytes]] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]


class WebServer:
    host = "127.0.0.1"

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.stopping = threading.Event()  # pages that drip look at it
        self._context = certificate.server_context() if certificate else None

    def url(self, path: str, *, host: str = "") -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://{host or self.host}:{self.port}{path}"

    def __enter__(self) -> WebServer:
        outer = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append(Request(self.path, headers))
                page = outer.pages.get(self.path, Page(b"not here", status=404))
                tag = page.headers.get("ETag")
                is_known = page.status == 200 and tag and headers.get("if-none-match") == tag
                self.send_response(304 if is_known else page.status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if not is_known:
                    for piece in [page.body] if isinstance(page.body, bytes) else page.body():
                        self.wfile.write(piece)

        self._server = QuietServer(self.host, Handler, self._context)
        self.port = self._server.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.stop()
