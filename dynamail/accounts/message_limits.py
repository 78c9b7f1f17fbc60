"""How many messages an account may send over all its transports: the operator decides, the deliver workers obey."""

from __future__ import annotations

from django.db import transaction

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import Account


@transaction.atomic
def limit_messages(account: Account, *, per_hour: int | None, per_day: int | None, by: Actor) -> Account:
    """Set both limits; None: no limit, 0: nothing leaves. The workers follow within seconds. Raises ValueError below 0."""
    if any(limit is not None and limit < 0 for limit in (per_hour, per_day)):
        raise ValueError("A limit cannot be negative.")
    account.messages_per_hour, account.messages_per_day = per_hour, per_day
    account.save(update_fields=["messages_per_hour", "messages_per_day"])
    record_audit(account.pk, by=by, action="account.limited", per_hour=per_hour, per_day=per_day)
    return account
