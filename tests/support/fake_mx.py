"""A scripted SMTP server that can misbehave at every stage. It listens on port 0 of loopback, in a thread of its own.

    with FakeMx() as mx:                                   # a correct server
    with FakeMx(script={"rcpt": Reply("451 4.7.1 later")}) as mx:
    with FakeMx(script={"dot": [Correct(), Close()]}) as mx:   # first message, every later one

Stages: connect ehlo helo starttls auth mail rcpt data bdat dot rset quit. Without a script the recipient decides, by its local part:

    bounce-550-5.1.1@   RCPT is refused with these codes          defer-451@ defer-451-4.7.1@   the same, other name
    dot-554-5.7.1@      the message is refused after its dot      slow@             every reply takes `slow_seconds`
    drop-in-data@       closed in the middle of the body          drop-after-dot@   closed instead of the last reply
    stall@              RCPT is never answered                    stall-after-dot@  the dot is never answered
    stop-reading@       the body is never read

The order of commands is enforced as RFC 5321 §4.1.4 asks (nested MAIL is 503), so a client that loses count is found out.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from dynamail.protocols.smtp.lessons import LESSONS
from tests.support.tls_authority import Certificate, make_certificate

ALL_EXTENSIONS = ("PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True)
class Reply:
    """Say this instead. Several lines are separated by a line feed; a code of 4 or 5 refuses the command."""

    text: str


@dataclass(frozen=True)
class Raw:
    """Write these bytes, whatever they are, and carry on; they count as a yes when they begin like one."""

    data: bytes


@dataclass(frozen=True)
class Close:
    """Close the connection, after a last reply if there is one."""

    last_words: str = ""


@dataclass(frozen=True)
class Stall:
    """Say nothing and read nothing until the client gives up."""


@dataclass(frozen=True)
class Correct:
    """Do what a good server does: for the later entries of a sequence."""


@dataclass(frozen=True)
class AfterInput:
    """Behave correctly, but only when the client has sent something more: proves that it does not wait."""


Act = Reply | Raw | Close | Stall | Correct | AfterInput


def garbage() -> Raw:
    return Raw(b"\x00\xff\x16\x03 this is no reply\r\n")


def flood(size: int = 10_000_000) -> Raw:
    """One endless multi-line reply."""
    line = b"250-" + b"x" * 500 + b"\r\n"
    return Raw(line * (size // len(line)))


@dataclass(frozen=True)
class ReceivedMessage:
    """What arrived. `body` is after unstuffing; `is_acknowledged` whether the client was told 250."""

    sender: str
    recipient: str
    body: bytes
    parameters: str
    is_encrypted: bool
    is_acknowledged: bool
    by_bdat: bool


class _Closed(Exception):
    pass


@dataclass
class _Session:
    """The state of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    buffer: bytearray = field(default_factory=bytearray)
    is_encrypted: bool = False
    sender: str | None = None
    recipient: str = ""
    parameters: str = ""
    chunks: bytearray = field(default_factory=bytearray)

    async def fill(self) -> None:
        data = await self.reader.read(65_536)
        if not data:
            raise _Closed
        self.buffer += data

    async def read_line(self) -> bytes:
        while (end := self.buffer.find(b"\n")) < 0:
            await self.fill()
        return self.take(end + 1).rstrip(b"\r\n")

    async def read_exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            await self.fill()
        return self.take(size)

    async def read_data(self) -> bytes:
        """Only CRLF.CRLF ends it (RFC 5321 §4.1.1.4)."""
        while True:
            if self.buffer.startswith(b".\r\n"):
                self.take(3)
                return b""
            if (end := self.buffer.find(b"\r\n.\r\n")) >= 0:
                return self.take(end + 5)[:-3]
            await self.fill()

    def take(self, size: int) -> bytes:
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def forget_transaction(self) -> None:
        self.sender, self.recipient, self.parameters = None, "", ""
        self.chunks = bytearray()


class FakeMx:
    """Start with `with` or `start()` and `stop()`. `messages` and `commands` may be read from any thread."""

    def __init__(
        self,
        *,
        script: Mapping[str, Act | Sequence[Act]] | None = None,
        extensions: Sequence[str] = ALL_EXTENSIONS,
        starttls: bool = False,
        implicit_tls: bool = False,
        certificate: Certificate | None = None,
        users: Mapping[str, str] | None = None,
        slow_seconds: float = 0.3,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.host = host
        self.port = port
        self.messages: list[ReceivedMessage] = []
        self.commands: list[str] = []
        self.connections = 0
        self._script = {
            stage: [act] if isinstance(act, Act) else list(act) for stage, act in (script or {}).items()
        }
        self._extensions = list(extensions)
        self._users = users
        self._slow_seconds = slow_seconds
        self._starttls = starttls
        self._implicit_tls = implicit_tls
        self._certificate = certificate or (make_certificate() if starttls or implicit_tls else None)
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._verbs: dict[str, Callable[[_Session, str], Awaitable[None]]] = {
            "EHLO": self._take_ehlo,
            "HELO": self._take_helo,
            "STARTTLS": self._take_starttls,
            "AUTH": self._take_auth,
            "MAIL": self._take_mail,
            "RCPT": self._take_rcpt,
            "DATA": self._take_data,
            "BDAT": self._take_bdat,
            "RSET": self._take_rset,
            "NOOP": self._take_noop,
            "QUIT": self._take_quit,
        }

    # --- for tests ---------------------------------------------------------------------------------------------------

    @property
    def certificate_authority(self) -> ssl.SSLContext:
        """A client context that trusts this server's certificate, made for localhost and 127.0.0.1."""
        assert self._certificate is not None
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self._certificate.pem)
        return context

    @property
    def accepted(self) -> list[ReceivedMessage]:
        """The messages that the client knows to be delivered."""
        return [message for message in self.messages if message.is_acknowledged]

    def wait_for_messages(self, count: int, *, timeout: float = 10.0) -> list[ReceivedMessage]:
        """Block until `count` messages have arrived. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, timeout):
                raise TimeoutError(f"{len(self.messages)} of {count} messages arrived")
            return list(self.messages)

    def start(self) -> FakeMx:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake MX did not start")
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        assert self._thread is not None
        self._thread.join(10)

    def __enter__(self) -> FakeMx:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- serving -----------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        sessions: set[asyncio.Task[None]] = set()

        def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve_session(_Session(reader, writer, is_encrypted=implicit)))
            sessions.add(task)
            task.add_done_callback(sessions.discard)

        implicit = self._implicit_tls
        context = self._certificate.server_context() if implicit and self._certificate else None
        server = await asyncio.start_server(welcome, self.host, self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        LESSONS.forget(self.host, self.port)  # what a server of an earlier test has taught about this port
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in sessions:
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def _serve_session(self, session: _Session) -> None:
        self.connections += 1
        try:
            await self._answer(session, "connect", "220 fake.example ESMTP")
            while True:
                line = (await session.read_line()).decode("utf-8", "backslashreplace")
                with self._changed:
                    self.commands.append(line)
                    self._changed.notify_all()
                take = self._verbs.get(line.partition(" ")[0].upper())
                if take is None:
                    await self._say(session, "500 5.5.2 unknown command")
                else:
                    await take(session, line)
        except (_Closed, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            session.writer.transport.abort()

    async def _answer(self, session: _Session, stage: str, correct: str) -> bool:
        """Reply as the script says, else `correct`. True when the reply was positive."""
        act = self._next_act(stage)
        match act:
            case None | Correct():
                text = correct
            case Reply():
                text = act.text
            case AfterInput():
                if not session.buffer:
                    await session.fill()
                text = correct
            case Raw():
                session.writer.write(act.data)
                await session.writer.drain()
                return act.data[:1] in b"23" and act.data[3:4] == b" "
            case Close():
                if act.last_words:
                    await self._say(session, act.last_words)
                raise _Closed
            case Stall():
                await asyncio.Event().wait()
        await self._say(session, text)
        return text[0] in "23"

    def _next_act(self, stage: str) -> Act | None:
        acts = self._script.get(stage)
        if not acts:
            return None
        return acts.pop(0) if len(acts) > 1 else acts[0]

    async def _say(self, session: _Session, text: str) -> None:
        code, lines = text[:3], text[4:].split("\n")
        if session.recipient.startswith("slow@"):
            await asyncio.sleep(self._slow_seconds)
        replies = [f"{code}-{line}\r\n" for line in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
        session.writer.write("".join(replies).encode())
        await session.writer.drain()

    # --- commands ----------------------------------------------------------------------------------------------------

    async def _take_ehlo(self, session: _Session, line: str) -> None:
        offered = list(self._extensions)
        if self._starttls and not session.is_encrypted:
            offered.append("STARTTLS")
        if self._users is not None:
            offered.append("AUTH PLAIN LOGIN XOAUTH2")
        await self._answer(session, "ehlo", "\n".join(["250 fake.example", *offered]))

    async def _take_helo(self, session: _Session, line: str) -> None:
        await self._answer(session, "helo", "250 fake.example")

    async def _take_starttls(self, session: _Session, line: str) -> None:
        if await self._answer(session, "starttls", "220 go ahead") and self._certificate:
            try:
                await session.writer.start_tls(self._certificate.server_context())
            except ssl.SSLError as error:  # the client may have refused the certificate
                raise _Closed from error
            session.is_encrypted = True
            session.buffer.clear()

    async def _take_auth(self, session: _Session, line: str) -> None:
        acts = self._script.get("auth")
        if acts and not isinstance(acts[0], Correct):
            await self._answer(session, "auth", "235 2.7.0 welcome")
            return
        username, password = await self._read_credentials(session, line)
        is_known = (self._users or {}).get(username) == password
        await self._say(session, "235 2.7.0 welcome" if is_known else "535 5.7.8 wrong user name or password")

    async def _read_credentials(self, session: _Session, line: str) -> tuple[str, str]:
        _, mechanism, *initial = line.split(" ")
        if mechanism == "PLAIN":
            _, username, password = _decode(initial[0]).split("\0")
        elif mechanism == "LOGIN":
            await self._say(session, "334 VXNlcm5hbWU6")
            username = _decode((await session.read_line()).decode())
            await self._say(session, "334 UGFzc3dvcmQ6")
            password = _decode((await session.read_line()).decode())
        else:
            user, bearer, *_ = _decode(initial[0]).split("\x01")
            username, password = user.removeprefix("user="), bearer.removeprefix("auth=Bearer ")
            if (self._users or {}).get(username) != password:
                await self._say(session, "334 eyJzdGF0dXMiOiI0MDEifQ==")
                await session.read_line()
        return username, password

    async def _take_mail(self, session: _Session, line: str) -> None:
        if session.sender is not None:
            await self._say(session, "503 5.5.1 nested MAIL command")
            return
        path, _, parameters = line[len("MAIL FROM:<") :].partition(">")
        if await self._answer(session, "mail", "250 2.1.0 ok"):
            session.sender, session.parameters = path, parameters.strip()

    async def _take_rcpt(self, session: _Session, line: str) -> None:
        if session.sender is None:
            await self._say(session, "503 5.5.1 need MAIL command")
            return
        recipient = line[len("RCPT TO:<") : -1]
        refusal = _refusal_of(recipient, ("bounce", "defer"))
        if recipient.startswith("stall@"):
            await asyncio.Event().wait()
        if await self._answer(session, "rcpt", refusal or "250 2.1.5 ok"):
            session.recipient = recipient

    async def _take_data(self, session: _Session, line: str) -> None:
        correct = "354 go ahead" if session.recipient else "503 5.5.1 no valid recipients"
        if not await self._answer(session, "data", correct):
            return
        if session.recipient.startswith("drop-in-data@"):
            await session.fill()
            raise _Closed
        if session.recipient.startswith("stop-reading@"):
            await asyncio.Event().wait()
        stuffed = await session.read_data()
        body = stuffed.removeprefix(b".").replace(b"\r\n.", b"\r\n")
        await self._finish_message(session, body, by_bdat=False)

    async def _take_bdat(self, session: _Session, line: str) -> None:
        acts = self._script.get("bdat")
        if acts and not isinstance(acts[0], Correct):
            await self._answer(session, "bdat", "250 2.0.0 continue")  # and what follows is read as commands
            return
        _, size, *last = line.split()
        if session.recipient.startswith("drop-in-data@"):
            raise _Closed
        session.chunks += await session.read_exactly(int(size))
        if not session.recipient:
            await self._say(session, "503 5.5.1 no valid recipients")
        elif last:
            await self._finish_message(session, bytes(session.chunks), by_bdat=True)
        else:
            await self._say(session, "250 2.0.0 continue")

    async def _finish_message(self, session: _Session, body: bytes, *, by_bdat: bool) -> None:
        recipient, sender, parameters = session.recipient, session.sender, session.parameters
        is_accepted = False
        try:
            if recipient.startswith("drop-after-dot@"):
                raise _Closed
            if recipient.startswith("stall-after-dot@"):
                await asyncio.Event().wait()
            refusal = _refusal_of(recipient, ("dot",)) or (
                "" if recipient else "554 5.5.1 no valid recipients"
            )
            is_accepted = await self._answer(session, "dot", refusal or "250 2.0.0 queued")
        finally:
            session.forget_transaction()
            if recipient:
                message = ReceivedMessage(
                    sender or "", recipient, body, parameters, session.is_encrypted, is_accepted, by_bdat
                )
                with self._changed:
                    self.messages.append(message)
                    self._changed.notify_all()

    async def _take_rset(self, session: _Session, line: str) -> None:
        session.forget_transaction()
        await self._answer(session, "rset", "250 2.0.0 ok")

    async def _take_noop(self, session: _Session, line: str) -> None:
        await self._say(session, "250 2.0.0 ok")

    async def _take_quit(self, session: _Session, line: str) -> None:
        await self._answer(session, "quit", "221 2.0.0 bye")
        raise _Closed


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()


def _refusal_of(recipient: str, kinds: Sequence[str]) -> str:
    """`bounce-550-5.1.1@…` → `550 5.1.1 as you wish`."""
    kind, *codes = recipient.partition("@")[0].split("-")
    if kind not in kinds or not codes:
        return ""
    return " ".join([*codes[:2], "as you wish"])
