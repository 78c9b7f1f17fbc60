"""The server beneath the web servers of the tests: in a thread, in the clear or in TLS, silent about clients that go away."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REQUEST_SECONDS = 5


class QuietHandler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, handler: type[QuietHandler], context: ssl.SSLContext | None = None) -> None:
        super().__init__((host, 0), handler)
        self._context = context
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(10)

    def finish_request(self, request, address):  # type: ignore[no-untyped-def]
        request.settimeout(REQUEST_SECONDS)
        if self._context is None:
            super().finish_request(request, address)
            return
        with self._context.wrap_socket(request, server_side=True) as encrypted:
            super().finish_request(encrypted, address)

    def handle_error(self, request, address):  # type: ignore[no-untyped-def]
        pass  # a client that refuses the certificate or went away is no fault of ours
