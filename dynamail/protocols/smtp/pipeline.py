"""The dialog of many messages over one connection, as a state machine without awaits.

With PIPELINING (RFC 2920) a message costs one round trip:

    DATA:  … → body "." MAIL RCPT DATA → (250 of the dot, 250, 250, 354) → body "." MAIL …
    BDAT:  … → BDAT n LAST body RSET MAIL RCPT → (250 of the body, 250, 250, 250) → BDAT …

DATA ends a group, so it may only follow the previous body, never precede anything. After BDAT we send RSET first: a refused
BDAT may leave its transaction open (RFC 3030 §4.1), and the next RCPT would silently join it under the wrong sender.
Without PIPELINING each command waits for its reply. A body is written only after its recipient was accepted, so a
connection has at most one message whose outcome can be unknown.

Servers that offer an extension and then break it end up in `lessons`: the message is deferred before anybody could have
accepted it, and the next connection does without.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum

from dynamail.protocols.smtp.envelopes import Dialog, Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.lessons import HopLessons, Lesson
from dynamail.protocols.smtp.next_hop import Capabilities, Timeouts
from dynamail.protocols.smtp.replies import RawReply, SmtpReply, read_reply
from dynamail.protocols.smtp.stream import ReplyStream
from dynamail.protocols.smtp.transactions import Transaction, prepare_transaction

NextEnvelope = Callable[[], Envelope | None]
OnFinalDot = Callable[[Envelope], None]
OnOutcome = Callable[[Envelope, Outcome], None]

MAX_TICK = 15.0  # seconds between two looks at the deadline
TICKS_PER_TIMEOUT = 4
FEW_BYTES = 4_096  # commands behind a body; a paused transport holds more than that
NOT_UNDERSTOOD = frozenset((500, 501, 502, 503, 504))  # answers to BDAT from a server that does not know it
PARAMETERS_REFUSED = frozenset((501, 504, 555))  # RFC 5321 §4.2.2, §4.1.1.11
MOST_LINES, MOST_TEXT = 16, 500  # of a dialog that is kept; characters of each text
NOWHERE = Dialog("", "", "", ())


class Step(IntEnum):
    """A reply that we wait for."""

    RESET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    DOT = 4
    EMPTY_DOT = 5  # ends a DATA that the server should not have accepted


RESET, MAIL, RCPT, DATA, DOT, EMPTY_DOT = Step
_STAGES = {RESET: Stage.MAIL, MAIL: Stage.MAIL, RCPT: Stage.RCPT, DATA: Stage.DATA, DOT: Stage.DOT}


class Pipeline:
    """Drives one connection after EHLO. `run` may be called again and again, but not twice at once."""

    def __init__(
        self,
        stream: ReplyStream,
        offered: Capabilities,
        timeouts: Timeouts,
        *,
        pipelining: bool,
        chunking: bool,
        lessons: HopLessons,
        opening: Dialog = NOWHERE,
    ) -> None:
        self.limit_reached = ""
        self._opening = opening
        self._lessons = lessons
        self._stream = stream
        self._offered = offered
        self._pipelining = pipelining
        self._chunking = chunking
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        self._patience = {
            RESET: timeouts.rcpt,
            MAIL: timeouts.mail,
            RCPT: timeouts.rcpt,
            DATA: timeouts.data,
            DOT: timeouts.dot,
            EMPTY_DOT: timeouts.dot,
        }
        self._tick_interval = min(MAX_TICK, min(*self._patience.values(), timeouts.block) / TICKS_PER_TIMEOUT)
        self._expected: deque[tuple[Step, Transaction]] = deque()
        self._unsent: deque[tuple[Step, Transaction, bytes]] = deque()
        self._in_flight: list[Transaction] = []
        self._needs_reset = False
        self._early_replies: Sequence[RawReply] = ()  # that arrived together with the one being read
        self._is_proven = False  # a message went through as we write them
        self._mails = 0
        self._domains: set[str] = set()
        self._deadline = 0.0
        self._unflushed = 0  # bytes that follow the final dot in the last write
        self._last_waiting = 0
        self._farewell: SmtpReply | None = None
        self._flush_deadline = 0.0
        self._failure: BaseException | None = None
        self._is_canceled = False
        self._done: asyncio.Future[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._done is not None

    async def run(self, next_envelope: NextEnvelope, on_final_dot: OnFinalDot, on_outcome: OnOutcome) -> None:
        """Send until `next_envelope` returns None and everything is answered, or the connection is gone."""
        if self._done is not None:
            raise RuntimeError("this connection is already delivering")
        self._next_envelope, self._on_final_dot, self._on_outcome = next_envelope, on_final_dot, on_outcome
        self._failure = None
        self._is_canceled = False
        self._done = self._loop.create_future()
        self._stream.consumer = self
        self._timer = self._loop.call_later(self._tick_interval, self._tick)
        try:
            self._guarded(self._begin_next)
            await self._done
        except asyncio.CancelledError:
            self._is_canceled = True
            self._stream.abort("The delivery was canceled.")
            raise
        finally:
            self._timer.cancel()
            self._stream.consumer = None
            self._done = None
        if self._failure is not None:
            raise self._failure

    # --- what the stream tells us ------------------------------------------------------------------------------------

    def take_replies(self, replies: Sequence[RawReply]) -> None:
        self._guarded(self._take_replies, replies)

    def take_loss(self, reason: str) -> None:
        self._end_all(reason)

    def _guarded(self, action: Callable[..., None], *arguments: object) -> None:
        """An error in a caller's callback ends the connection and is raised from `run`; no message is left without outcome."""
        try:
            action(*arguments)
        except Exception as error:
            self._failure = self._failure or error
            self._stream.abort("Stopped by an error on our side.")

    def _take_replies(self, replies: Sequence[RawReply]) -> None:
        for position, raw in enumerate(replies, 1):
            self._early_replies = replies[position:]
            if self._stream.lost_because:
                return
            if not self._expected:
                self._take_unasked(raw)
                return
            step, transaction = self._expected.popleft()
            if raw[0] == 421:
                self._take_farewell(step, transaction, read_reply(raw))
                return
            if transaction.dialog is not None:
                _note_line(transaction.dialog, step, transaction, raw, chunking=self._chunking)
            self._take_reply(step, transaction, raw)
        if self._stream.lost_because:
            return
        if self._expected:
            self._deadline = self._loop.time() + self._patience[self._expected[0][0]]
        elif self._unsent:
            self._write_one()
        elif not self._in_flight:
            self._begin_next()

    def _take_reply(self, step: Step, transaction: Transaction, raw: RawReply) -> None:
        code = raw[0]
        if step is RESET or step is EMPTY_DOT:
            return
        if step is DOT and code // 100 != 3:
            self._take_dot_reply(transaction, raw)
        elif step is DATA and (code == 354 or code >= 400):
            self._take_data_reply(transaction, raw)
        elif step in (MAIL, RCPT) and code // 100 != 3:
            self._take_command_reply(step, transaction, raw)
        else:
            self._end_mismatch(raw)

    def _end_mismatch(self, raw: RawReply) -> None:
        if self._pipelining:
            self._lessons.note(Lesson.NO_PIPELINING)
        self._stream.abort(f"The server's replies do not match our commands: {read_reply(raw)}")

    def _take_dot_reply(self, transaction: Transaction, raw: RawReply) -> None:
        outcome = _judge(raw, Stage.DOT)
        if self._chunking and raw[0] in NOT_UNDERSTOOD and _is_about_syntax(outcome):
            # It reads the body as commands now, so nothing that it says from here on is about a message.
            self._lessons.note(Lesson.NO_CHUNKING)
            self._finish(transaction, replace(outcome, kind=OutcomeKind.DEFERRED, retry_elsewhere=True))
            self._stream.abort(f"The server offers CHUNKING and does not know BDAT: {outcome.reply}")
            return
        if not self._is_proven:
            self._is_proven = True
            self._lessons.acquit(Lesson.NO_CHUNKING if self._chunking else Lesson.NO_PIPELINING)
        self._finish(transaction, outcome)

    def _take_command_reply(self, step: Step, transaction: Transaction, raw: RawReply) -> None:
        if raw[0] // 100 != 2:
            transaction.refusal = transaction.refusal or self._judge_command(step, transaction, raw)
        is_last = step is RCPT and self._chunking
        if transaction.refusal and (is_last or not self._pipelining):
            self._give_up(transaction, transaction.refusal)
        elif is_last:
            self._write_body(transaction)

    def _judge_command(self, step: Step, transaction: Transaction, raw: RawReply) -> Outcome:
        outcome = _judge(raw, _STAGES[step])
        has_parameters = not transaction.mail.endswith(b">\r\n")
        if step is MAIL and raw[0] in PARAMETERS_REFUSED and has_parameters and _is_about_syntax(outcome):
            self._lessons.note(Lesson.NO_PARAMETERS)
            self._offered = without_parameters(self._offered)
            return replace(outcome, kind=OutcomeKind.DEFERRED, retry_elsewhere=True)
        return outcome

    def _take_data_reply(self, transaction: Transaction, raw: RawReply) -> None:
        if raw[0] != 354:
            self._give_up(transaction, transaction.refusal or _judge(raw, Stage.DATA))
        elif transaction.refusal is None:
            self._write_body(transaction)
        else:
            # RFC 2920 §3.1: DATA was accepted although nobody is to receive it, so send a single dot.
            self._expect(EMPTY_DOT, transaction)
            self._stream.write(b".\r\n")
            self._finish(transaction, transaction.refusal)

    def _take_unasked(self, raw: RawReply) -> None:
        if self._pipelining and self._in_flight and raw[0] != 421:
            self._lessons.note(Lesson.NO_PIPELINING)
        reason = "closed the connection" if raw[0] == 421 else "sent a reply to nothing"
        self._stream.abort(f"The server {reason}: {read_reply(raw)}")

    def _take_farewell(self, step: Step, transaction: Transaction, reply: SmtpReply) -> None:
        """421 answers any command and ends the connection (RFC 5321 §3.8). After the dot it means: not accepted."""
        if transaction.dialog is not None:
            transaction.dialog.append(("", str(reply)[:MOST_TEXT]))
        if transaction in self._in_flight and transaction.refusal is None:
            transaction.refusal = Outcome(OutcomeKind.DEFERRED, reply, _STAGES[step], retry_elsewhere=True)
        self._farewell = reply
        self._stream.abort(f"The server closed the connection: {reply}")

    # --- what we write -----------------------------------------------------------------------------------------------

    def _begin_next(self) -> None:
        transaction = self._pull()
        if transaction is None:
            self._resolve()
            return
        commands = self._open_commands(transaction, reset=self._needs_reset)
        self._needs_reset = False
        if self._pipelining:
            self._expect_commands(commands)
            self._stream.write(b"".join(line for _, _, line in commands))
        else:
            self._unsent.extend(commands)
            self._write_one()

    def _pull(self) -> Transaction | None:
        """The next envelope that this server can take; the others get their outcome at once."""
        while not self._has_reached_limit() and (envelope := self._next_envelope()) is not None:
            prepared = prepare_transaction(envelope, self._offered, chunking=self._chunking)
            if isinstance(prepared, Transaction):
                prepared = self._count_domain(prepared)
            if isinstance(prepared, Transaction):
                self._mails += 1
                self._in_flight.append(prepared)
                return prepared
            self._on_outcome(envelope, prepared)
        return None

    def _has_reached_limit(self) -> bool:
        """MAILMAX of RFC 9422: no transaction more in this session."""
        most = self._offered.limits.mail_max
        if most is not None and self._mails >= most:
            self.limit_reached = f"The server takes {most} messages over one connection."
        return bool(self.limit_reached)

    def _count_domain(self, transaction: Transaction) -> Transaction | Outcome:
        """RCPTDOMAINMAX of RFC 9422: recipients of so many domains in this session."""
        most = self._offered.limits.rcpt_domain_max
        if most is None:
            return transaction
        domain = transaction.envelope.recipient.rpartition("@")[2].lower()
        if domain not in self._domains and len(self._domains) >= most:
            self.limit_reached = f"The server takes recipients of {most} domains over one connection."
            return Outcome(
                OutcomeKind.DEFERRED, None, Stage.LOCAL, retry_elsewhere=True, detail=self.limit_reached
            )
        self._domains.add(domain)
        return transaction

    def _open_commands(
        self, transaction: Transaction, *, reset: bool
    ) -> list[tuple[Step, Transaction, bytes]]:
        commands: list[tuple[Step, Transaction, bytes]] = [(RESET, transaction, b"RSET\r\n")] if reset else []
        commands.append((MAIL, transaction, transaction.mail))
        commands.append((RCPT, transaction, transaction.rcpt))
        if not self._chunking:
            commands.append((DATA, transaction, b"DATA\r\n"))
        return commands

    def _write_body(self, transaction: Transaction) -> None:
        if self._early_replies:
            self._refuse_early(transaction, self._early_replies[0])
            return
        if self._chunking:
            buffers = [b"BDAT %d LAST\r\n" % transaction.size, *transaction.body]
        else:
            buffers = [*transaction.body, b".\r\n"]
        following = self._pull() if self._pipelining else None
        self._on_final_dot(transaction.envelope)
        transaction.is_dotted = True
        self._expect(DOT, transaction)
        self._unflushed = self._last_waiting = 0
        if following is not None:
            commands = self._open_commands(following, reset=self._chunking)
            self._expect_commands(commands)
            buffers.append(b"".join([line for _, _, line in commands]))
            self._unflushed = len(buffers[-1])
        self._flush_deadline = self._loop.time() + self._timeouts.block
        self._stream.transport.writelines(buffers)

    def _refuse_early(self, transaction: Transaction, raw: RawReply) -> None:
        """More answers than commands so far: this one would be taken for the answer to the body."""
        if raw[0] == 421:
            self._take_farewell(DATA, transaction, read_reply(raw))
        else:
            self._end_mismatch(raw)

    def _write_one(self) -> None:
        step, transaction, line = self._unsent.popleft()
        self._expect(step, transaction)
        self._stream.write(line)

    def _expect(self, step: Step, transaction: Transaction) -> None:
        if not self._expected:
            self._deadline = self._loop.time() + self._patience[step]
        self._expected.append((step, transaction))

    def _expect_commands(self, commands: list[tuple[Step, Transaction, bytes]]) -> None:
        for step, transaction, _ in commands:
            self._expect(step, transaction)

    # --- how it ends -------------------------------------------------------------------------------------------------

    def _give_up(self, transaction: Transaction, refusal: Outcome) -> None:
        """The server refused before the body; the transaction may still be open and must not take the next recipient."""
        self._unsent.clear()
        self._needs_reset = True
        self._finish(transaction, refusal)

    def _finish(self, transaction: Transaction, outcome: Outcome) -> None:
        self._in_flight.remove(transaction)
        self._on_outcome(transaction.envelope, self._add_dialog(transaction, outcome))

    def _add_dialog(self, transaction: Transaction, outcome: Outcome) -> Outcome:
        if transaction.dialog is None:
            return outcome
        opening = self._opening
        lines = (*opening.lines, *transaction.dialog)
        return replace(outcome, dialog=Dialog(opening.host, opening.ip, opening.tls, lines))

    def _end_all(self, reason: str) -> None:
        """The connection is gone: say for each message in flight what is known about it."""
        waiting = {id(transaction): step for step, transaction in reversed(self._expected)}
        in_flight, self._in_flight = self._in_flight, []
        self._learn_from_loss()
        is_body_kept = self._has_unwritten_body()
        self._expected.clear()
        self._unsent.clear()
        for transaction in in_flight:
            stage = _STAGES[waiting.get(id(transaction), DATA)]
            transaction.is_dotted = transaction.is_dotted and not is_body_kept
            outcome = transaction.refusal or self._judge_loss(transaction, stage, reason)
            try:
                self._on_outcome(transaction.envelope, self._add_dialog(transaction, outcome))
            except Exception as error:
                self._failure = self._failure or error
        self._resolve()

    def _has_unwritten_body(self) -> bool:
        """Whether the end of the body never left this process, so that nobody can have accepted it."""
        if self._stream.is_writing_paused and self._unflushed < FEW_BYTES:
            return True
        return not self._stream.transport.is_closing() and self._stream.count_unsent() > self._unflushed

    def _learn_from_loss(self) -> None:
        """A connection that broke before an extension was ever seen to work makes that extension suspicious."""
        if self._is_proven or self._failure or self._is_canceled or self._farewell or not self._expected:
            return
        if self._chunking and self._expected[0][0] is DOT:
            self._lessons.suspect(Lesson.NO_CHUNKING)
        elif self._pipelining:
            self._lessons.suspect(Lesson.NO_PIPELINING)

    def _judge_loss(self, transaction: Transaction, stage: Stage, reason: str) -> Outcome:
        if transaction.is_dotted:
            return Outcome(OutcomeKind.UNKNOWN, None, Stage.DOT, detail=reason)
        return Outcome(OutcomeKind.DEFERRED, self._farewell, stage, retry_elsewhere=True, detail=reason)

    def _resolve(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    # --- patience ----------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._tick_interval, self._tick)
        if not self._expected:
            return
        now = self._loop.time()
        if self._is_body_stuck(now):
            self._stream.abort("The server stopped reading the message.")
        elif now >= self._deadline:
            seconds = self._patience[self._expected[0][0]]
            self._stream.abort(f"The server did not answer within {seconds:g} seconds.")

    def _is_body_stuck(self, now: float) -> bool:
        if self._expected[0][0] is not DOT:
            return False
        waiting = self._stream.count_unsent()
        if waiting <= self._unflushed:
            return False
        if waiting != self._last_waiting:
            self._last_waiting = waiting
            self._flush_deadline = now + self._timeouts.block
        self._deadline = now + self._timeouts.dot
        return now >= self._flush_deadline


def _note_line(
    lines: list[tuple[str, str]], step: Step, transaction: Transaction, raw: RawReply, *, chunking: bool
) -> None:
    """The body itself is never part of a dialog."""
    said = {
        RESET: "RSET",
        MAIL: transaction.mail.decode().strip(),
        RCPT: transaction.rcpt.decode().strip(),
        DATA: "DATA",
        DOT: f"BDAT {transaction.size} LAST" if chunking else f"({transaction.size} octets) .",
        EMPTY_DOT: ".",
    }[step]
    if len(lines) < MOST_LINES:
        lines.append((said[:MOST_TEXT], str(read_reply(raw))[:MOST_TEXT]))


def without_parameters(offered: Capabilities) -> Capabilities:
    """As if the server had offered nothing that adds a parameter to MAIL."""
    return replace(offered, size=None, eightbitmime=False, smtputf8=False)


def _is_about_syntax(outcome: Outcome) -> bool:
    """Not about the sender, the recipient or the content, as far as the enhanced code tells."""
    enhanced = outcome.reply.enhanced if outcome.reply else ""
    return not enhanced or enhanced.startswith("5.5.")


def _judge(raw: RawReply, stage: Stage) -> Outcome:
    reply = read_reply(raw)
    if reply.code >= 500:
        return Outcome(OutcomeKind.BOUNCED, reply, stage)
    if reply.code >= 400:
        return Outcome(OutcomeKind.DEFERRED, reply, stage)
    return Outcome(OutcomeKind.DELIVERED, reply, stage)
