"""Bulk work on all who fit a condition: compiled when the work begins, with what the account has then."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dynamail.accounts.background import fail_work, start_work
from dynamail.accounts.models import BackgroundWork
from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.faults import ConditionFault
from dynamail.contacts.bulk import BulkAct, run_act
from dynamail.contacts.queries import ContactFilter
from dynamail.segments.checking import read_sound
from dynamail.segments.compiling import compile_for
from dynamail.segments.wording import translate_fault


def run_act_where(
    work: BackgroundWork, wanted: ContactFilter, condition: Any, act: BulkAct, *, now: datetime
) -> None:
    """Like contacts.bulk.run_act for those who also fit a condition document. One that cannot be read, or that asks for what was
    deleted while the work waited, fails the work: it would mean others than those who were counted.
    """
    try:
        with account_scope(work.account_id):
            parsed = read_sound(work.account_id, condition)
            narrowing = compile_for(work.account_id, parsed, now=now)
    except ConditionFault as error:
        if start_work(work, now=now):
            fail_work(work, now=now, message=" ".join(map(translate_fault, error.faults)), **work.result)
        return
    run_act(work, wanted, act, narrowing=narrowing, now=now)
