"""A mail sink inside the test's own event loop that says what it is told to, at any stage and at any pace, and keeps the
truth about every message: thousands of dialogs a minute, where `FakeMx` has a thread and a port of its own for each.

    async with ScriptedSink([Line("rcpt", b"450 later\\r\\n", Pace.TRICKLED)]) as sink:
        …  # sink.host, sink.port
        sink.acknowledged                # recipients whose message got a 2xx reply to its end
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

STAGES = ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "bdat", "dot", "rset", "quit")
_ACCEPTED = re.compile(rb"2\d\d[ \r\n-]")


class Pace(StrEnum):
    AT_ONCE = "at once"
    TRICKLED = "trickled"  # byte by byte
    THEN_CLOSED = "then closed"
    HALF_THEN_CLOSED = "half, then closed"
    HALF_THEN_SILENT = "half, then silent"


@dataclass(frozen=True)
class Line:
    """What is said at the `occurrence`-th time (from 0) that a stage is reached in a connection."""

    stage: str
    reply: bytes
    pace: Pace = Pace.AT_ONCE
    occurrence: int = 0


class _Ended(Exception):
    pass


class ScriptedSink:
    host = "127.0.0.1"

    def __init__(
        self,
        script: Sequence[Line] = (),
        *,
        extensions: Sequence[str] = (),
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.port = 0
        self.received: list[str] = []  # recipients whose whole message arrived
        self.acknowledged: list[str] = []
        self.context = context
        self.extensions = [*extensions, *(["STARTTLS"] if context else [])]
        self._script = {(line.stage, line.occurrence): line for line in script}
        self._sessions: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ScriptedSink:
        self._server = await asyncio.start_server(self._welcome, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            await _Session(self, self._script, reader, writer).serve()
        except _Ended:
            writer.close()  # what was said is still sent
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # the test is over; nobody waits for this task
        finally:
            self._sessions.discard(task)


class _Session:
    def __init__(
        self,
        sink: ScriptedSink,
        script: dict[tuple[str, int], Line],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.sink, self.script, self.reader, self.writer = sink, script, reader, writer
        self.counts = dict.fromkeys(STAGES, 0)
        self.recipient = ""
        self.has_sender = False

    async def serve(self) -> None:
        await self.say("connect", b"220 sink ESMTP\r\n")
        while True:
            line = (await self.reader.readuntil(b"\n")).rstrip(b"\r\n")
            verb = line.partition(b" ")[0].upper()
            take = getattr(self, f"take_{verb.decode('ascii', 'replace').lower()}", None)
            if take is None:
                await self.write(b"500 5.5.2 what?\r\n")
            else:
                await take(line)

    async def say(self, stage: str, usual: bytes) -> bytes:
        """The reply that was written whole."""
        line = self.script.get((stage, self.counts[stage]))
        self.counts[stage] += 1
        if line is None:
            await self.write(usual)
            return usual
        if not line.reply:
            # A server that skips one answer and goes on answering cannot be understood by anybody who pipelines.
            await asyncio.Event().wait()
        is_half = line.pace in (Pace.HALF_THEN_CLOSED, Pace.HALF_THEN_SILENT)
        said = line.reply[: len(line.reply) // 2] if is_half else line.reply
        await (self.trickle(said) if line.pace is Pace.TRICKLED else self.write(said))
        if line.pace in (Pace.AT_ONCE, Pace.TRICKLED):
            return said
        if stage in ("dot", "bdat"):
            self.note(said)
        if line.pace is Pace.HALF_THEN_SILENT:
            await asyncio.Event().wait()
        raise _Ended

    def note(self, reply: bytes) -> None:
        if _ACCEPTED.match(reply):
            self.sink.acknowledged.append(self.recipient)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def trickle(self, data: bytes) -> None:
        for index in range(min(len(data), 40)):
            await self.write(data[index : index + 1])
            await asyncio.sleep(0)
        for start in range(40, len(data), 50_000):
            await self.write(data[start : start + 50_000])

    # --- commands ----------------------------------------------------------------------------------------------------

    async def take_ehlo(self, line: bytes) -> None:
        lines = ["sink", *self.sink.extensions]
        text = "".join(f"250-{one}\r\n" for one in lines[:-1]) + f"250 {lines[-1]}\r\n"
        await self.say("ehlo", text.encode())

    async def take_helo(self, line: bytes) -> None:
        await self.write(b"250 sink\r\n")

    async def take_starttls(self, line: bytes) -> None:
        reply = await self.say("starttls", b"220 go\r\n")
        if reply.startswith(b"220 ") and self.sink.context:
            await self.writer.start_tls(self.sink.context)

    async def take_auth(self, line: bytes) -> None:
        if line.endswith(b"LOGIN"):
            for _ in range(2):
                await self.write(b"334 \r\n")
                await self.reader.readuntil(b"\n")
        await self.say("auth", b"235 welcome\r\n")

    async def take_mail(self, line: bytes) -> None:
        reply = await self.say("mail", b"250 ok\r\n")
        self.has_sender = reply[:1] == b"2"

    async def take_rcpt(self, line: bytes) -> None:
        usual = b"250 ok\r\n" if self.has_sender else b"503 5.5.1 MAIL first\r\n"
        reply = await self.say("rcpt", usual)
        self.recipient = line[len("RCPT TO:<") : -1].decode() if reply[:1] == b"2" else ""

    async def take_data(self, line: bytes) -> None:
        usual = b"354 go\r\n" if self.recipient else b"503 5.5.1 RCPT first\r\n"
        reply = await self.say("data", usual)
        if re.match(rb"354[ \r\n]", reply):
            while (text := await self.reader.readuntil(b"\n")) != b".\r\n":
                assert text.endswith(b"\r\n")
            await self.end_message()

    async def take_bdat(self, line: bytes) -> None:
        await self.reader.readexactly(int(line.split()[1]))
        await self.end_message("bdat")

    async def end_message(self, stage: str = "dot") -> None:
        self.sink.received.append(self.recipient)
        usual = b"250 queued\r\n" if self.recipient else b"554 5.5.1 no recipient\r\n"
        self.note(await self.say(stage, usual))
        self.recipient, self.has_sender = "", False

    async def take_rset(self, line: bytes) -> None:
        self.recipient, self.has_sender = "", False
        await self.say("rset", b"250 ok\r\n")

    async def take_noop(self, line: bytes) -> None:
        await self.write(b"250 ok\r\n")

    async def take_quit(self, line: bytes) -> None:
        await self.say("quit", b"221 bye\r\n")
        raise _Ended
