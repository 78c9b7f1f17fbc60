"""A receiver of webhooks on loopback: it keeps what came, and answers as it is told.

with WebhookSink() as sink:
    sink.answer = lambda request: Said(503, {"Retry-After": "120"})
    sink.requests                         # path, headers and body of each request
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from tests.support.quiet_server import QuietHandler, QuietServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class WebhookSink:
    host = "127.0.0.1"

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.connections = 0  # that were made
        self.answer: Callable[[Received], Said] = lambda _request: Said()
        self.arrived = threading.Condition()

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.host}:{self.port}{path}"

    def wait_for(self, number: int, *, path: str = "", seconds: float = 60) -> None:
        """Until so many requests have come."""
        with self.arrived:
            came = self.arrived.wait_for(
                lambda: sum(one.path.startswith(path) for one in self.requests) >= number, seconds
            )
        assert came, f"{len(self.requests)} requests came"

    def __enter__(self) -> WebhookSink:
        outer = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer leaves as one segment
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with outer.arrived:
                    outer.connections += 1

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.path, headers, self.rfile.read(length))
                with outer.arrived:
                    outer.requests.append(request)
                    outer.arrived.notify_all()
                said = outer.answer(request)
                self.send_response(said.status)
                for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)
                # What was promised and does not come ends with the connection.
                self.close_connection |= bool({"Content-Length", "Connection"} & said.headers.keys())

        self._server = QuietServer(self.host, Handler)
        self.port = self._server.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
