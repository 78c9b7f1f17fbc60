"""An HTTPS server on loopback that says one thing, to whoever asks for whatever: for MTA-STS policies.

with PolicyServer(authority.issue("mta-sts.example.com")) as server:
    server.body = b"version: STSv1..."
    server.requests                      # (host, path) of each request
"""

from __future__ import annotations

import threading
from types import TracebackType

from tests.support.quiet_server import QuietHandler, QuietServer
from tests.support.tls_authority import Certificate


class PolicyServer:
    host = "127.0.0.1"

    def __init__(self, certificate: Certificate) -> None:
        self.status = 200
        self.content_type = "text/plain"
        self.headers: dict[str, str] = {}
        self.body = b""
        self.requests: list[tuple[str, str]] = []
        self.silence = threading.Event()  # when clear, requests wait for it
        self.silence.set()
        self._context = certificate.server_context()

    def start(self) -> PolicyServer:
        outer = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.headers["Host"], self.path))
                outer.silence.wait()
                self.send_response(outer.status)
                for name, value in {"Content-Type": outer.content_type, **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.body)

        self._server = QuietServer(self.host, Handler, self._context)
        self.port = self._server.port
        return self

    def stop(self) -> None:
        self.silence.set()
        self._server.stop()

    def __enter__(self) -> PolicyServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
