"""What a report says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reasons import Reason


class ReportKind(StrEnum):
    BOUNCE = "bounce"
    DELAY = "delay"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    DELIVERED = "delivered"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient of the report.

    `address` is the one that the message was sent to, where the report tells it apart from where it was forwarded.
    `action` is the word of RFC 3464 §2.3.3 ("failed", "delayed" …), "" when nobody said it. `status` is an enhanced code or "",
    `code` an SMTP reply code or 0, `diagnostic` at most 1,000 harmless characters of what was said.
    """

    address: str
    action: str
    status: str
    code: int
    diagnostic: str
    reason: Reason
    bounce_class: BounceClass
    is_hard: bool
    remote_mta: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A message that came to a return-path. Everything but `kind` may be empty; nothing in it is authenticated."""

    kind: ReportKind
    recipients: tuple[ReportedRecipient, ...] = ()
    original_message_id: str = ""
    original_envelope_from: str = ""
    original_envelope_id: str = ""
    original_subject: str = ""
    feedback_type: str = ""
    reporting_mta: str = ""
    arrived_at: str = ""
    source_ip: str = ""
