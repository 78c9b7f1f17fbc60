"""Routing rules: which transport or pool carries a message. The first rule whose conditions all hold decides.

The rows are turned into `route_matching` rules here for the pages; the deliver worker does the same from SQL.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.protocols.address import parse_address
from dynamail.protocols.dns import Resolver
from dynamail.protocols.mx import UnroutableDomain, find_mail_hosts
from dynamail.senders.models import Pool, RoutingRule, Stream, Transport
from dynamail.senders.pools import list_memberships
from dynamail.senders.route_matching import Rule, Target, find_rule, needs_site

MAILBOX = "Mailbox"
LOOKUP_SECONDS = 2.0


@dataclass(frozen=True)
class RuleSettings:
    """Conditions, of which an empty one holds always, and where to; exactly one of pool and transport is set."""

    stream: str
    sender_domain: str
    recipient_domain: str
    pool: Pool | None
    transport: Transport | None


@dataclass(frozen=True)
class Explanation:
    """Which way a message would take: a sentence, the transports in the order of their part, and who stands by.

    `rule` counts from 1; None when no rule holds. Without transports nothing could carry it.
    """

    sentence: str
    rule: int | None
    transports: tuple[str, ...]
    standby: tuple[str, ...] = ()
    site: str = ""  # that receives the recipient's mail; "" when no rule asked for it


@transaction.atomic
def save_rule(
    account: Account, entered: RuleSettings, *, rule: RoutingRule | None, by: Member, now: datetime
) -> RoutingRule:
    """Create a rule, as the last one, or change what it says; its place stays."""
    values = {
        "stream": entered.stream,
        "sender_domain": entered.sender_domain,
        "recipient_domain": entered.recipient_domain,
        "pool": entered.pool,
        "transport": entered.transport,
    }
    if rule is None:
        last = RoutingRule.objects.for_account(account).order_by("-position").first()
        saved = RoutingRule.objects.add(account, position=last.position + 1 if last else 1, **values)
        action = "routing_rule.added"
    else:
        RoutingRule.objects.for_account(account).filter(pk=rule.pk).update(**values)
        saved = RoutingRule.objects.for_account(account).get(pk=rule.pk)
        action = "routing_rule.changed"
    target = entered.pool or entered.transport
    record_audit(
        account.pk,
        by=by,
        action=action,
        subject=saved,
        stream=entered.stream,
        sender_domain=entered.sender_domain,
        recipient_domain=entered.recipient_domain,
        target=target.name if target else "",
    )
    return saved


@transaction.atomic
def move_rule(rule: RoutingRule, *, up: bool, by: Member) -> None:
    """Swap it with its neighbor; at the end of the list nothing happens."""
    account_id = rule.account_id
    rules = list(RoutingRule.objects.for_account(account_id).select_for_update().order_by("position", "pk"))
    here = next(place for place, one in enumerate(rules) if one.pk == rule.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(rules):
        return
    rules[here], rules[there] = rules[there], rules[here]
    for position, one in enumerate(rules, start=1):
        RoutingRule.objects.for_account(account_id).filter(pk=one.pk).update(position=position)
    record_audit(account_id, by=by, action="routing_rule.moved", subject=rule, position=there + 1)


@transaction.atomic
def remove_rule(rule: RoutingRule, *, by: Member) -> None:
    record_audit(rule.account_id, by=by, action="routing_rule.removed", subject=rule)
    rule.delete()


def list_rules(account_id: int) -> list[RoutingRule]:
    """In the order in which they are asked."""
    rules = RoutingRule.objects.for_account(account_id).select_related("pool", "transport")
    return list(rules.order_by("position", "pk"))


def explain_route(account_id: int, *, stream: str, sender_domain: str, recipient: str) -> Explanation:
    """Which way a message would take, by the very rules the deliver worker asks. `stream` is a stream's key.

    `recipient` is an address or a domain. Raises AddressError when it is neither. Asks the DNS, for some seconds at most, when a
    rule may be about the site that receives the recipient's mail.
    """
    rows = list_rules(account_id)
    rules = [to_rule(row) for row in rows]
    own = Stream.objects.for_account(account_id).filter(key=stream).first()
    message = {
        "stream": own.kind if own else stream,
        "stream_key": stream,
        "sender_domain": sender_domain,
        "recipient_domain": find_domain(recipient) if recipient else "",
    }
    site = ""
    if message["recipient_domain"] and needs_site(rules, **message):
        site = find_site(message["recipient_domain"])
    found = find_rule(rules, **message, site=site)
    if found is None:
        explanation = _explain_default(account_id, has_rules=bool(rows))
    else:
        place = next(place for place, one in enumerate(rules) if one is found)
        explanation = _explain_target(rows[place], place + 1)
    return replace(explanation, site=site)


def find_site(domain: str) -> str:
    """Where the mail of a domain is received, as the DNS says now; "" when it does not."""
    resolver = Resolver(settings.DNS_SERVERS, timeout=LOOKUP_SECONDS / 2, lifetime=LOOKUP_SECONDS)
    looking = find_mail_hosts(domain, resolver, allow_private_addresses=settings.MX_MAY_BE_PRIVATE)
    try:
        return asyncio.run(looking).site
    except UnroutableDomain:
        return ""


def to_rule(row: RoutingRule) -> Rule:
    target = Target(pool_id=row.pool_id, transport_id=row.transport_id)
    return Rule(target, row.stream, row.sender_domain, row.recipient_domain)


def find_domain(text: str) -> str:
    """The lower-case A-labels of an address or a domain. Raises AddressError."""
    text = text.strip()
    address = parse_address(text if "@" in text else f"someone@{text.rstrip('.')}")
    return address.domain


def _explain_default(account_id: int, *, has_rules: bool) -> Explanation:
    default = Transport.objects.for_account(account_id).filter(is_default=True).first()
    why = _("No rule holds") if has_rules else _("There are no rules")
    if default is None:
        sentence = _("%(why)s and there is no default transport: the message stays in the Mailbox.")
        return Explanation(sentence % {"why": why}, None, (MAILBOX,))
    sentence = _("%(why)s, so the default “%(name)s” carries it.")
    return Explanation(sentence % {"why": why, "name": default.name}, None, (default.name,))


def _explain_target(row: RoutingRule, place: int) -> Explanation:
    if row.pool is not None:
        return _explain_pool(row.pool, place)
    if row.transport is not None:
        return _explain_transport(row.transport, place)
    raise ValueError("a rule names a pool or a transport")


def _explain_pool(pool: Pool, place: int) -> Explanation:
    members = list_memberships(pool)
    working = tuple(one.transport.name for one in members if one.transport.is_enabled and one.weight)
    standby = tuple(one.transport.name for one in members if one.transport.is_enabled and not one.weight)
    values = {"place": place, "pool": pool.name}
    if not working and not standby:
        text = _(
            "Rule %(place)s holds, but every transport of the pool “%(pool)s” is off: the message waits."
        )
        return Explanation(text % values, place, ())
    if not working:
        text = _("Rule %(place)s holds: of the pool “%(pool)s” only those that stand by are on.")
        return Explanation(text % values, place, standby)
    text = _("Rule %(place)s holds: the pool “%(pool)s” carries it.")
    return Explanation(text % values, place, working, standby)


def _explain_transport(transport: Transport, place: int) -> Explanation:
    values = {"place": place, "name": transport.name}
    if not transport.is_enabled:
        text = _("Rule %(place)s holds, but “%(name)s” is off: the message waits.")
        return Explanation(text % values, place, ())
    text = _("Rule %(place)s holds: “%(name)s” carries it.")
    return Explanation(text % values, place, (transport.name,))
