"""One mail transaction: its commands as bytes, or the reason why this server cannot be asked."""

from __future__ import annotations

from collections.abc import Sequence

from dynamail.protocols.seven_bit import make_seven_bit
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.next_hop import Capabilities
from dynamail.protocols.smtp.replies import SmtpReply
from dynamail.protocols.smtp.wire import is_address_safe, make_wire_safe


class Transaction:
    """An envelope made ready for one connection, and what is known about it."""

    __slots__ = ("body", "dialog", "envelope", "is_dotted", "mail", "rcpt", "refusal", "size")

    def __init__(
        self, envelope: Envelope, *, mail: bytes, rcpt: bytes, body: Sequence[bytes], size: int
    ) -> None:
        self.envelope = envelope
        self.mail = mail
        self.rcpt = rcpt
        self.body = body
        self.size = size
        self.is_dotted = False
        self.refusal: Outcome | None = None
        self.dialog: list[tuple[str, str]] | None = [] if envelope.wants_dialog else None


def prepare_transaction(
    envelope: Envelope, offered: Capabilities, *, chunking: bool
) -> Transaction | Outcome:
    """Compose the commands. An Outcome instead means that nothing may be written: the server could not take the message."""
    body = _prepare_body(envelope, stuff_dots=not chunking)
    smtputf8 = envelope.smtputf8 or not (envelope.sender.isascii() and envelope.recipient.isascii())
    eightbit = envelope.eightbit or not all(map(bytes.isascii, body))
    if eightbit and not offered.eightbitmime and (seven := make_seven_bit(_join(envelope.body))) is not None:
        body, eightbit = (make_wire_safe(seven, stuff_dots=not chunking),), False
    size = sum(map(len, body))
    refusal = _refuse_addresses(envelope) or _refuse_content(
        offered, smtputf8=smtputf8, eightbit=eightbit, size=size
    )
    if refusal is not None:
        return refusal
    parameters = "".join(
        (
            f" SIZE={size}" if offered.size is not None else "",
            " BODY=8BITMIME" if eightbit else "",
            " SMTPUTF8" if smtputf8 else "",
        )
    )
    return Transaction(
        envelope,
        mail=f"MAIL FROM:<{envelope.sender}>{parameters}\r\n".encode(),
        rcpt=f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
        body=body,
        size=size,
    )


def _refuse_addresses(envelope: Envelope) -> Outcome | None:
    if not envelope.recipient or not is_address_safe(envelope.recipient):
        return _refuse(553, "5.1.3", "The recipient's address contains something that SMTP does not allow.")
    if not is_address_safe(envelope.sender):
        return _refuse(553, "5.1.7", "The sender's address contains something that SMTP does not allow.")
    return None


def _refuse_content(offered: Capabilities, *, smtputf8: bool, eightbit: bool, size: int) -> Outcome | None:
    if smtputf8 and not offered.smtputf8:
        return _refuse(
            550, "5.6.7", "The receiving server does not support international addresses (SMTPUTF8)."
        )
    if eightbit and not offered.eightbitmime:
        return _refuse(550, "5.6.3", "The receiving server does not support 8-bit content (8BITMIME).")
    if offered.size is not None and size > offered.size:
        return _refuse(
            552, "5.3.4", f"The message has {size} bytes; the receiving server accepts {offered.size}."
        )
    return None


def _refuse(code: int, enhanced: str, text: str) -> Outcome:
    """A permanent refusal of our own, with the codes that a server would have used."""
    return Outcome(OutcomeKind.BOUNCED, SmtpReply(code, enhanced, text), Stage.LOCAL)


def _prepare_body(envelope: Envelope, *, stuff_dots: bool) -> Sequence[bytes]:
    body = envelope.body
    if envelope.wire_safe:
        return (body,) if isinstance(body, bytes) else body
    return (make_wire_safe(_join(body), stuff_dots=stuff_dots),)


def _join(body: bytes | Sequence[bytes]) -> bytes:
    return body if isinstance(body, bytes) else b"".join(body)
