"""Opening connections and sending over them.

1. Connect, by implicit TLS or in the clear, and read the greeting.
2. EHLO; HELO when the server does not know it.
3. STARTTLS when offered or demanded; what was received before is forgotten, and EHLO is said again (RFC 3207 §4.2). When the
   handshake fails and TLS was only wished for, a new connection does without.
4. AUTH (RFC 4954), never in the clear unless the hop says so.
5. `deliver` or `send`, any number of times.
6. `quit`.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import suppress
from dataclasses import replace
from types import TracebackType

from dynamail.lib.clock import utc_now
from dynamail.protocols.dane import DaneFailure, read_peer_chain, verify_chain
from dynamail.protocols.smtp.envelopes import Dialog, Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.lessons import LESSONS, Lesson, Lessons
from dynamail.protocols.smtp.next_hop import (
    AuthMechanism,
    Capabilities,
    Credentials,
    NextHop,
    TlsMode,
    parse_capabilities,
)
from dynamail.protocols.smtp.pipeline import (
    MOST_TEXT,
    NextEnvelope,
    OnFinalDot,
    OnOutcome,
    Pipeline,
    without_parameters,
)
from dynamail.protocols.smtp.replies import RawReply, SmtpError, SmtpReply, read_reply
from dynamail.protocols.smtp.stream import ReplyStream, lost_error

MAX_COMMAND = 12_288  # octets; RFC 4954 §4: an AUTH command with a token may be long
EHLO_UNKNOWN = frozenset((500, 501, 502, 504, 550))
MECHANISM_UNKNOWN = frozenset((500, 502, 504, 534))  # RFC 4954 §6: offered, and then not known or too weak


_TOLD = frozenset(("EHLO", "HELO", "STARTTLS"))  # never AUTH, whose lines are secrets


class HandshakeFailed(SmtpError):
    """TLS could not be agreed upon."""


class SmtpConnection:
    """An open, greeted connection. Use `open_connection`. Not shared between tasks."""

    def __init__(self, stream: ReplyStream, hop: NextHop, lessons: Lessons) -> None:
        self.hop = hop
        self._lessons = lessons.open_book(hop.host, hop.port)
        self.offered = Capabilities()
        self.is_encrypted = False
        self._stream = stream
        self._opening: list[tuple[str, str]] = []  # what was said before the first message, without AUTH
        self._pipeline: Pipeline  # set when the dialog before the first message is over

    @property
    def is_usable(self) -> bool:
        """Whether another message may be tried: still open, nothing said unasked (421), and within the server's limits."""
        return self._is_answering and not self._pipeline.limit_reached

    @property
    def _is_answering(self) -> bool:
        return self._stream.is_open and not self._stream.has_unasked_reply

    @property
    def lost_because(self) -> str:
        """Why the connection is of no use any more, as a sentence; "" while it is."""
        return self._stream.lost_because or self._pipeline.limit_reached

    async def __aenter__(self) -> SmtpConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.quit()
        else:
            self.abort()

    async def deliver(
        self,
        next_envelope: NextEnvelope,
        *,
        on_final_dot: OnFinalDot,
        on_outcome: OnOutcome,
    ) -> None:
        """Send what `next_envelope()` yields, until it returns None and all is answered, or the connection is gone.

        All three callbacks are plain functions and run inside the event loop, so they must be quick. `next_envelope` is
        called one message ahead. `on_final_dot(envelope)` runs before the write that contains the end of that message; if
        it raises, nothing of the body is written. `on_outcome(envelope, outcome)` is called exactly once for each
        envelope that was pulled, also when this task is canceled. An error raised by a callback is raised here, after
        the connection was dropped and every envelope had its outcome. Without a usable connection nothing is pulled:
        look at `is_usable` afterwards.
        """
        if not self.is_usable:
            return
        await self._pipeline.run(next_envelope, on_final_dot, on_outcome)

    async def send(self, envelope: Envelope) -> Outcome:
        """Send one message and wait for its outcome."""
        waiting = [envelope]
        outcomes: list[Outcome] = []
        await self.deliver(
            lambda: waiting.pop() if waiting else None,
            on_final_dot=lambda _: None,
            on_outcome=lambda _, outcome: outcomes.append(outcome),
        )
        if outcomes:
            return outcomes[0]
        reason = self.lost_because or "The server has ended the connection."
        return Outcome(OutcomeKind.DEFERRED, None, Stage.CONNECT, retry_elsewhere=True, detail=reason)

    async def reset(self) -> None:
        """RSET: also a way to see whether an idle connection still answers. Raises SmtpError."""
        _require(await self._command("RSET", timeout=self.hop.timeouts.rcpt), 250, "RSET")

    async def quit(self) -> None:
        """Say goodbye and close; never fails and takes `timeouts.quit` seconds at most."""
        if self._is_answering:
            with suppress(SmtpError):  # The messages have their outcomes; nothing depends on the farewell.
                await self._command("QUIT", timeout=self.hop.timeouts.quit)
        self.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stream.closed.wait(), self.hop.timeouts.quit)

    def abort(self) -> None:
        """Drop the connection at once. Messages in flight get their outcome."""
        self._stream.abort("Closed by us.")

    # --- the dialog before the first message -------------------------------------------------------------------------

    async def _greet(self) -> None:
        raw = await self._stream.receive(command="connect", timeout=self.hop.timeouts.greeting)
        self._note_line("", raw)
        _require(read_reply(raw), 220, "connect")
        await self._say_hello()
        await self._secure()
        if self.hop.credentials is not None:
            await self._sign_in(self.hop.credentials)
        learned = self._lessons
        pipelining = self.hop.pipelining and not learned.holds(Lesson.NO_PIPELINING)
        chunking = self.hop.chunking and not learned.holds(Lesson.NO_CHUNKING)
        if learned.holds(Lesson.NO_PARAMETERS):
            self.offered = without_parameters(self.offered)
        self._pipeline = Pipeline(
            self._stream,
            self.offered,
            self.hop.timeouts,
            pipelining=pipelining and self.offered.pipelining,
            chunking=chunking and self.offered.chunking,
            lessons=self._lessons,
            opening=self._describe_opening(),
        )

    def _note_line(self, line: str, raw: RawReply) -> None:
        self._opening.append((line[:MOST_TEXT], str(read_reply(raw))[:MOST_TEXT]))

    def _describe_opening(self) -> Dialog:
        transport = self._stream.transport
        peer = transport.get_extra_info("peername")
        secured = transport.get_extra_info("ssl_object") if self.is_encrypted else None
        return Dialog(
            self.hop.host,
            str(peer[0]) if isinstance(peer, tuple) else "",
            (secured.version() or "") if secured is not None else "",
            tuple(self._opening),
        )

    async def _say_hello(self) -> None:
        timeout = self.hop.timeouts.ehlo
        raw = await self._raw_command(f"EHLO {self.hop.helo_name}", timeout=timeout)
        if raw[0] in EHLO_UNKNOWN:
            reply = await self._command(f"HELO {self.hop.helo_name}", timeout=timeout)
            _require(reply, 250, "HELO")
            self.offered = Capabilities()
            return
        _require(read_reply(raw), 250, "EHLO")
        self.offered = parse_capabilities(raw[1])

    async def _secure(self) -> None:
        if self.is_encrypted or self.hop.tls in (TlsMode.NONE, TlsMode.IMPLICIT):
            return
        is_demanded = self.hop.tls is TlsMode.STARTTLS
        if not self.offered.starttls:
            if is_demanded:
                who = self.hop.tls_demanded_by or "this transport"
                text = f"The server does not offer STARTTLS, which {who} demands."
                raise self._tls_error(_refusal("STARTTLS", text))
            return
        reply = await self._command("STARTTLS", timeout=self.hop.timeouts.tls)
        if reply.code != 220:
            if is_demanded:
                raise self._tls_error(_error_from(reply, "STARTTLS"))
            return
        self._stream.discard_received()
        await self._upgrade()
        await self._say_hello()

    def _tls_error(self, error: SmtpError) -> SmtpError:
        """A policy of the receiving domain may change, so its failures are for now only (RFC 8461 §5, RFC 7672 §2.2)."""
        error.permanent = error.permanent and not self.hop.tls_demanded_by
        return error

    async def _upgrade(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            encrypted = await loop.start_tls(
                self._stream.transport,
                self._stream,
                self.hop.make_tls_context(),
                server_hostname=self.hop.tls_name or self.hop.host,
                ssl_handshake_timeout=self.hop.timeouts.tls,
            )
        except (OSError, EOFError, ssl.SSLError, ValueError) as error:
            self.abort()
            raise _handshake_failed(_describe(error, "The TLS handshake failed")) from error
        if encrypted is None:
            raise _handshake_failed("The server closed the connection during the TLS handshake.")
        self._stream.below_tls, self._stream.transport = self._stream.transport, encrypted
        self.is_encrypted = True
        if self.hop.dane is not None:
            try:
                chain = read_peer_chain(encrypted.get_extra_info("ssl_object"))
                verify_chain(self.hop.dane, chain, now=utc_now())
            except DaneFailure as error:
                raise _handshake_failed(str(error)) from error

    async def _sign_in(self, credentials: Credentials) -> None:
        if not self.is_encrypted and not self.hop.allow_plaintext_auth:
            raise _refusal("AUTH", "The connection is not encrypted, so the password was not sent.")
        if "\0" in credentials.username or "\0" in credentials.password:
            raise _refusal("AUTH", "The user name or the password contains a NUL character.")
        mechanisms = self._choose_mechanisms(credentials.mechanism)
        for mechanism in mechanisms:
            try:
                await self._sign_in_by(mechanism, credentials)
            except SmtpError as error:
                if error.code not in MECHANISM_UNKNOWN or mechanism is mechanisms[-1]:
                    raise
            else:
                return

    async def _sign_in_by(self, mechanism: AuthMechanism, credentials: Credentials) -> None:
        if mechanism is AuthMechanism.LOGIN:
            await self._exchange("AUTH LOGIN", 334)
            await self._exchange(_base64(credentials.username), 334)
            await self._exchange(_base64(credentials.password), 235)
        elif mechanism is AuthMechanism.PLAIN:
            response = f"\0{credentials.username}\0{credentials.password}"
            await self._exchange(f"AUTH PLAIN {_base64(response)}", 235)
        else:
            await self._sign_in_with_token(credentials)

    async def _sign_in_with_token(self, credentials: Credentials) -> None:
        if "\x01" in credentials.username or "\x01" in credentials.password:
            raise _refusal("AUTH", "The user name or the token contains a control character.")
        response = f"user={credentials.username}\x01auth=Bearer {credentials.password}\x01\x01"
        reply = await self._command(f"AUTH XOAUTH2 {_base64(response)}", timeout=self.hop.timeouts.auth)
        if reply.code == 334:
            # The reason comes as a challenge; the empty answer makes the server finish with an error code.
            reply = await self._command("", timeout=self.hop.timeouts.auth)
        _require(reply, 235, "AUTH")

    def _choose_mechanisms(self, wanted: AuthMechanism) -> list[AuthMechanism]:
        """Those to try, in order: at least one."""
        if not self.offered.auth:
            raise _refusal("AUTH", "The server does not offer to sign in (AUTH) on this connection.")
        choices = (AuthMechanism.PLAIN, AuthMechanism.LOGIN) if wanted is AuthMechanism.AUTO else (wanted,)
        possible = [mechanism for mechanism in choices if mechanism in self.offered.auth]
        if possible:
            return possible
        offered = ", ".join(sorted(self.offered.auth))[:200]
        raise _refusal(
            "AUTH", f"The server does not offer a way to sign in that we know. It offers: {offered}."
        )

    async def _exchange(self, line: str, expected: int) -> None:
        _require(await self._command(line, timeout=self.hop.timeouts.auth), expected, "AUTH")

    async def _command(self, line: str, *, timeout: float) -> SmtpReply:
        return read_reply(await self._raw_command(line, timeout=timeout))

    async def _raw_command(self, line: str, *, timeout: float) -> RawReply:
        data = line.encode("ascii")
        verb = line.partition(" ")[0] if line[:4].isupper() else "AUTH"
        if b"\r" in data or b"\n" in data or len(data) > MAX_COMMAND:
            raise _refusal(verb, "The command would not fit in one line.")
        if not self._stream.is_open:
            raise lost_error(verb, self._stream.lost_because or "The connection is closed.")
        self._stream.write(data + b"\r\n")
        raw = await self._stream.receive(command=verb, timeout=timeout)
        if verb in _TOLD:
            self._note_line(line, raw)
        return raw


async def open_connection(hop: NextHop, *, lessons: Lessons = LESSONS) -> SmtpConnection:
    """Connect, say hello, start TLS and sign in. Raises SmtpError; then no connection stays behind."""
    if hop.tls is not TlsMode.OPPORTUNISTIC or hop.verify_tls:
        return await _open(hop, lessons)
    learned = lessons.open_book(hop.host, hop.port)
    if not learned.holds(Lesson.NO_STARTTLS):
        try:
            return await _open(hop, lessons)
        except HandshakeFailed:
            learned.note(Lesson.NO_STARTTLS)
    return await _open(replace(hop, tls=TlsMode.NONE), lessons)


async def _open(hop: NextHop, lessons: Lessons) -> SmtpConnection:
    stream = await _connect(hop)
    connection = SmtpConnection(stream, hop, lessons)
    connection.is_encrypted = hop.tls is TlsMode.IMPLICIT
    try:
        await connection._greet()
    except BaseException:
        connection.abort()
        raise
    return connection


async def _connect(hop: NextHop) -> ReplyStream:
    loop = asyncio.get_running_loop()
    context = hop.make_tls_context() if hop.tls is TlsMode.IMPLICIT else None
    try:
        async with asyncio.timeout(hop.timeouts.connect):
            _, stream = await loop.create_connection(
                ReplyStream,
                hop.host,
                hop.port,
                ssl=context,
                server_hostname=(hop.tls_name or hop.host) if context else None,
                local_addr=(hop.source_address, 0) if hop.source_address else None,
            )
    except TimeoutError:
        raise lost_error("connect", f"No connection within {hop.timeouts.connect:g} seconds.") from None
    except (OSError, EOFError, ssl.SSLError, ValueError) as error:
        raise lost_error("connect", _describe(error, "No connection")) from error
    return stream


def _require(reply: SmtpReply, code: int, command: str) -> None:
    if reply.code != code:
        raise _error_from(reply, command)


def _error_from(reply: SmtpReply, command: str) -> SmtpError:
    return SmtpError(
        permanent=reply.is_permanent,
        code=reply.code,
        enhanced=reply.enhanced,
        command=command,
        text=reply.text,
    )


def _refusal(command: str, text: str) -> SmtpError:
    """A permanent refusal of our own."""
    return SmtpError(permanent=True, code=0, enhanced="", command=command, text=text)


def _handshake_failed(text: str) -> HandshakeFailed:
    return HandshakeFailed(permanent=False, code=0, enhanced="", command="STARTTLS", text=text)


def _describe(error: BaseException, what: str) -> str:
    reason = str(error) or type(error).__name__
    return f"{what}: {reason[:300]}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
