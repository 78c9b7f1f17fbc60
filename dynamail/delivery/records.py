"""The records that the parts of the worker hand to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from dynamail.protocols.smtp.envelopes import Dialog, Envelope


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message, in the words of the log. `deferred`, `returned`
    and `postponed` are not final and never logged.

    `returned` was not tried, or not to the end, through no fault of its own; nor was `postponed`, but the way of the others is open.
    Both wait for `wait` seconds. `is_hard`: the address must not be written to again.
    """

    state: str
    bounce_class: str = ""
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    is_hard: bool = False
    wait: float = 0.0
    reason: str = ""  # of the gate
    dialog: Dialog | None = None  # of a single message


DELIVERED, BOUNCED, SUPPRESSED = "delivered", "bounced", "suppressed"
CANCELED, EXPIRED, UNKNOWN = "canceled", "expired", "unknown"
DEFERRED, RETURNED, POSTPONED = "deferred", "returned", "postponed"
MARKETING, TRANSACTIONAL = "marketing", "transactional"  # streams


class Owner(Protocol):
    """Who waits for a parcel's result: a chunk's run or the outbox lane. Nobody waits behind the parcels of a patient one."""

    @property
    def is_patient(self) -> bool: ...

    def take_result(self, parcel: Parcel, result: Result) -> None: ...


@dataclass(slots=True, eq=False)
class Parcel:
    """One message on its way through this worker. Changed in place: it lives for milliseconds and there are many."""

    owner: Owner
    account_id: int
    message_id: UUID
    email: str
    compose: Callable[[Parcel, datetime], Envelope]
    contact_id: UUID | None = None
    source_id: UUID | None = None  # of a campaign; None for single messages
    topic_id: int | None = None  # consent to it is asked for
    address_hash: bytes = b""
    email_key: str = ""  # the folded address, of single messages
    position: int = 0  # in its chunk
    gated_at: float = 0.0  # loop time of the gate's last answer
    stopped: Result | None = None  # why it must not be sent after all
    tries: int = 0  # connections that failed under it in this attempt
    is_probe: bool = False  # pulled to try a way that had failed
    is_urgent: bool = False  # pulled from the urgent queue, where a lost connection gives it back
    size: int = 0  # octets, once composed
    stream: str = TRANSACTIONAL  # its kind
    stream_key: str = ""  # of an account's own stream
    to_mailbox: bool = False  # whatever the account's transports are
    sender_domain: str = ""  # of From: A-labels, lower case
    transport_id: int | None = None  # of the way that pulled it last; None before, and for the Mailbox


@dataclass(frozen=True, slots=True)
class ChunkLease:
    """A chunk that this worker holds, as it was when claimed or taken over."""

    shard: int
    id: UUID
    account_id: int
    source_id: UUID
    lane: int
    tag: float
    contact_ids: tuple[UUID, ...]
    done: int
    started: int
    epoch: int
    worker: UUID  # in whose name it is held: ours, or a dead worker's whose chunk we settle

    @property
    def size(self) -> int:
        return len(self.contact_ids)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A waiting message that this worker holds."""

    shard: int
    id: UUID
    account_id: int
    source_kind: str
    source_id: UUID | None
    contact_id: UUID | None
    recipient: str
    payload: dict | None
    attempts: int
    in_doubt: bool
    last_code: int
    last_reply: str
    created_at: datetime
    email_id: UUID | None = None
    stream: str = ""
    topic_id: int | None = None
    to_mailbox: bool = False
    one_time_sealed: bytes | None = None

    @property
    def is_campaign(self) -> bool:
        return self.source_kind == "campaign"
