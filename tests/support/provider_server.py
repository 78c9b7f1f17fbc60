"""A provider's HTTP API on loopback, in a thread of its own: it keeps what it is sent and answers as it is told.

with ProviderServer(POSTMARK) as server:                # `server.url` goes into the settings
    ...
server.requests[0].json["Subject"]

ProviderServer([Answer(429, {"message": "slow down"}), POSTMARK])     # first request, every later one
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast


@dataclass(frozen=True)
class Answer:
    """`body` is sent as JSON, or as it is when it is bytes."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Silence:
    """Take the whole request, then close without a word."""


@dataclass(frozen=True)
class Stall:
    """Take the whole request, then say nothing until the server is stopped."""


Act = Answer | Silence | Stall
POSTMARK = Answer(200, {"To": "zoe@mail.example", "MessageID": "pm-1", "ErrorCode": 0, "Message": "OK"})
MAILGUN = Answer(200, {"id": "<mg-1@mg.acme.example>", "message": "Queued. Thank you."})
SENDGRID = Answer(202)


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> list[tuple[str, str, bytes]]:
        """The parts of a form as (name, file name, content), in their order."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parsed = cast(EmailMessage, message_from_bytes(head + self.body, policy=policy.HTTP))
        found = []
        for part in parsed.iter_parts():
            name = str(part.get_param("name", "", header="content-disposition"))
            found.append((name, part.get_filename() or "", cast(bytes, part.get_payload(decode=True))))
        return found


class ProviderServer:
    """See the module."""

    def __init__(self, acts: Act | Sequence[Act] = POSTMARK) -> None:
        self.requests: list[Request] = []
        self._acts = [acts] if isinstance(acts, Answer | Silence | Stall) else list(acts)
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> ProviderServer:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, request: Request) -> Act:
        self.requests.append(request)
        return self._acts[min(len(self.requests), len(self._acts)) - 1]

    def wait_for_the_end(self) -> None:
        self._stopping.wait()


def _make_handler(server: ProviderServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            match server.take(Request(self.path, headers, body)):
                case Answer() as answer:
                    self._answer(answer)
                case Stall():
                    server.wait_for_the_end()
                    self.close_connection = True
                case Silence():
                    self.close_connection = True

        def _answer(self, answer: Answer) -> None:
            is_raw = isinstance(answer.body, bytes)
            data = answer.body if is_raw else b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(cast(bytes, data))))
            self.end_headers()
            self.wfile.write(cast(bytes, data))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests read what was kept."""

    return Handler
