"""What goes in and what comes out: one Envelope, one Outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from dynamail.protocols.smtp.replies import SmtpReply


class Stage(StrEnum):
    """How far a message had come when its outcome was decided."""

    LOCAL = "local"  # refused by us, nothing was written
    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"  # the whole body was written: final dot or BDAT LAST


class OutcomeKind(StrEnum):
    DELIVERED = "delivered"  # the next hop accepted it
    DEFERRED = "deferred"  # the next hop did not accept it; trying again cannot make a double
    BOUNCED = "bounced"  # refused for good
    UNKNOWN = "unknown"  # the final dot was written and no reply came (RFC 1047)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one recipient.

    `sender` may be "" (the null return-path). `body` is one buffer or several that are written one after another.
    `wire_safe` promises that the buffers together satisfy `wire.is_wire_safe`; without it the body is checked and, where
    needed, repaired. `token` is the caller's own. Set `smtputf8` when header fields are not ASCII (RFC 6532), `eightbit`
    when the body is not; both are also found out from the addresses and the body. With `wants_dialog` its outcome brings what was
    said about it. `message_id` is that of this copy, where its Message-ID is one for several recipients or the sender's own.
    """

    sender: str
    recipient: str
    body: bytes | Sequence[bytes]
    token: object = None
    smtputf8: bool = False
    eightbit: bool = False
    wire_safe: bool = False
    wants_dialog: bool = False
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Dialog:
    """What was said about one message, and with whom: pairs of our command and the server's answer, from its greeting on.

    Without AUTH, without the message itself. `tls` is the version of TLS, "" in the clear.
    """

    host: str
    ip: str
    tls: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an envelope.

    `reply` is None when the server said nothing; then `detail` says in a sentence what happened. `retry_elsewhere`: the
    failure was about this connection, so another connection or host may be tried at once.
    """

    kind: OutcomeKind
    reply: SmtpReply | None
    stage: Stage
    retry_elsewhere: bool = False
    detail: str = ""
    dialog: Dialog | None = None

    @property
    def text(self) -> str:
        return str(self.reply) if self.reply else self.detail
