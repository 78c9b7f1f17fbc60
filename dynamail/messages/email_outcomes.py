"""Outcomes of copies that never reach a worker: refused when the email was accepted, or canceled while they waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, ask_to_insert_events
from dynamail.lib.asking import Ask
from dynamail.lib.mailbox_providers import find_lane
from dynamail.lib.sql import load_sql
from dynamail.messages.models import MessageState, SourceKind
from dynamail.protocols.address import parse_address

_EVENTS = {
    MessageState.SUPPRESSED: EventKind.MESSAGE_SUPPRESSED,
    MessageState.CANCELED: EventKind.MESSAGE_CANCELED,
}


@dataclass(frozen=True, slots=True)
class Unsent:
    """A copy that is not sent. `reason` is a word for programs, perhaps empty."""

    message_id: UUID
    email_id: UUID
    stream: str
    stream_uid: UUID | None
    contact_id: UUID | None
    recipient: str
    reason: str = ""
    attempts: int = 0


def ask_to_record_unsent(
    account_id: int,
    unsent: Sequence[Unsent],
    state: MessageState,
    *,
    source_kind: SourceKind,
    now: datetime,
) -> list[Ask]:
    """Rows of the log, their number in the roll-up, and an event each. `state` is suppressed or canceled."""
    domains = [parse_address(one.recipient).domain for one in unsent]
    parameters = {
        "account_id": account_id,
        "now": now,
        "hour": now.replace(minute=0, second=0, microsecond=0),
        "source_kind": source_kind.value,
        "state": state.value,
        "ids": [one.message_id for one in unsent],
        "source_ids": [one.stream_uid for one in unsent],
        "contact_ids": [one.contact_id for one in unsent],
        "recipients": [one.recipient for one in unsent],
        "domains": domains,
        "lanes": [find_lane(domain) for domain in domains],
        "replies": [one.reason for one in unsent],
        "attempts": [one.attempts for one in unsent],
        "email_ids": [one.email_id for one in unsent],
        "streams": [one.stream for one in unsent],
    }
    events = [
        NewEvent(
            _EVENTS[state],
            one.contact_id,
            one.message_id,
            source_kind.value,
            one.stream_uid,
            {"reason": one.reason} if one.reason else {},
        )
        for one in unsent
    ]
    return [
        Ask(load_sql("messages", "insert_outcomes"), parameters),
        ask_to_insert_events(account_id, events, now=now),
    ]
