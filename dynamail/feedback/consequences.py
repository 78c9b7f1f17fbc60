"""What follows from a report: the closed list of `protocols.codes.CONSEQUENCES`, applied to the person, the numbers, the operator.

Only a hard bounce and a complaint touch the person. A bounce that is about us (our address blocked, our DNS wrong) is told
to the account and never counted against anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.conf import settings

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import ALL, MARKETING, suppress_address
from dynamail.events.counters import count_for_source
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.feedback.finding import SentMessage
from dynamail.feedback.models import Kind
from dynamail.lib.mailbox_providers import find_lane
from dynamail.messages.models import MessageState, SourceKind
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.codes import CONSEQUENCES, BounceClass, Consequence
from dynamail.protocols.reports.records import ReportedRecipient


class Effect(StrEnum):
    """What was done about a report."""

    SUPPRESSED = "suppressed"
    COUNTED = "counted"
    TOLD = "told"  # shown to the account as something to mend
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report says about one message, wherever it came from."""

    kind: Kind
    bounce_class: str = ""
    reason: str = ""
    code: int = 0
    status: str = ""
    text: str = ""
    is_hard: bool = False
    feedback_type: str = ""


def describe_recipient(kind: Kind, told: ReportedRecipient) -> Finding:
    """A finding of what was said about one recipient."""
    return Finding(
        kind,
        bounce_class=str(told.bounce_class),
        reason=str(told.reason),
        code=told.code,
        status=told.status,
        text=told.diagnostic,
        is_hard=told.is_hard,
    )


def apply_consequence(sent: SentMessage, finding: Finding, *, now: datetime) -> Effect:
    """Run in the transaction that notes the report."""
    match finding.kind:
        case Kind.BOUNCE:
            return _take_bounce(sent, finding, now)
        case Kind.COMPLAINT:
            return _take_complaint(sent, finding, now)
        case Kind.UNSUBSCRIBE:
            _suppress(sent, SuppressionReason.UNSUBSCRIBE, MARKETING, finding.text, now)
            return Effect.SUPPRESSED
        case Kind.DELAY:
            _record(sent, EventKind.MESSAGE_DELAYED, {"reply": finding.text, "code": finding.code}, now)
            return Effect.COUNTED
        case _:
            return Effect.NONE


def _is_played(sent: SentMessage) -> bool:
    """The simulator's reports are told like all others, but harm nobody: its addresses go on working, and no number gets worse."""
    return sent.domain == settings.SIMULATOR_DOMAIN


def _take_bounce(sent: SentMessage, finding: Finding, now: datetime) -> Effect:
    if sent.state == MessageState.BOUNCED:
        return Effect.NONE  # its server said so in the dialog already: a loss is counted once
    bounce_class = BounceClass(finding.bounce_class)
    data = {
        "class": finding.bounce_class,
        "reason": finding.reason,
        "code": finding.code,
        "reply": finding.text,
        "hard": finding.is_hard,
        "late": True,
    }
    _record(sent, EventKind.MESSAGE_BOUNCED, data, now, names_person=not bounce_class.is_about_us)
    _count(sent, "returned", now)
    if finding.is_hard and CONSEQUENCES[bounce_class] is Consequence.SUPPRESS and not _is_played(sent):
        _count(sent, "returned_hard", now)
        _suppress(sent, SuppressionReason.HARD_BOUNCE, ALL, finding.text, now)
        return Effect.SUPPRESSED
    return Effect.TOLD if bounce_class.is_about_us else Effect.COUNTED


def _take_complaint(sent: SentMessage, finding: Finding, now: datetime) -> Effect:
    """Who calls a campaign or a digest spam gets no more of them; who calls a receipt spam gets nothing more at all."""
    _record(sent, EventKind.MESSAGE_COMPLAINED, {"type": finding.feedback_type}, now)
    _count(sent, "complained", now)
    if _is_played(sent):
        return Effect.COUNTED
    is_marketing = sent.source_kind == SourceKind.CAMPAIGN or sent.stream_kind == MARKETING
    scope = MARKETING if is_marketing else ALL
    _suppress(sent, SuppressionReason.COMPLAINT, scope, finding.feedback_type, now)
    return Effect.SUPPRESSED


def _suppress(sent: SentMessage, reason: SuppressionReason, scope: str, detail: str, now: datetime) -> None:
    if _is_played(sent):
        return
    try:
        key = parse_address(sent.recipient).key
    except AddressError:
        return  # the log of a message whose person was erased has no address any more
    suppress_address(
        sent.account_id,
        key,
        reason=reason,
        scope=scope,
        detail=detail,
        source=("message", str(sent.id)),
        now=now,
    )


def _record(
    sent: SentMessage, kind: EventKind, data: dict[str, object], now: datetime, *, names_person: bool = True
) -> None:
    record_event(
        sent.account_id,
        kind,
        contact_id=sent.contact_id if names_person else None,
        message_id=sent.id,
        source_kind=sent.source_kind,
        source_id=sent.source_id,
        data=data,
        now=now,
    )


def _count(sent: SentMessage, kind: str, now: datetime) -> None:
    is_counted = sent.source_kind == SourceKind.CAMPAIGN or sent.email_id is not None
    if is_counted and sent.source_id is not None and not _is_played(sent):
        lane = find_lane(sent.domain)
        count_for_source(sent.account_id, sent.source_id, kind, now=now, lane=lane)
