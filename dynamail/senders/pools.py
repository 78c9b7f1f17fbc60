"""Pools: several transports that share the work by weight, and stand in for each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.senders.errors import SenderError
from dynamail.senders.models import Pool, PoolMember, RoutingRule, Transport

HIGHEST_WEIGHT = 100


@dataclass(frozen=True)
class Membership:
    """A transport's part in a pool. Weight 0: it stands by until no other member works."""

    transport: Transport
    weight: int


@transaction.atomic
def save_pool(
    account: Account,
    *,
    name: str,
    members: Iterable[Membership],
    pool: Pool | None,
    by: Member,
    now: datetime,
) -> Pool:
    """Create or change a pool with its members. Raises SenderError: name taken, nobody in it, nobody with a weight."""
    wanted = list(members)
    _refuse_bad_members(wanted)
    others = Pool.objects.for_account(account).filter(name__iexact=name)
    if others.exclude(pk=pool.pk if pool else None).exists():
        raise SenderError("name_taken", _("There is a pool of this name already."))
    action = "pool.changed" if pool else "pool.added"
    if pool is None:
        pool = Pool.objects.add(account, name=name)
    else:
        Pool.objects.for_account(account).filter(pk=pool.pk).update(name=name)
        PoolMember.objects.for_account(account).filter(pool=pool).delete()
    for member in wanted:
        PoolMember.objects.add(account, pool=pool, transport=member.transport, weight=member.weight)
    weights = {member.transport.name: member.weight for member in wanted}
    record_audit(account.pk, by=by, action=action, subject=pool, name=name, weights=weights)
    return Pool.objects.for_account(account).get(pk=pool.pk)


@transaction.atomic
def remove_pool(pool: Pool, *, by: Member) -> None:
    """Refuses while a routing rule sends mail to it (SenderError). Its members stay."""
    count = RoutingRule.objects.for_account(pool.account_id).filter(pool=pool).count()
    if count:
        text = _("Routing rules send mail to “%s”. Change or remove them first.")
        raise SenderError("in_use", text % pool.name)
    record_audit(pool.account_id, by=by, action="pool.removed", subject=pool, name=pool.name)
    pool.delete()


def list_memberships(pool: Pool) -> list[Membership]:
    """Heaviest first; those that stand by come last."""
    rows = PoolMember.objects.for_account(pool.account_id).filter(pool=pool).select_related("transport")
    return [Membership(row.transport, row.weight) for row in rows.order_by("-weight", "transport__name")]


def _refuse_bad_members(members: list[Membership]) -> None:
    if not members:
        raise SenderError("no_members", _("A pool needs at least one transport."))
    if not any(member.weight for member in members):
        raise SenderError(
            "only_standby", _("Give at least one member a weight above 0: the others only stand by.")
        )
