"""Saying it again: a test, one delivery, or a range of the log with what an endpoint missed while it was off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.background import queue_work, report_progress
from dynamail.accounts.models import ApiKey, BackgroundWork, Member, User
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.working import WorkRefused, begin_work, ending_work
from dynamail.events.models import Event
from dynamail.events.tailing import LoggedEvent
from dynamail.lib.ids import lowest_id, new_id
from dynamail.webhooks.endpoints import wants
from dynamail.webhooks.errors import WebhookError, not_authorized
from dynamail.webhooks.kinds import ALL, KINDS, TEST
from dynamail.webhooks.models import WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.payloads import make_test_payload
from dynamail.webhooks.queueing import queue_follow, queue_replay
from dynamail.webhooks.spreading import make_deliveries

KIND = "webhooks.replay"  # of the work in the background
BLOCK = 1_000  # events in one transaction
LONGEST_RANGE = timedelta(days=30)
State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Events from `since` until before `until`. Without kinds: all that the endpoint wants. `only_missing` leaves out what was delivered."""

    since: datetime
    until: datetime
    kinds: tuple[str, ...] = ()
    only_missing: bool = True


@transaction.atomic
def send_test(endpoint: WebhookEndpoint, *, by: Actor, now: datetime) -> WebhookDelivery:
    """One message, tried once. Raises WebhookError when nothing may be sent."""
    _check_ready(endpoint)
    delivery = WebhookDelivery.objects.add(
        endpoint.account_id,
        id=new_id(now),
        created_at=now,
        endpoint_id=endpoint.pk,
        event_id=new_id(now),
        kind=TEST,
        payload=make_test_payload(now=now),
        next_at=now,
        requested_by="test",
    )
    record_audit(endpoint.account_id, by=by, action="webhook.tested", subject=endpoint, url=endpoint.url)
    queue_follow()
    return delivery


@transaction.atomic
def replay_delivery(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery, *, by: Actor, now: datetime
) -> None:
    """Send one again, now, with the same `webhook-id`, and as often as a new one where it fails. Raises WebhookError."""
    _check_ready(endpoint)
    if delivery.kind != TEST and not wants(endpoint, delivery.kind):
        raise WebhookError(
            "not_wanted",
            _("This webhook is not told of %s any more: choose the event first.") % delivery.kind,
        )
    if not _queue_again(endpoint, [delivery.id], now):
        raise WebhookError(
            "not_replayable",
            _("It is on its way at this moment, or what it said was erased with its person."),
        )
    record_audit(
        endpoint.account_id,
        by=by,
        action="webhook.replayed",
        subject=endpoint,
        delivery=delivery.public_id,
    )
    queue_follow()


@transaction.atomic
def replay_range(
    endpoint: WebhookEndpoint, wanted: ReplayRange, *, by: Actor, now: datetime
) -> BackgroundWork:
    """Go through the log in the background. Raises WebhookError."""
    _check_ready(endpoint)
    _check_range(wanted, now)
    work = queue_work(
        endpoint.account_id,
        kind=KIND,
        title=_("Webhooks again: %s") % endpoint,
        by=_user_of(by),
        subject_id=endpoint.public_id,
    )
    work.result = {
        "since": wanted.since.isoformat(),
        "until": wanted.until.isoformat(),
        "kinds": list(wanted.kinds),
        "only_missing": wanted.only_missing,
    }
    work.save(update_fields=["result"])
    record_audit(endpoint.account_id, by=by, action="webhook.range_replayed", subject=endpoint, **work.result)
    queue_replay(endpoint.account_id, work.pk)
    return work


def run_replay(work: BackgroundWork, *, now: datetime) -> int:
    """The work itself: doing a part of it again changes nothing. Returns how many deliveries it queued."""
    if not begin_work(work, now=now):
        return 0
    with ending_work(work, now=now) as result:
        result["queued"] = 0
        with account_scope(work.account_id):
            endpoint = WebhookEndpoint.objects.for_account(work.account_id).get(
                uid=WebhookEndpoint.uid_from(work.subject_id)
            )
        if endpoint.removed_at is not None:
            raise WorkRefused(_("This webhook was removed meanwhile."))
        wanted, seen = _read_range(work.result), 0
        for events in _walk(work.account_id, endpoint, wanted):
            with account_scope(work.account_id):
                result["queued"] += _replay_events(endpoint, events, wanted, now)
            seen += len(events)
            report_progress(work, done=seen)
    if result["queued"]:
        queue_follow()
    return int(result["queued"])


def _replay_events(
    endpoint: WebhookEndpoint, events: Sequence[LoggedEvent], wanted: ReplayRange, now: datetime
) -> int:
    """Those that have no delivery get one; those that have one are due again."""
    rows = WebhookDelivery.objects.for_account(endpoint.account_id).filter(
        endpoint_id=endpoint.pk, event_id__in=[one.id for one in events]
    )
    known = {
        event_id: (delivery, state)
        for event_id, delivery, state in rows.values_list("event_id", "id", "state")
    }
    made = make_deliveries(
        endpoint.account_id, [endpoint], [one for one in events if one.id not in known], now=now
    )
    again = [
        delivery
        for delivery, state in known.values()
        if not (wanted.only_missing and state == State.DELIVERED)
    ]
    return made + _queue_again(endpoint, again, now)


def _queue_again(endpoint: WebhookEndpoint, ids: Sequence[UUID], now: datetime) -> int:
    """A new round for those that nobody holds."""
    rows = WebhookDelivery.objects.for_account(endpoint.account_id).filter(
        endpoint_id=endpoint.pk, id__in=list(ids), claim=None, payload__isnull=False
    )
    return rows.update(state=State.WAITING, attempts=0, next_at=now, error="", requested_by="replay")


def _walk(account_id: int, endpoint: WebhookEndpoint, wanted: ReplayRange) -> Iterator[list[LoggedEvent]]:
    """The events of the range, by id, which is by time."""
    kinds = [kind for kind in wanted.kinds or KINDS if wants(endpoint, kind)]
    after, end = lowest_id(wanted.since), lowest_id(wanted.until)
    while True:
        with account_scope(account_id):
            rows = Event.objects.for_account(account_id).filter(id__gt=after, id__lt=end, kind__in=kinds)
            found = [_read_event(row) for row in rows.order_by("id")[:BLOCK]]
        if not found:
            return
        yield found
        after = found[-1].id


def _read_event(row: Event) -> LoggedEvent:
    data: Any = json.loads(row.data) if isinstance(row.data, str) else row.data
    return LoggedEvent(
        row.account_id,
        row.id,
        row.at,
        row.kind,
        row.contact_id,
        row.message_id,
        row.source_kind,
        row.source_id,
        data,
    )


def _read_range(kept: dict[str, Any]) -> ReplayRange:
    return ReplayRange(
        datetime.fromisoformat(kept["since"]),
        datetime.fromisoformat(kept["until"]),
        tuple(kept["kinds"]),
        bool(kept["only_missing"]),
    )


def _check_ready(endpoint: WebhookEndpoint) -> None:
    if not endpoint.is_authorized:
        raise not_authorized()
    if endpoint.state != WebhookEndpoint.State.ACTIVE:
        raise WebhookError("not_active", _("This webhook is paused or switched off: resume it first."))


def _check_range(wanted: ReplayRange, now: datetime) -> None:
    if wanted.since >= wanted.until:
        raise WebhookError("bad_range", _("The range begins after it ends."), field="until")
    if wanted.since < now - LONGEST_RANGE:
        day = timezone.localtime(now - LONGEST_RANGE).date().isoformat()
        raise WebhookError(
            "bad_range", _("What is older than 30 days is not sent again: begin at %s.") % day, field="since"
        )
    unknown = sorted(set(wanted.kinds) - {*KINDS, ALL})
    if unknown:
        raise WebhookError("unknown_event", _("There is no event %s.") % unknown[0][:40], field="events")


def _user_of(by: Actor) -> User | None:
    match by:
        case Member():
            return by.user
        case ApiKey():
            return by.created_by
    return by
