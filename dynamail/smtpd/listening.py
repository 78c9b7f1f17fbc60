"""All listeners of the smtpd process: the Mailbox's, and the one for reports where it is wanted."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass

from psycopg_pool import AsyncConnectionPool

from dynamail.smtpd.capture import CaptureHandler, make_capture_session
from dynamail.smtpd.reports import ReportsHandler, make_reports_session

log = logging.getLogger(__name__)


class CannotListen(OSError):
    """A port is taken or may not be used. `setting` is what to change."""

    def __init__(self, where: str, error: OSError, *, setting: str) -> None:
        super().__init__(f"cannot listen on {where} ({error}). Set {setting}.")


@dataclass(frozen=True)
class Listeners:
    """Where the process listens; `reports_port` 0: nowhere for reports."""

    capture_host: str
    capture_port: int
    reports_host: str = "127.0.0.1"
    reports_port: int = 0


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
    servers = []
    try:
        servers.append(await _open_capture(pool, listeners))
        if listeners.reports_port:
            servers.append(await _open_reports(listeners))
        await stopped.wait()
    finally:
        for server in servers:
            server.close()
        await pool.close()


async def _open_capture(pool: AsyncConnectionPool, listeners: Listeners) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    handler = CaptureHandler(pool)
    where = f"{listeners.capture_host}:{listeners.capture_port}"
    try:
        server = await loop.create_server(
            lambda: make_capture_session(handler, loop), listeners.capture_host, listeners.capture_port
        )
    except OSError as error:
        raise CannotListen(where, error, setting="DYNAMAIL_CAPTURE_PORT") from error
    log.info("the Mailbox listens on %s", where)
    return server


async def _open_reports(listeners: Listeners) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    handler = ReportsHandler()
    where = f"{listeners.reports_host}:{listeners.reports_port}"
    try:
        server = await loop.create_server(
            lambda: make_reports_session(handler, loop), listeners.reports_host, listeners.reports_port
        )
    except OSError as error:
        setting = "DYNAMAIL_REPORTS_PORT; a port below 1024 needs the right to bind it"
        raise CannotListen(where, error, setting=setting) from error
    log.info("reports are taken on %s", where)
    return server
