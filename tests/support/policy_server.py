"""An HTTPS server on loopback that says one thing, to whoever asks for whatever: for MTA-STS policies.

with PolicyServer(authority.issue("mta-sts.example.com")) as server:
    server.body = b"version: STSv1..."
    server.requests                      # (host, path) of each request
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

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

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.headers["Host"], self.path))
                outer.silence.wait()
                self.send_response(outer.status)
                for name, value in {"Content-Type": outer.content_type, **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def finish_request(self, request, address):  # type: ignore[no-untyped-def]
                request.settimeout(5)
                with outer._context.wrap_socket(request, server_side=True) as encrypted:
                    super().finish_request(encrypted, address)

            def handle_error(self, request, address):  # type: ignore[no-untyped-def]
                pass  # a client that refuses the certificate is no fault of ours

        self._server = Server((self.host, 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.silence.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def __enter__(self) -> PolicyServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
