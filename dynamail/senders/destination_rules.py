"""An account's own limits towards destinations, and what its workers have learned there."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.senders.destinations import (
    LIMIT_NAMES,
    MOST_CONNECTIONS,
    MOST_MESSAGES,
    MOST_PER_SECOND,
    Destination,
    DestinationLimits,
    find_destination,
    load_destinations,
)
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DestinationRule, DestinationState, Transport

BOUNDS = {"connections": MOST_CONNECTIONS, "per_second": MOST_PER_SECOND}
_SITE = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@dataclass(frozen=True)
class Lesson:
    """A destination that asks for less. `until` None: it is open, with `factor` of its rate and connections."""

    transport: Transport | None  # None: it was removed
    transport_id: int
    site: str
    title: str
    until: datetime | None
    factor: float
    reason: str
    changed_at: datetime


@dataclass(frozen=True)
class KnownDestination:
    """One line of the page: what is built in, what the account changed."""

    name: str  # of a built-in destination, or a site
    title: str
    sites: tuple[str, ...]
    limits: DestinationLimits
    rules: list[DestinationRule] = field(default_factory=list)


@transaction.atomic
def set_destination_rule(
    account: Account,
    *,
    site: str,
    transport: Transport | None,
    limits: DestinationLimits,
    by: Member,
) -> DestinationRule:
    """Set the account's own limits; those that are None are the built-in ones. `site`: a destination's name or an MX site.

    Raises SenderError (`destination.unknown`, `destination.limit`, `destination.empty`).
    """
    site = read_site(site)
    _check_limits(limits)
    rule, _created = DestinationRule.objects.for_account(account).update_or_create(
        account_id=account.pk, transport=transport, site=site, defaults=asdict(limits)
    )
    record_audit(
        account.pk,
        by=by,
        action="destination_rule.set",
        subject=rule,
        destination=site,
        transport=transport.name if transport else "",
        **asdict(limits),
    )
    return rule


@transaction.atomic
def remove_destination_rule(rule: DestinationRule, *, by: Member) -> None:
    """The built-in limits count again."""
    record_audit(
        rule.account_id, by=by, action="destination_rule.removed", subject=rule, destination=rule.site
    )
    rule.delete()


@transaction.atomic
def retry_destination(account: Account, *, transport_id: int, site: str, by: Member) -> bool:
    """Forget what replies taught: the workers try again within seconds. False when there was nothing to forget."""
    states = DestinationState.objects.for_account(account).filter(transport_id=transport_id, site=site)
    forgotten, _rows = states.delete()
    if forgotten:
        record_audit(account.pk, by=by, action="destination.retried", destination=site or _("relay"))
    return bool(forgotten)


def read_site(typed: str) -> str:
    """A destination's name or an MX site, as it is stored. Raises SenderError."""
    site = typed.strip().rstrip(".").lower()
    if any(site == destination.name for destination in load_destinations()):
        return site
    try:
        site = site.encode("idna").decode("ascii")
    except UnicodeError:
        site = ""
    if not _SITE.fullmatch(site):
        raise SenderError(
            "destination.unknown",
            _("Write the domain of the mail hosts, such as example.com, without “mx.” in front."),
        )
    return site


def list_destinations(account: Account) -> list[KnownDestination]:
    """All built-in destinations and the sites that the account named, each with the account's own rules."""
    rules: dict[str, list[DestinationRule]] = defaultdict(list)
    found = DestinationRule.objects.for_account(account).select_related("transport")
    for rule in found.order_by("site", "transport__name"):
        rules[rule.site].append(rule)
    known = [_describe(destination, rules.pop(destination.name, [])) for destination in load_destinations()]
    own = [
        KnownDestination(site, site, (), find_destination(site).limits, rules[site]) for site in sorted(rules)
    ]
    return [*known, *own]


def list_lessons(account: Account, *, now: datetime) -> list[Lesson]:
    """Destinations that are closed now or slowed down, the closed ones first."""
    states = DestinationState.objects.for_account(account)
    transports = {transport.pk: transport for transport in Transport.objects.for_account(account)}
    lessons = [
        Lesson(
            transport=transports.get(state.transport_id),
            transport_id=state.transport_id,
            site=state.site,
            title=find_title(state.site),
            until=state.until if state.until and state.until > now else None,
            factor=state.factor,
            reason=state.reason,
            changed_at=state.changed_at,
        )
        for state in states
        if state.factor < 1 or (state.until and state.until > now)
    ]
    return sorted(lessons, key=lambda lesson: (lesson.until is None, lesson.title, lesson.transport_id))


def find_title(site: str) -> str:
    """The destination's title, or the site itself when it is not known. "" is a relay."""
    destination = find_destination(site)
    return destination.title if site and site in destination.sites else site


def _describe(destination: Destination, rules: list[DestinationRule]) -> KnownDestination:
    return KnownDestination(destination.name, destination.title, destination.sites, destination.limits, rules)


def _check_limits(limits: DestinationLimits) -> None:
    if all(getattr(limits, name) is None for name in LIMIT_NAMES):
        raise SenderError(
            "destination.empty", _("Set at least one limit, or remove the rule to use the built-in ones.")
        )
    for name in LIMIT_NAMES:
        value = getattr(limits, name)
        if value is not None and not 0 < value <= BOUNDS.get(name, MOST_MESSAGES):
            raise SenderError("destination.limit", _("A limit is greater than zero."))
