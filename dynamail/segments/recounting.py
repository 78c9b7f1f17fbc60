"""The size of a segment, asked of the contacts themselves, and what asking cost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.faults import ConditionFault
from dynamail.segments.checking import read_sound
from dynamail.segments.counting import TooCostly, count_exactly
from dynamail.segments.history import find_day, record_day
from dynamail.segments.models import Segment
from dynamail.segments.wording import describe_costly, translate_fault


def recount_segment(account_id: int, segment_id: int, *, now: datetime) -> Segment | None:
    """Count and keep the number with its cost, or why it cannot be counted. None when there is no such segment."""
    with account_scope(account_id):
        segment = Segment.objects.for_account(account_id).filter(pk=segment_id).first()
    if segment is None:
        return None
    values = _count(segment, now)
    with account_scope(account_id):
        rows = Segment.objects.for_account(account_id).filter(pk=segment_id, version=segment.version)
        if not rows.update(**values):
            return None  # it asks for something else by now, and is counted again for that
        segment = rows.get()
        if not segment.problem and segment.size is not None:
            record_day(segment, day=find_day(account_id, now), size=segment.size)
    return segment


def _count(segment: Segment, now: datetime) -> dict[str, Any]:
    try:
        with account_scope(segment.account_id):
            condition = read_sound(segment.account_id, segment.definition)
        counted = count_exactly(segment.account_id, condition, now=now, salt=segment.public_id)
    except ConditionFault as error:
        return {"problem": " ".join(map(translate_fault, error.faults))[:500]}
    except TooCostly as error:
        return {"problem": describe_costly(error)[:500]}
    cost = {"count_ms": counted.milliseconds, "problem": ""}
    if segment.keeps_members and segment.members_version == segment.version:
        return cost  # the number of its members is the size
    return {**cost, "size": counted.number, "counted_at": now}
