"""How transports fare: figures of the last day, what the workers say now, what replies taught, and one word for all of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dynamail.senders.models import DestinationState, Transport, TransportHour

HOURS = 24
SLOW_SHARE = 0.2  # of the answers put off, from which on a transport is called slow
SLOW_FROM = 20  # answers, below which a share says nothing
MAX_WORDS = 500  # of a server that a page shows


@dataclass(frozen=True)
class Figures:
    """Counted outcomes; `failed` are connections."""

    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    failed: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.delivered + other.delivered,
            self.deferred + other.deferred,
            self.bounced + other.bounced,
            self.failed + other.failed,
        )

    @property
    def answered(self) -> int:
        return self.delivered + self.deferred + self.bounced


@dataclass(frozen=True)
class LiveWay:
    """What the deliver workers say about a transport at this moment, all together."""

    connections: int = 0
    queued: int = 0
    is_closed: bool = False
    problem: str = ""
    is_at_limit: bool = False  # one of our own limits is reached; the rest waits


@dataclass(frozen=True)
class Learned:
    """What replies taught about a destination: closed until a time, or a share of the pace. `reason`: the server's words."""

    until: datetime | None
    factor: float
    reason: str
    changed_at: datetime

    def is_closed(self, now: datetime) -> bool:
        return self.until is not None and self.until > now


@dataclass(frozen=True)
class SiteHealth:
    """One destination of a transport during the last day. `site` "" is the relay or provider itself."""

    site: str
    day: Figures
    trend: tuple[int, ...]
    learned: Learned | None


@dataclass(frozen=True)
class Hours:
    """A transport's last day, hour by hour; the last is the hour that is not over yet."""

    starts: tuple[datetime, ...]
    figures: tuple[Figures, ...]

    @property
    def this_hour(self) -> Figures:
        return self.figures[-1]

    @property
    def lately(self) -> Figures:
        """This hour and the one before: an hour that has just begun says nothing."""
        return self.figures[-2] + self.figures[-1]

    @property
    def day(self) -> Figures:
        return sum(self.figures, Figures())

    @property
    def trend(self) -> tuple[int, ...]:
        return tuple(one.delivered for one in self.figures)

    @property
    def failing_since(self) -> datetime | None:
        """The first hour of those in a row, up to now, in which connections failed and nothing was answered."""
        since = None
        for start, figures in zip(reversed(self.starts), reversed(self.figures), strict=True):
            if figures.answered:
                break
            if figures.failed:
                since = start
        return since


@dataclass(frozen=True)
class Health:
    """`state` is off, down, slow, healthy, ready (checked, not used lately), unchecked or checking; `since` and `reason` say more."""

    transport: Transport
    state: str
    hours: Hours
    live: LiveWay
    since: datetime | None = None
    reason: str = ""  # often the server's words: shown as text
    sites: tuple[SiteHealth, ...] = field(default=())

    @property
    def learned(self) -> Learned | None:
        """About the relay or the provider itself."""
        return next((one.learned for one in self.sites if not one.site), None)

    @property
    def destinations(self) -> tuple[SiteHealth, ...]:
        """Empty for a relay or provider, which is the only one."""
        return self.sites if any(one.site for one in self.sites) else ()


def measure_health(
    transports: Sequence[Transport], live: Mapping[int, LiveWay], *, now: datetime
) -> list[Health]:
    """Each transport's health, in the order given. `live` by transport id; they are all of one account."""
    if not transports:
        return []
    account_id = transports[0].account_id
    ids = [transport.pk for transport in transports]
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    starts = tuple(first + timedelta(hours=number) for number in range(HOURS))
    rows = list(TransportHour.objects.for_account(account_id).filter(transport_id__in=ids, hour__gte=first))
    states = DestinationState.objects.for_account(account_id).filter(transport_id__in=ids)
    learned: dict[int, dict[str, Learned]] = defaultdict(dict)
    for state in states:
        if state.factor < 1 or (state.until and state.until > now):
            reason = state.reason[:MAX_WORDS]
            learned[state.transport_id][state.site] = Learned(
                state.until, state.factor, reason, state.changed_at
            )
    return [
        judge_health(
            transport,
            Hours(starts, count_hours((row for row in rows if row.transport_id == transport.pk), starts)),
            _list_sites(
                [row for row in rows if row.transport_id == transport.pk], learned[transport.pk], starts
            ),
            live.get(transport.pk, LiveWay()),
            now=now,
        )
        for transport in transports
    ]


def judge_health(
    transport: Transport, hours: Hours, sites: tuple[SiteHealth, ...], live: LiveWay, *, now: datetime
) -> Health:
    """One word for it, with since when and why."""
    state, since, reason = _judge(transport, hours, sites, live, now)
    return Health(transport, state, hours, live, since, reason[:MAX_WORDS], sites)


def count_hours(rows: Iterable[TransportHour], starts: Sequence[datetime]) -> tuple[Figures, ...]:
    """The rows' figures by hour; an hour without a row has none."""
    found: dict[datetime, Figures] = defaultdict(Figures)
    for row in rows:
        found[row.hour] += Figures(row.delivered, row.deferred, row.bounced, row.failed)
    return tuple(found[start] for start in starts)


def _list_sites(
    rows: list[TransportHour], learned: Mapping[str, Learned], starts: Sequence[datetime]
) -> tuple[SiteHealth, ...]:
    """Busiest first. A destination of which only something learned is left is listed too."""
    names = {row.site for row in rows} | set(learned)
    found = []
    for name in names:
        figures = count_hours((row for row in rows if row.site == name), starts)
        day = sum(figures, Figures())
        found.append(SiteHealth(name, day, tuple(one.delivered for one in figures), learned.get(name)))
    return tuple(sorted(found, key=lambda one: (-one.day.answered - one.day.failed, one.site)))


def _judge(
    transport: Transport, hours: Hours, sites: tuple[SiteHealth, ...], live: LiveWay, now: datetime
) -> tuple[str, datetime | None, str]:
    if not transport.is_enabled:
        return "off", None, ""
    itself = next((one.learned for one in sites if not one.site), None)
    if breakdown := _find_breakdown(transport, hours, itself, live, now):
        return "down", *breakdown
    if slow := _find_slowness(hours, sites, itself, live, now):
        return "slow", itself.changed_at if itself else None, slow
    if hours.day.delivered:
        return "healthy", None, ""
    return _judge_unused(transport)


def _find_breakdown(
    transport: Transport, hours: Hours, itself: Learned | None, live: LiveWay, now: datetime
) -> tuple[datetime | None, str] | None:
    """Since when nothing goes through, and why; None while something does. The one destination that is busy says little."""
    is_one_of_many = transport.kind == Transport.Kind.MX and hours.lately.delivered > 0
    if live.is_closed and not live.is_at_limit and not is_one_of_many:
        return hours.failing_since or (itself.changed_at if itself else None), live.problem
    if itself and itself.is_closed(now):
        return itself.changed_at, itself.reason
    if hours.lately.failed and not hours.lately.answered:
        return hours.failing_since, _("No connection succeeded lately.")
    return None


def _find_slowness(
    hours: Hours, sites: tuple[SiteHealth, ...], itself: Learned | None, live: LiveWay, now: datetime
) -> str:
    """Why it does less than it could, as a sentence; "" when it does not."""
    lately = hours.lately
    closed = sum(1 for one in sites if one.site and one.learned and one.learned.is_closed(now))
    if itself:
        return itself.reason or _("The server asked for less.")
    if live.is_at_limit:
        return _("Its limit of messages is reached; the rest waits.")
    if closed:
        return (
            _("%d destinations are closed for a while.") % closed
            if closed > 1
            else _("One destination is closed for a while.")
        )
    if lately.answered >= SLOW_FROM and lately.deferred > SLOW_SHARE * lately.answered:
        return _("The server puts off much of the mail.")
    if lately.failed:
        return _("Some connections failed lately.")
    return ""


def _judge_unused(transport: Transport) -> tuple[str, datetime | None, str]:
    check = transport.check_result or {}
    if check.get("running"):
        return "checking", None, ""
    if not transport.checked_at:
        return "unchecked", None, ""
    if check.get("ok"):
        return "ready", None, ""
    words = next((step.get("text", "") for step in check.get("steps", []) if step.get("ok") is False), "")
    return "down", transport.checked_at, str(words)
