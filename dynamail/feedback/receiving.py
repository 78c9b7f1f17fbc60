"""One report, taken exactly once.

1. It is read (`protocols.reports`), whatever it is made of.
2. Its message is found, or it is counted and forgotten; while the message is still being sent, the report is to come again.
3. In one transaction: the report is noted, and its consequence happens. A repetition meets the note's key and does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from dynamail.feedback.consequences import Effect, Finding, apply_consequence, describe_recipient
from dynamail.feedback.finding import (
    SentMessage,
    find_reported,
    find_sent_message,
    is_being_sent,
    is_reported_early,
)
from dynamail.feedback.models import FeedbackReport, Kind, Source
from dynamail.lib.ids import derived_id
from dynamail.lib.sql import load_sql
from dynamail.messages.models import Email
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import Report, ReportedRecipient, ReportKind

MOST_RAW = 256 * 1024  # octets of a report that are kept for the eye
KINDS = {
    ReportKind.BOUNCE: Kind.BOUNCE,
    ReportKind.COMPLAINT: Kind.COMPLAINT,
    ReportKind.DELAY: Kind.DELAY,
    ReportKind.AUTO_REPLY: Kind.AUTO_REPLY,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report. `sent` None: it is about no message that we know of, or (`is_early`) not yet: nothing was kept."""

    kind: str
    sent: SentMessage | None = None
    effect: Effect = Effect.NONE
    is_repeated: bool = False
    is_early: bool = False


def take_report(raw: bytes, *, envelope_to: Sequence[str], source: Source, now: datetime) -> Taken:
    """Take a message that came in on one of our return-paths or report addresses. Accepts any octets."""
    report = read_report(raw)
    sent = find_reported(report, envelope_to=envelope_to, now=now)
    kind = KINDS.get(report.kind, Kind.OTHER)
    if sent is None:
        if is_reported_early(report, envelope_to=envelope_to):
            return Taken(kind, is_early=True)
        count_report(source, "unmatched", now=now)
        return Taken(kind)
    return note_finding(sent, make_finding(report, sent), source=source, raw=raw, now=now)


def take_provider_finding(message_id: UUID, finding: Finding, *, account_id: int, now: datetime) -> Taken:
    """The same for what a provider's API tells about one of the account's messages."""
    sent = find_sent_message(message_id)
    if sent is None and is_being_sent(message_id):
        return Taken(finding.kind, is_early=True)
    if sent is None or sent.account_id != account_id:
        count_report(Source.PROVIDER, "unmatched", now=now)
        return Taken(finding.kind)
    return note_finding(sent, finding, source=Source.PROVIDER, raw=None, now=now)


@transaction.atomic
def note_finding(
    sent: SentMessage, finding: Finding, *, source: Source, raw: bytes | None, now: datetime
) -> Taken:
    """Note a report and let its consequence happen, once for each message and kind."""
    report_id = derived_id(sent.at, "report", sent.id, finding.kind)
    if not _insert_once(report_id, sent, finding, source, raw, now):
        count_report(source, "repeated", now=now)
        return Taken(finding.kind, sent, is_repeated=True)
    effect = apply_consequence(sent, finding, now=now)
    FeedbackReport.objects.for_account(sent.account_id).filter(id=report_id).update(consequence=effect)
    return Taken(finding.kind, sent, effect)


def make_finding(report: Report, sent: SentMessage) -> Finding:
    """What the report says about this message's recipient."""
    told = _find_recipient(report, sent.recipient)
    kind = KINDS.get(report.kind, Kind.OTHER)
    if told is None:
        return Finding(kind, feedback_type=report.feedback_type)
    # Several recipients and none is ours: a list expanded behind the address, and one of its members is gone, not the list.
    is_ours = len(report.recipients) == 1 or _is_same(told.address, sent.recipient)
    found = describe_recipient(kind, told)
    return replace(found, is_hard=found.is_hard and is_ours, feedback_type=report.feedback_type)


def count_report(source: Source, kind: str, *, now: datetime) -> None:
    """Count a report that is not kept."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("feedback", "count_report"), {"day": now.date(), "source": str(source), "kind": kind}
        )


def _find_recipient(report: Report, recipient: str) -> ReportedRecipient | None:
    same = [told for told in report.recipients if _is_same(told.address, recipient)]
    return next(iter(same or report.recipients), None)


def _is_same(told: str, recipient: str) -> bool:
    return bool(told) and told.lower() == recipient.lower()


def _had_one_time_values(sent: SentMessage) -> bool:
    """A report quotes the message that it is about, and those values are kept nowhere."""
    emails = Email.objects.for_account(sent.account_id)
    return sent.email_id is not None and emails.filter(id=sent.email_id, one_time=True).exists()


def _insert_once(
    report_id: UUID, sent: SentMessage, finding: Finding, source: Source, raw: bytes | None, now: datetime
) -> bool:
    values: dict[str, Any] = {
        "account_id": sent.account_id,
        "id": report_id,
        "at": now,
        "kind": str(finding.kind),
        "source": str(source),
        "message_id": sent.id,
        "source_kind": sent.source_kind,
        "source_id": sent.source_id,
        "contact_id": sent.contact_id,
        "recipient": sent.recipient,
        "bounce_class": finding.bounce_class,
        "reason": finding.reason,
        "code": finding.code,
        "status": finding.status[:12],
        "text": finding.text.replace("\0", "")[:500],
        "is_hard": finding.is_hard,
        "raw": raw[:MOST_RAW] if raw and not _had_one_time_values(sent) else None,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("feedback", "note_report"), values)
        return cursor.rowcount == 1
