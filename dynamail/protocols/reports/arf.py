"""Complaints: the Abuse Reporting Format (RFC 5965, RFC 6590), and requests to leave that mail programs send on their own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reasons import Reason
from dynamail.protocols.reports.parts import list_fields
from dynamail.protocols.reports.records import ReportedRecipient
from dynamail.protocols.reports.text_recipients import MAX_RECIPIENTS, find_address

MAX_FEEDBACK = 100_000  # characters of the machine-readable part


@dataclass(frozen=True, slots=True)
class Feedback:
    kind: str
    recipients: list[str]
    mail_from: str
    envelope_id: str
    arrived_at: str
    source_ip: str
    reporting_mta: str


def read_feedback(text: str) -> Feedback:
    """The fields of a message/feedback-report; recipients are only those it names."""
    fields: dict[str, str] = {}
    recipients: list[str] = []
    for name, value in list_fields(re.sub(r"\n[ \t]*\n", "\n", text[:MAX_FEEDBACK])):
        fields.setdefault(name, value)
        if (
            name in ("original-rcpt-to", "removal-recipient", "redacted-address")
            and len(recipients) < MAX_RECIPIENTS
        ):
            address = find_address(value)
            recipients += [address] if address and address not in recipients else []
    return Feedback(
        kind=fields.get("feedback-type", "").lower()[:40],
        recipients=recipients,
        mail_from=find_address(fields.get("original-mail-from", "")),
        envelope_id=fields.get("original-envelope-id", "")[:200],
        arrived_at=(fields.get("arrival-date", "") or fields.get("received-date", ""))[:100],
        source_ip=fields.get("source-ip", "").split(" ")[0][:45],
        reporting_mta=fields.get("reporting-mta", "").partition(";")[2].strip()[:255],
    )


def complain(address: str, *, words: str = "") -> ReportedRecipient:
    return ReportedRecipient(
        address=address,
        action="",
        status="",
        code=0,
        diagnostic=words,
        reason=Reason.FEEDBACK,
        bounce_class=BounceClass.COMPLAINT,
        is_hard=False,
    )
