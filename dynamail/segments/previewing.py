"""Some of the people that a condition means, and whether one of them is meant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from dynamail.conditions.tree import Condition
from dynamail.contacts.models import Contact
from dynamail.segments.asking import STATEMENT_TIMEOUT, TimedOut, ask_account, run
from dynamail.segments.compiling import compile_for
from dynamail.segments.contexts import Form
from dynamail.segments.counting import SAMPLES, explain_cost

TEN = 10
FIRST_SHARE = 5  # samples of 1000 that are looked at before everybody is


def pick_ten(
    account_id: int,
    condition: Condition,
    *,
    now: datetime,
    salt: str = "",
    limit: int = TEN,
    seconds: float = STATEMENT_TIMEOUT,
) -> list[Contact]:
    """The same people each time, spread over the account. Raises counting.TooCostly."""
    try:
        ids = _pick_ids(account_id, condition, now=now, salt=salt, limit=limit, seconds=seconds)
    except TimedOut:
        raise explain_cost(account_id, condition, now=now, seconds=seconds) from None
    found = {row.id: row for row in Contact.objects.for_account(account_id).filter(id__in=ids)}
    return [found[one] for one in ids if one in found]


def is_member(
    account_id: int, contact_id: UUID, condition: Condition, *, now: datetime, salt: str = ""
) -> bool:
    wanted = compile_for(account_id, condition, now=now, salt=salt, form=Form.EACH)
    with ask_account(account_id) as cursor:
        answer = run(cursor, "find_member", {"wanted": wanted}, account_id=account_id, contact_id=contact_id)
    return bool(answer.rows)


def _pick_ids(
    account_id: int, condition: Condition, *, now: datetime, salt: str, limit: int, seconds: float
) -> list[UUID]:
    """A condition that many fit has ten of them in a small share; only a rare one is asked of all."""
    ids: list[UUID] = []
    for share, form in ((FIRST_SHARE, Form.EACH), (SAMPLES, Form.SET)):
        wanted = compile_for(account_id, condition, now=now, salt=salt, form=form)
        with ask_account(account_id, seconds=seconds) as cursor:
            answer = run(
                cursor, "pick_members", {"wanted": wanted}, account_id=account_id, share=share, limit=limit
            )
        ids = [row[0] for row in answer.rows]
        if len(ids) == limit:
            break
    return ids
