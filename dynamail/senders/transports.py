"""What every way out has in common: saving it, choosing the default, switching it off and on, removing it, its last check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DestinationRule, Pool, RoutingRule, Transport


@dataclass(frozen=True)
class CheckStep:
    """One step of a check, in words that name the fault and its cure. `ok` None: it could not be looked at."""

    name: str
    ok: bool | None
    text: str


@dataclass(frozen=True)
class TransportUses:
    """What depends on a transport."""

    is_default: bool
    pools: tuple[str, ...]  # their names
    rules: int

    @property
    def is_needed(self) -> bool:
        return bool(self.pools or self.rules)


@transaction.atomic
def save_transport(
    account: Account,
    kind: Transport.Kind,
    values: Mapping[str, Any],
    *,
    transport: Transport | None,
    is_new_recipient: bool,
    by: Member,
    now: datetime,
    **audited: object,
) -> Transport:
    """Create or change the columns that stay in the clear; whoever saves a new recipient of mail authorizes it (P7.1).

    A change forgets the last check. `audited` is written into the audit log: no secrets.
    """
    if transport is None:
        saved = Transport.objects.add(account, kind=kind, **values, authorized_by=by.user, authorized_at=now)
        action = "transport.added"
    else:
        changes = {**values, "checked_at": None, "check_result": {}}
        if is_new_recipient:
            changes |= {"authorized_by": by.user, "authorized_at": now}
        Transport.objects.for_account(account).filter(pk=transport.pk).update(**changes)
        saved = Transport.objects.for_account(account).get(pk=transport.pk)
        action = "transport.changed"
    record_audit(account.pk, by=by, action=action, subject=saved, kind=str(kind), **audited)
    return saved


@transaction.atomic
def use_transport(account: Account, transport: Transport | None, *, by: Member) -> None:
    """Make it the default: it carries what no routing rule sends elsewhere. None: the Mailbox does. Raises SenderError."""
    if transport is not None and not transport.is_enabled:
        raise SenderError("is_off", _("Switch “%s” on first.") % transport.name)
    Transport.objects.for_account(account).filter(is_default=True).update(is_default=False)
    if transport is not None:
        Transport.objects.for_account(account).filter(pk=transport.pk).update(is_default=True)
    name = transport.name if transport else "Mailbox"
    record_audit(account.pk, by=by, action="transport.chosen", subject=transport, name=name)


@transaction.atomic
def switch_transport(transport: Transport, *, on: bool, by: Member) -> None:
    """A transport that is off carries nothing; the deliver workers notice within seconds. Raises SenderError for the default."""
    if transport.is_default and not on:
        raise SenderError(
            "is_default",
            _("“%s” is the default. Choose another default first; then it can be switched off.")
            % transport.name,
        )
    Transport.objects.for_account(transport.account_id).filter(pk=transport.pk).update(is_enabled=on)
    action = "transport.switched_on" if on else "transport.switched_off"
    record_audit(transport.account_id, by=by, action=action, subject=transport, name=transport.name)


def find_uses(transport: Transport) -> TransportUses:
    account_id = transport.account_id
    pools = Pool.objects.for_account(account_id).filter(members__transport=transport).order_by("name")
    rules = RoutingRule.objects.for_account(account_id).filter(transport=transport).count()
    return TransportUses(transport.is_default, tuple(pools.values_list("name", flat=True)), rules)


@transaction.atomic
def remove_transport(transport: Transport, *, by: Member) -> None:
    """Refuses while a routing rule or a pool needs it (SenderError); mail goes into the Mailbox when it was the default."""
    uses = find_uses(transport)
    if uses.is_needed:
        raise SenderError("in_use", _explain_uses(transport.name, uses))
    record_audit(
        transport.account_id, by=by, action="transport.removed", subject=transport, name=transport.name
    )
    DestinationRule.objects.for_account(transport.account_id).filter(transport=transport).delete()
    transport.delete()


@transaction.atomic
def start_check(transport: Transport) -> None:
    """Try it in the background, as a deliver worker would; the page watches `check_result`."""
    Transport.objects.for_account(transport.account_id).filter(pk=transport.pk).update(
        check_result={"running": True}
    )
    app.configure_task("senders.check_transport").defer(
        account_id=transport.account_id, transport_id=transport.pk
    )


def record_check(transport: Transport, steps: list[CheckStep], *, now: datetime) -> None:
    result = {"ok": all(step.ok is not False for step in steps), "steps": [asdict(step) for step in steps]}
    Transport.objects.for_account(transport.account_id).filter(pk=transport.pk).update(
        checked_at=now, check_result=result
    )


def _explain_uses(name: str, uses: TransportUses) -> str:
    if not uses.pools:
        return _("Routing rules send mail to “%(name)s”. Change or remove them first.") % {"name": name}
    pools = ", ".join(f"“{pool}”" for pool in uses.pools)
    if not uses.rules:
        return _("“%(name)s” is a member of %(pools)s. Take it out first.") % {"name": name, "pools": pools}
    return _(
        "“%(name)s” is a member of %(pools)s, and routing rules send mail to it. Take it out of both first."
    ) % {"name": name, "pools": pools}
