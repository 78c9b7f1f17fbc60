"""How many contacts fit a condition: exactly, by a sample, and together with another one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from dynamail.conditions.describing import describe
from dynamail.conditions.tree import Condition, Group
from dynamail.conditions.walking import iter_leaves
from dynamail.lib.sql import SqlFragment
from dynamail.segments.asking import STATEMENT_TIMEOUT, TimedOut, ask_account, run
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.compiling import compile_for
from dynamail.segments.contexts import Form

SAMPLES = 1000  # contact.sample is 0…999
SIZE_SHARE = 10  # of them: what the size of the account is estimated from
LOOKED_AT = 2_500  # contacts in an estimate, more or less
SMALL = 2_500  # contacts: an account up to this size is counted as a whole
CERTAIN = 1.96  # standard deviations: the truth lies within in 19 of 20 estimates


@dataclass(frozen=True, slots=True)
class Counted:
    number: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """`low` and `high`: the truth lies between them in 19 of 20 estimates. Both are the number when it is exact."""

    number: int
    low: int
    high: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Overlap:
    this: int
    other: int
    both: int
    milliseconds: float


class TooCostly(Exception):
    """The database gave up after the limit. `reason` says to people what costs most, `hint` is the plan's word for it."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def count_exactly(
    account_id: int,
    condition: Condition,
    *,
    now: datetime,
    salt: str = "",
    seconds: float = STATEMENT_TIMEOUT,
) -> Counted:
    """Raises TooCostly after `seconds`."""
    wanted = compile_for(account_id, condition, now=now, salt=salt)
    with _ask(account_id, condition, now=now, seconds=seconds) as cursor:
        answer = run(cursor, "count_members", {"wanted": wanted}, account_id=account_id)
    return Counted(answer.rows[0][0], answer.milliseconds)


def estimate(
    account_id: int,
    condition: Condition,
    *,
    now: datetime,
    salt: str = "",
    seconds: float = STATEMENT_TIMEOUT,
) -> Estimate:
    """From a stable share of the contacts; exact in a small account. Raises TooCostly."""
    wanted = compile_for(account_id, condition, now=now, salt=salt, form=Form.EACH)
    with _ask(account_id, condition, now=now, seconds=seconds) as cursor:
        size = run(cursor, "count_share", {}, account_id=account_id, share=SIZE_SHARE)
        total = size.rows[0][0] * SAMPLES / SIZE_SHARE
        share = SAMPLES if total <= SMALL else max(1, min(SAMPLES, round(SAMPLES * LOOKED_AT / total)))
        answer = run(cursor, "count_sample", {"wanted": wanted}, account_id=account_id, share=share)
    hits, looked = answer.rows[0]
    milliseconds = round(size.milliseconds + answer.milliseconds, 1)
    if share == SAMPLES:
        return Estimate(hits, hits, hits, milliseconds)
    low, high = find_interval(hits, looked)
    return Estimate(
        round(total * hits / max(looked, 1)), math.floor(total * low), math.ceil(total * high), milliseconds
    )


def count_overlap(
    account_id: int,
    this: Condition,
    other: Condition,
    *,
    now: datetime,
    salt: str = "",
    other_salt: str = "",
    seconds: float = STATEMENT_TIMEOUT,
) -> Overlap:
    """Raises TooCostly."""
    asked = {
        "this": compile_for(account_id, this, now=now, salt=salt),
        "other": compile_for(account_id, other, now=now, salt=other_salt),
    }
    both = Group(members=(this, other))
    with _ask(account_id, both, now=now, seconds=seconds) as cursor:
        answer = run(cursor, "count_overlap", asked, account_id=account_id)
    fit_this, fit_other, fit_both = answer.rows[0]
    return Overlap(fit_this, fit_other, fit_both, answer.milliseconds)


@contextmanager
def _ask(account_id: int, condition: Condition, *, now: datetime, seconds: float) -> Iterator[Any]:
    """A cursor; when the time is up the answer is what costs most."""
    try:
        with ask_account(account_id, seconds=seconds) as cursor:
            yield cursor
    except TimedOut:
        raise explain_cost(account_id, condition, now=now, seconds=seconds) from None


def find_interval(hits: int, looked: int) -> tuple[float, float]:
    """The share's interval by Wilson (JASA 22, 1927): sound for few hits too, where the usual one is not."""
    if not looked:
        return 0.0, 1.0
    share, square = hits / looked, CERTAIN**2
    middle = share + square / (2 * looked)
    spread = CERTAIN * math.sqrt(share * (1 - share) / looked + square / (4 * looked**2))
    whole = 1 + square / looked
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def explain_cost(account_id: int, condition: Condition, *, now: datetime, seconds: float) -> TooCostly:
    """Which part costs most, by the planner's word: nothing is run for it."""
    catalog = load_catalog(account_id)
    costs = []
    for _path, leaf in iter_leaves(condition):
        plan = explain_count(account_id, compile_for(account_id, leaf, now=now))
        costs.append((plan["Total Cost"], describe(leaf, catalog, words=translation), _find_worst_node(plan)))
    _cost, part, hint = max(costs, default=(0.0, "", ""))
    reason = _(
        "Counting was stopped after %(seconds)s seconds. What costs most is: %(part)s. Narrow it down, for instance to a shorter period."
    ) % {"seconds": f"{seconds:g}", "part": part}
    return TooCostly(reason, hint)


def explain_count(account_id: int, wanted: SqlFragment) -> dict[str, Any]:
    """The planner's plan of an exact count, not run."""
    with ask_account(account_id) as cursor:
        answer = run(cursor, "explain_count", {"wanted": wanted}, account_id=account_id)
    plan = answer.rows[0][0]
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def _find_worst_node(plan: dict[str, Any]) -> str:
    """The kind and table of the node that adds most of its own to the cost."""
    worst, most = "", -1.0
    waiting = [plan]
    while waiting:
        node = waiting.pop()
        below = node.get("Plans", [])
        own = node["Total Cost"] - sum(one["Total Cost"] for one in below)
        if own > most:
            worst, most = f"{node['Node Type']} {node.get('Relation Name', '')}".strip(), own
        waiting.extend(below)
    return worst
