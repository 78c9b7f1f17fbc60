"""The log of single mail: what was asked to be sent, by whom, and what became of each recipient's copy.

An email's state is not kept: it is that of its messages. What has ended is in `message`, what waits is in `outbox`. So a question about
states or recipients is asked there first, and answers with the emails that it leads to, the latest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import groupby, islice
from typing import Any
from uuid import UUID

from django.db.models import F, Lookup, Q, QuerySet
from django.db.models.functions import Lower

from dynamail.events.models import Event
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, lowest_id, to_public_id
from dynamail.messages.email_reactions import find_campaigns_with_reaction, has_reaction, walk_reactions
from dynamail.messages.models import Email, EmailBody, Message, Outbox, SourceKind

PAGE_SIZE = 50
TIMELINE_SIZE = 500  # events of one email that are read
SINGLE_KINDS = (SourceKind.API.value, SourceKind.SMTP.value)
_LAST = "\U0010ffff"  # after whatever an address goes on with
_LINE_FIELDS = (
    "id",
    "at",
    "source_kind",
    "api_key_id",
    "stream",
    "from_email",
    "from_name",
    "subject",
    "recipients",
    "tags",
    "send_at",
    "is_test",
)


class MailState(StrEnum):
    """Of one recipient's copy, and of an email: there the first of this list that one of its copies has."""

    BOUNCED = "bounced"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # the connection ended between the final dot and the reply
    DEFERRED = "deferred"  # a temporary failure; another attempt will be made
    QUEUED = "queued"
    SCHEDULED = "scheduled"  # its time has not come
    ACCEPTED = "accepted"  # nothing is known of it any more but that it was taken
    SUPPRESSED = "suppressed"
    DELIVERED = "delivered"
    CANCELED = "canceled"


WAITING = (MailState.SCHEDULED, MailState.QUEUED, MailState.DEFERRED)
_RANK = {state: place for place, state in enumerate(MailState)}


@dataclass(frozen=True)
class EmailFilter:
    """What to list; an empty field does not narrow. `recipient` is how the address begins, in any case: a whole one is its own beginning."""

    state: str = ""  # a MailState
    reaction: str = ""  # a Reaction: what one of its recipients did
    tag: str = ""
    recipient: str = ""
    stream: str = ""  # its key
    source_kind: str = ""  # api, smtp
    is_test: bool | None = None
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    subject: str = ""  # in it; asked of every email of the period, so name a period

    @property
    def is_empty(self) -> bool:
        return self == EmailFilter()

    @property
    def narrows_emails(self) -> bool:
        """Does it ask something that messages do not tell?"""
        asked = (self.tag, self.stream, self.source_kind, self.subject)
        return any(asked) or self.is_test is not None


@dataclass(frozen=True)
class RecipientView:
    """One recipient's copy. `reply` is the server's word: hostile text."""

    message_id: UUID
    email: str
    name: str
    kind: str  # to, cc, bcc
    state: MailState
    at: datetime | None = None  # of the outcome
    run_at: datetime | None = None  # of the next attempt
    attempts: int = 0
    smtp_code: int = 0
    enhanced_code: str = ""
    reply: str = ""
    bounce_class: str = ""
    contact_id: UUID | None = None
    size: int = 0  # octets on the wire, once it was sent

    @property
    def public_id(self) -> str:
        return to_public_id("msg", self.message_id)


@dataclass(frozen=True)
class EmailLine:
    """An email in a list, without its content."""

    id: UUID
    at: datetime
    source_kind: str
    api_key_id: int | None
    stream: str
    from_email: str
    from_name: str
    subject: str
    recipients: tuple[RecipientView, ...]
    tags: tuple[str, ...]
    send_at: datetime | None
    is_test: bool

    @property
    def public_id(self) -> str:
        return to_public_id("eml", self.id)

    @property
    def state(self) -> MailState:
        return find_state(self.recipients)


@dataclass(frozen=True)
class EmailView:
    """An email with all that is known of it. `body` is None when its retention ended. The timeline is oldest first."""

    email: Email
    body: EmailBody | None
    recipients: tuple[RecipientView, ...]
    timeline: tuple[Event, ...]

    @property
    def state(self) -> MailState:
        return find_state(self.recipients)

    @property
    def size(self) -> int | None:
        """Octets on the wire of the first copy that was sent, with its signatures; None before."""
        return next((one.size for one in self.recipients if one.size), None)

    @property
    def waiting(self) -> tuple[RecipientView, ...]:
        return tuple(one for one in self.recipients if one.state in WAITING)


def begins_with(address: str, beginning: str) -> bool:
    """Is the address one that a filter's `recipient` means?"""
    return address.lower().startswith(beginning.lower())


def find_state(recipients: Iterable[RecipientView]) -> MailState:
    """The state that asks for attention first."""
    return min((one.state for one in recipients), key=_RANK.__getitem__, default=MailState.ACCEPTED)


class _BeginsWith(Lookup):
    """Whatever the case of what is looked for; the left side is folded already. LIKE would not use the index here: row-level security lets
    only leakproof operators look before its own condition."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        values = (*parameters, self.rhs, *parameters, f"{self.rhs}{_LAST}")
        return f"({left} ~>=~ lower(%s) AND {left} ~<~ lower(%s))", values


# ── One ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def find_email(account_id: int, email_id: UUID | str) -> EmailView | None:
    """By its id, also the public one; None for one that is not the account's, or older than its log."""
    if isinstance(email_id, str):
        try:
            email_id = from_public_id("eml", email_id)
        except UnknownId:
            return None
    email = Email.objects.for_account(account_id).filter(id=email_id).first()
    if email is None:
        return None
    recipients = _view_recipients(account_id, [email])[email.id]
    return EmailView(
        email=email,
        body=EmailBody.objects.for_account(account_id).filter(id=email.id).first(),
        recipients=recipients,
        timeline=_list_events(account_id, email, recipients),
    )


def find_email_of_message(account_id: int, message_id: UUID) -> UUID | None:
    """The email whose copy this message is, when it is one of single mail."""
    found: Any
    for model in (Message, Outbox):
        found = model.objects.for_account(account_id).filter(id=message_id).values_list("email_id", flat=True)
        if email_id := found.first():
            return email_id
    return None


def _list_events(account_id: int, email: Email, recipients: Sequence[RecipientView]) -> tuple[Event, ...]:
    """Index: event_single_message. The bound by id leaves the partitions before the email out."""
    rows = Event.objects.for_account(account_id).filter(
        message_id__in=[one.message_id for one in recipients],
        source_kind__in=SINGLE_KINDS,
        id__gte=lowest_id(email.at),
    )
    return tuple(sorted(rows.order_by("id")[:TIMELINE_SIZE], key=lambda event: (event.at, event.id)))


# ── Many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def list_emails(
    account_id: int, *, filters: EmailFilter, before: UUID | None = None, limit: int = PAGE_SIZE
) -> list[EmailLine]:
    """Up to `limit` emails, the latest first, from those before the id of the last that was seen."""
    rows = _narrow(Email.objects.for_account(account_id).only(*_LINE_FIELDS), filters)
    if filters.reaction and not filters.recipient:
        found = _list_reacted(account_id, rows, filters, before, limit)
    else:
        if filters.state or filters.recipient:
            rows = _follow(account_id, rows, filters, before, limit)
        found = list(_page(rows, before)[:limit])
    views = _view_recipients(account_id, found)
    return [_make_line(email, views[email.id]) for email in found]


def list_campaign_messages(
    account_id: int,
    contact_ids: Sequence[UUID],
    *,
    filters: EmailFilter,
    before: UUID | None = None,
    limit: int = PAGE_SIZE,
) -> list[Message]:
    """What these contacts got by campaigns and scenarios and how it ended, the latest first. Index: message_contact."""
    rows = Message.objects.for_account(account_id).filter(contact_id__in=contact_ids, email_id=None)
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.reaction:
        sources = find_campaigns_with_reaction(account_id, contact_ids, filters.reaction)
        rows = rows.filter(source_id__in=sources)
    rows = _limit_period(rows, filters)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def _follow(
    account_id: int, rows: QuerySet[Email], filters: EmailFilter, before: UUID | None, limit: int
) -> QuerySet[Email]:
    """Those whose messages fit. The ids are found first where nothing else narrows: the first of them are the first of all."""
    sources = _list_sources(account_id, filters)
    if not filters.narrows_emails:
        return rows.filter(id__in=_find_ids(sources, filters, before, limit))
    first, *others = [_limit_period(one, filters, field="email_id").values("email_id") for one in sources]
    return rows.filter(id__in=first.union(*others) if others else first)


def _list_reacted(
    account_id: int, rows: QuerySet[Email], filters: EmailFilter, before: UUID | None, limit: int
) -> list[Email]:
    """Those whose recipients did it: their messages are walked in the order of the log, and whatever else is asked is asked of each block."""
    found: list[Email] = []
    ended = _ended(account_id, filters)
    blocks = walk_reactions(
        account_id, filters.reaction, before=before, since=filters.since, until=filters.until
    )
    for ids in blocks:
        emails = ended.filter(id__in=ids).values_list("email_id", flat=True)
        wanted = {email_id for email_id in emails if email_id}
        found += _page(rows.filter(id__in=wanted), before)[: limit - len(found)]
        if len(found) >= limit:
            break
    return found


def _list_sources(account_id: int, filters: EmailFilter) -> list[Any]:
    """What ended and what waits, as far as the state may be there. What ended is asked twice for a recipient, each time by another index:
    one has the addresses in lower case, one those that were written otherwise."""
    waits = not filters.reaction and (not filters.state or filters.state in WAITING)
    ended = not filters.state or filters.state not in WAITING or bool(filters.reaction)
    return [
        *([_waiting(account_id, filters)] if waits else []),
        *(_list_ended(account_id, filters) if ended else []),
    ]


def _find_ids(sources: Sequence[Any], filters: EmailFilter, before: UUID | None, limit: int) -> list[UUID]:
    """Ids of up to `limit` emails, descending. Each source brings its own latest, so the first of both are the first of all."""
    found = [_page_ids(rows, filters, before, limit) for rows in sources]
    return [email_id for email_id, _same in islice(groupby(merge(*found, reverse=True)), limit)]


def _ended(account_id: int, filters: EmailFilter) -> QuerySet[Message]:
    """Indexes: message_unhappy; for what was delivered message_email."""
    rows = Message.objects.for_account(account_id).filter(email_id__isnull=False)
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.reaction and filters.recipient:
        rows = rows.filter(has_reaction(account_id, filters.reaction))
    return rows


def _list_ended(account_id: int, filters: EmailFilter) -> list[QuerySet[Message]]:
    """Indexes: message_recipient and message_recipient_folded."""
    rows = _ended(account_id, filters)
    if not filters.recipient:
        return [rows]
    places = (F("recipient"), F("recipient_folded"))
    return [rows.filter(_BeginsWith(place, filters.recipient)) for place in places]


def _waiting(account_id: int, filters: EmailFilter) -> QuerySet[Outbox]:
    """Index: outbox_email."""
    rows = Outbox.objects.for_account(account_id).filter(email_id__isnull=False)
    match filters.state:
        case MailState.SCHEDULED:
            rows = rows.filter(attempts=0, run_at__gt=utc_now())
        case MailState.QUEUED:
            rows = rows.filter(attempts=0, run_at__lte=utc_now())
        case MailState.DEFERRED:
            rows = rows.filter(attempts__gt=0)
    return rows.filter(_BeginsWith(Lower("recipient"), filters.recipient)) if filters.recipient else rows


def _page_ids(rows: Any, filters: EmailFilter, before: UUID | None, limit: int) -> list[UUID]:
    """Each email once, however many of its copies fit."""
    rows = _limit_period(rows, filters, field="email_id")
    if before is not None:
        rows = rows.filter(email_id__lt=before)
    return list(rows.order_by("-email_id").values_list("email_id", flat=True).distinct()[:limit])


def _narrow(rows: QuerySet[Email], filters: EmailFilter) -> QuerySet[Email]:
    """Indexes: email_tags, email_stream, email_test, email_smtp, otherwise the key."""
    rows = _limit_period(rows, filters)
    wanted = {"stream": filters.stream, "source_kind": filters.source_kind}
    rows = rows.filter(**{field: value for field, value in wanted.items() if value})
    if filters.tag:
        rows = rows.filter(tags__contains=[filters.tag])
    if filters.is_test is not None:
        rows = rows.filter(is_test=filters.is_test)
    return rows.filter(subject__icontains=filters.subject) if filters.subject else rows


def _limit_period(rows: Any, filters: EmailFilter, *, field: str = "id") -> Any:
    """By the moments that ids begin with: whole partitions are left out."""
    bounds = Q()
    if filters.since is not None:
        bounds &= Q(**{f"{field}__gte": lowest_id(filters.since)})
    if filters.until is not None:
        bounds &= Q(**{f"{field}__lt": lowest_id(filters.until)})
    return rows.filter(bounds)


def _page(rows: QuerySet[Email], before: UUID | None) -> QuerySet[Email]:
    if before is not None:
        rows = rows.filter(id__lt=before)
    return rows.order_by("-id")


# ── What became of the copies ────────────────────────────────────────────────────────────────────────────────────────
def _view_recipients(account_id: int, emails: Sequence[Email]) -> dict[UUID, tuple[RecipientView, ...]]:
    ids = [email.id for email in emails]
    ended: dict[UUID, Message] = {}
    waiting: dict[UUID, Outbox] = {}
    if ids:
        ended = {row.id: row for row in Message.objects.for_account(account_id).filter(email_id__in=ids)}
        rows = Outbox.objects.for_account(account_id).filter(email_id__in=ids)
        waiting = {row.id: row for row in rows.defer("payload", "one_time_sealed")}
    now, views = utc_now(), defaultdict(tuple)
    for email in emails:
        views[email.id] = tuple(
            _view_recipient(one, ended.get(UUID(one["id"])), waiting.get(UUID(one["id"])), now)
            for one in email.recipients
        )
    return views


def _view_recipient(
    one: dict[str, Any], ended: Message | None, waiting: Outbox | None, now: datetime
) -> RecipientView:
    who = {"email": one["email"], "name": one.get("name", ""), "kind": one.get("kind", "to")}
    message_id = UUID(one["id"])
    if ended is not None:
        return RecipientView(
            message_id,
            **who,
            state=MailState(ended.state),
            at=ended.at,
            attempts=ended.attempts,
            smtp_code=ended.smtp_code,
            enhanced_code=ended.enhanced_code,
            reply=ended.reply,
            bounce_class=ended.bounce_class,
            contact_id=ended.contact_id,
            size=ended.size_bytes,
        )
    if waiting is not None:
        return RecipientView(
            message_id,
            **who,
            state=_find_waiting_state(waiting, now),
            run_at=waiting.run_at,
            attempts=waiting.attempts,
            smtp_code=waiting.last_code,
            reply=waiting.last_reply,
            contact_id=waiting.contact_id,
        )
    return RecipientView(message_id, **who, state=MailState.ACCEPTED)


def _find_waiting_state(row: Outbox, now: datetime) -> MailState:
    if row.attempts:
        return MailState.DEFERRED
    return MailState.SCHEDULED if row.run_at > now else MailState.QUEUED


def _make_line(email: Email, recipients: tuple[RecipientView, ...]) -> EmailLine:
    return EmailLine(
        id=email.id,
        at=email.at,
        source_kind=email.source_kind,
        api_key_id=email.api_key_id,
        stream=email.stream,
        from_email=email.from_email,
        from_name=email.from_name,
        subject=email.subject,
        recipients=recipients,
        tags=tuple(email.tags),
        send_at=email.send_at,
        is_test=email.is_test,
    )
