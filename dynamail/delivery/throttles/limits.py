"""Which limits a way out obeys: its transport's, its destination's, its account's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dynamail.senders.destinations import DestinationLimits, find_destination
from dynamail.senders.limit_keys import DAY, HOUR, account_key, site_key, transport_key
from dynamail.senders.warmup_plans import find_allowance

MAILBOX = 0  # transport of what never leaves


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """`site` is "" for relays and APIs; transport 0 is the Mailbox."""

    account_id: int
    transport_id: int
    site: str


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """What a row of `transport` allows to all workers together."""

    rate_per_second: float | None
    connections: int
    per_hour: int | None
    per_day: int | None
    warmup_started_on: date | None
    warmup_plan: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` messages in `seconds`. Up to a minute it is a pace, kept evenly; an hour or a day of UTC is counted exactly."""

    account_id: int
    key: str
    amount: float
    seconds: int

    @property
    def is_pace(self) -> bool:
        return self.seconds < HOUR

    @property
    def seconds_per_message(self) -> float:
        """Limits may be 0: then it is as long as the limit counts."""
        return self.seconds / self.amount if self.amount else float(self.seconds)


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The operator's limits for an account and its own rules, by (transport or None for all, site or destination's name)."""

    per_hour: int | None = None
    per_day: int | None = None
    rules: Mapping[tuple[int | None, str], DestinationLimits] = field(default_factory=dict)

    def find_destination_limits(self, transport_id: int, site: str) -> DestinationLimits:
        """The account's own values, the closest rule first, over the built-in ones. None for relays: their site is not known."""
        if not site:
            return DestinationLimits()
        destination = find_destination(site)
        limits = destination.limits
        for place in (
            (None, destination.name),
            (None, site),
            (transport_id, destination.name),
            (transport_id, site),
        ):
            if own := self.rules.get(place):
                limits = own.over(limits)
        return limits


def read_account_limits(rows: Sequence[tuple[Any, ...]]) -> dict[int, AccountLimits]:
    """Rows of load_destination_rules.sql, by account."""
    rules: dict[int, dict[tuple[int | None, str], DestinationLimits]] = {}
    caps: dict[int, tuple[int | None, int | None]] = {}
    for account_id, per_hour, per_day, transport_id, site, *limits in rows:
        caps[account_id] = per_hour, per_day
        if site is not None:
            rules.setdefault(account_id, {})[transport_id, site] = DestinationLimits(*limits)
    return {account_id: AccountLimits(*cap, rules.get(account_id, {})) for account_id, cap in caps.items()}


def list_limits(
    key: ThrottleKey,
    transport: TransportLimits,
    account: AccountLimits,
    destination: DestinationLimits,
    today: date,
) -> Iterator[Limit]:
    """All limits that one way out obeys today. What stays in the Mailbox does not count for the account."""
    of_transport = transport_key(key.transport_id)
    of_site = site_key(key.transport_id, key.site)
    per_day = find_day_limit(transport, today)
    leaves = key.transport_id != MAILBOX
    for name, amount, seconds in (
        (of_transport, transport.rate_per_second, 1),
        (of_transport, transport.per_hour, HOUR),
        (of_transport, per_day, DAY),
        (of_site, destination.per_second, 1),
        (of_site, destination.per_minute, 60),
        (of_site, destination.per_hour, HOUR),
        (of_site, destination.per_day, DAY),
        (account_key(), account.per_hour if leaves else None, HOUR),
        (account_key(), account.per_day if leaves else None, DAY),
    ):
        if amount is not None:
            yield Limit(key.account_id, name, amount, seconds)


def find_day_limit(transport: TransportLimits, today: date) -> int | None:
    """The day's limit of a transport, and of its warm-up while that lasts."""
    allowance = find_allowance(transport.warmup_plan, transport.warmup_started_on, today)
    limits = [limit for limit in (transport.per_day, allowance) if limit is not None]
    return min(limits, default=None)
