"""Warming a transport up: starting and stopping a plan, and how much of today is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.senders.errors import SenderError
from dynamail.senders.limit_keys import DAY, HOUR, account_key, transport_key, window_row
from dynamail.senders.models import ThrottleBucket, Transport
from dynamail.senders.warmup_plans import find_allowance, find_warmup_day, make_warmup_plan


@dataclass(frozen=True)
class Warmup:
    """A plan on its way. `day` counts from 1; `allowance` is today's, `used` what was sent today through the transport."""

    plan: list[int]
    day: int
    allowance: int
    used: int

    @property
    def days(self) -> int:
        return len(self.plan)

    @property
    def target(self) -> int:
        return self.plan[-1]


@dataclass(frozen=True)
class AccountUse:
    """The operator's limits for an account and what is used of them; None: no limit."""

    per_hour: int | None
    per_day: int | None
    this_hour: int
    today: int


@transaction.atomic
def start_warmup(
    transport: Transport, *, target_per_day: int, days: int, by: Member, now: datetime
) -> Transport:
    """Limit the transport by a plan that begins today (UTC). A plan that is on its way is replaced.

    Raises SenderError (`warmup.bounds`).
    """
    try:
        plan = make_warmup_plan(target_per_day, days=days)
    except ValueError as error:
        raise SenderError("warmup.bounds", _("The plan cannot be made: %s") % error) from error
    started_on = now.astimezone(UTC).date()
    _rows(transport).update(warmup_started_on=started_on, warmup_plan=plan)
    record_audit(
        transport.account_id,
        by=by,
        action="transport.warmup_started",
        subject=transport,
        target_per_day=target_per_day,
        days=days,
    )
    transport.warmup_started_on, transport.warmup_plan = started_on, plan
    return transport


@transaction.atomic
def stop_warmup(transport: Transport, *, by: Member) -> bool:
    """From now on only the transport's own limits count. False when no plan was set."""
    stopped = _rows(transport).exclude(warmup_started_on=None).update(warmup_started_on=None, warmup_plan=[])
    if stopped:
        record_audit(transport.account_id, by=by, action="transport.warmup_stopped", subject=transport)
    transport.warmup_started_on, transport.warmup_plan = None, []
    return bool(stopped)


def find_warmup(transport: Transport, *, now: datetime) -> Warmup | None:
    """The plan that limits the transport today; None when there is none, or it is over."""
    today = now.astimezone(UTC).date()
    allowance = find_allowance(transport.warmup_plan, transport.warmup_started_on, today)
    if allowance is None:
        return None
    row = window_row(transport_key(transport.pk), DAY, now)
    used = _count_used(transport.account_id, row)
    return Warmup(
        list(transport.warmup_plan),
        max(1, find_warmup_day(transport.warmup_started_on, today)),
        allowance,
        used,
    )


def find_account_use(account: Account, *, now: datetime) -> AccountUse:
    """What of the operator's limits is used. Workers hold some tokens in advance: it may say a little too much."""
    key = account_key()
    return AccountUse(
        account.messages_per_hour,
        account.messages_per_day,
        _count_used(account.pk, window_row(key, HOUR, now)),
        _count_used(account.pk, window_row(key, DAY, now)),
    )


def _count_used(account_id: int, row: str) -> int:
    tokens = ThrottleBucket.objects.for_account(account_id).filter(key=row).values_list("tokens", flat=True)
    return round(tokens.first() or 0)


def _rows(transport: Transport):  # type: ignore[no-untyped-def]  # a queryset of one row
    return Transport.objects.for_account(transport.account_id).filter(pk=transport.pk)
