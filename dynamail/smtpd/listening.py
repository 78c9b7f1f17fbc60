"""All listeners of the smtpd process: the Mailbox's, the one for reports and incoming mail, and those for programs that send."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from dynamail.accounts.request_log import RequestLog
from dynamail.smtpd.attempts import Attempts
from dynamail.smtpd.capture import CaptureHandler, make_capture_session
from dynamail.smtpd.certificates import CertificateError, Certificates, find_certificates
from dynamail.smtpd.reports import ReportsHandler, ReportsSession
from dynamail.smtpd.simulator_acting import Actor
from dynamail.smtpd.submission import SubmissionHandler, SubmissionSession
from dynamail.smtpd.submission_accepting import DatabaseAcceptor

LOOK_SECONDS = 30  # at files of certificates, and at a port that was taken
HANDSHAKE_SECONDS = 20

log = logging.getLogger(__name__)


class CannotListen(OSError):
    """A port is taken or may not be used. `setting` is what to change."""

    def __init__(self, where: str, error: OSError, *, setting: str) -> None:
        super().__init__(f"cannot listen on {where} ({error}). Set {setting}.")


@dataclass(frozen=True)
class SubmissionPorts:
    """Where programs hand over mail; a port of 0: not there. `home` keeps the certificate that is made on loopback."""

    host: str
    port: int
    tls_port: int
    certificate: str = ""
    key: str = ""
    home: Path = Path()


@dataclass(frozen=True)
class Listeners:
    """Where the process listens; `reports_port` 0: nowhere for reports."""

    capture_host: str
    capture_port: int
    reports_host: str = "127.0.0.1"
    reports_port: int = 0
    submission: SubmissionPorts | None = None


async def listen(dsn: str, listeners: Listeners) -> None:
    """Serve until SIGTERM or SIGINT, then finish the open transactions. Raises CannotListen."""
    loop = asyncio.get_running_loop()
    pool = AsyncConnectionPool(
        dsn, min_size=1, max_size=4, open=False, kwargs={"options": "-c role=dynamail_work"}, timeout=10
    )
    await pool.open()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    servers: list[asyncio.Server] = []
    submission = Submission(listeners.submission, pool) if listeners.submission is not None else None
    reports = ReportsHandler()
    actor = Actor(reports.take)
    try:
        servers.append(await _open_capture(pool, listeners, actor))
        if listeners.reports_port:
            servers.append(await _open_reports(listeners, reports))
        if submission is not None:
            await submission.start()
        await stopped.wait()
    finally:
        if submission is not None:
            await submission.stop()
        for server in servers:
            server.close()
        await actor.stop()
        await pool.close()


async def _open_capture(pool: AsyncConnectionPool, listeners: Listeners, actor: Actor) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    handler = CaptureHandler(pool, actor)
    server = await _open(
        lambda: make_capture_session(handler, loop),
        listeners.capture_host,
        listeners.capture_port,
        setting="DYNAMAIL_CAPTURE_PORT",
    )
    log.info("the Mailbox listens on %s:%s", listeners.capture_host, listeners.capture_port)
    return server


async def _open_reports(listeners: Listeners, handler: ReportsHandler) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    server = await _open(
        lambda: ReportsSession(handler, loop),
        listeners.reports_host,
        listeners.reports_port,
        setting="DYNAMAIL_REPORTS_PORT; a port below 1024 needs the right to bind it",
    )
    log.info("reports are taken on %s:%s", listeners.reports_host, listeners.reports_port)
    return server


async def _open(
    make_session: Callable[[], Any],
    host: str,
    port: int,
    *,
    setting: str,
    context: ssl.SSLContext | None = None,
) -> asyncio.Server:
    """Raises CannotListen."""
    handshake = HANDSHAKE_SECONDS if context is not None else None
    try:
        return await asyncio.get_running_loop().create_server(
            make_session, host, port, ssl=context, ssl_handshake_timeout=handshake
        )
    except OSError as error:
        raise CannotListen(f"{host}:{port}", error, setting=setting) from error


class Submission:
    """The listeners for programs. What keeps one from opening is told and tried again: the Mailbox works meanwhile."""

    def __init__(self, ports: SubmissionPorts, pool: AsyncConnectionPool) -> None:
        self._ports = ports
        self._requests, self._stopped = RequestLog(pool), asyncio.Event()
        self._acceptor = DatabaseAcceptor(self._requests)
        self._handler = SubmissionHandler(self._acceptor, Attempts(time.monotonic))
        self._servers: dict[str, asyncio.Server] = {}
        self._certificates: Certificates | None = None
        self._said = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._look()
        self._tasks = [
            asyncio.create_task(self._keep()),
            asyncio.create_task(self._requests.run(stop=self._stopped)),
        ]

    async def stop(self) -> None:
        for server in self._servers.values():
            server.close()
        await asyncio.to_thread(self._acceptor.close)
        self._stopped.set()
        await asyncio.gather(*self._tasks)

    async def _keep(self) -> None:
        while not self._stopped.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        if self._stopped.is_set():
            return
        try:
            self._load_certificates()
            await self._open_all()
        except (CannotListen, CertificateError) as problem:
            self._say(str(problem))

    def _load_certificates(self) -> None:
        ports = self._ports
        if self._certificates is not None:
            self._certificates.load()
        else:
            self._certificates = find_certificates(
                certificate=ports.certificate, key=ports.key, host=ports.host, home=ports.home
            )

    async def _open_all(self) -> None:
        wanted = {
            "DYNAMAIL_SUBMISSION_PORT": (self._ports.port, False),
            "DYNAMAIL_SUBMISSION_TLS_PORT": (self._ports.tls_port, True),
        }
        for setting, (port, has_tls) in wanted.items():
            if port and setting not in self._servers:
                self._servers[setting] = await self._open_one(port, setting, has_tls=has_tls)
                log.info("mail from programs is taken on %s:%s", self._ports.host, port)

    async def _open_one(self, port: int, setting: str, *, has_tls: bool) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        context = self._certificates.context if self._certificates is not None else None

        def make_session() -> SubmissionSession:
            return SubmissionSession(
                self._handler,
                tls_from_start=has_tls,
                tls_context=None if has_tls else context,
                loop=loop,
            )

        return await _open(
            make_session, self._ports.host, port, setting=setting, context=context if has_tls else None
        )

    def _say(self, problem: str) -> None:
        if problem != self._said:
            log.error("%s", problem)
        self._said = problem
