"""Taking a bulk act back, for exactly those whom it changed: the log says who they were and what they had before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.background import queue_work, report_progress
from dynamail.accounts.models import BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.bulk import BLOCK, KIND, Act, BulkAct, Occasion, apply_act
from dynamail.contacts.models import Attribute, ContactAlias, Tag
from dynamail.contacts.working import WorkRefused, begin_work, ending_work, keep_result
from dynamail.events.models import Event
from dynamail.lib.ids import lowest_id
from dynamail.lib.sql import load_sql

UNDO_FOR = timedelta(hours=24)
UNDO_KIND = "contacts.undo"
_OPPOSITES = {Act.ADD_TAG: Act.REMOVE_TAG, Act.REMOVE_TAG: Act.ADD_TAG}
_UNDOABLE = (*_OPPOSITES, Act.SET_ATTRIBUTE)


def may_undo(work: BackgroundWork, *, now: datetime) -> bool:
    """Tags and attributes, for 24 hours, once. An unsubscription is the person's own or stands for theirs; a deletion is final."""
    return (
        work.kind == KIND
        and work.finished_at is not None
        and now - work.finished_at < UNDO_FOR
        and work.result.get("act") in _UNDOABLE
        and bool(work.result.get("changed"))
        and not work.result.get("undone_by")
    )


@transaction.atomic
def queue_undo(work: BackgroundWork, *, by: User, now: datetime) -> BackgroundWork | None:
    """Take it back in the background; None when that is not possible (any more), also when the tag or attribute is gone."""
    work = BackgroundWork.objects.for_account(work.account_id).select_for_update().get(pk=work.pk)
    if not may_undo(work, now=now) or not _has_subject(work):
        return None
    undo = queue_work(
        work.account_id,
        kind=UNDO_KIND,
        title=_("Undo: %s") % work.title,
        by=by,
        total=work.result["changed"],
        subject_id=work.public_id,
    )
    work.result |= {"undone_by": undo.public_id}
    work.save(update_fields=["result"])
    record_audit(work.account_id, by=by, action="contacts.undone", subject=work, act=work.result["act"])
    app.configure_task("contacts.undo_act", queue="default").defer(
        account_id=work.account_id, work_id=undo.pk, undone_id=work.pk
    )
    return undo


def _has_subject(work: BackgroundWork) -> bool:
    model = Attribute if work.result["act"] == Act.SET_ATTRIBUTE else Tag
    return bool(model.objects.for_account(work.account_id).filter(pk=work.result["subject_id"]).exists())


def run_undo(undo: BackgroundWork, work: BackgroundWork, *, now: datetime) -> None:
    """Go through what the work logged, one short transaction a block. Whom somebody changed since stays as they are."""
    if not begin_work(undo, now=now):
        return
    seen = 0
    with ending_work(undo, now=now) as result:
        result.setdefault("changed", 0)  # else what an earlier run did before it broke off
        if not _has_subject(work):
            raise WorkRefused(_("The tag or attribute does not exist any more."))
        for events in _read_log(work):
            with account_scope(work.account_id):
                own = _leave_merged_out(work, events)
                changed = _take_back(work, own, Occasion(undo.created_by, now, undo.uid))
                keep_result(undo, result | {"changed": result["changed"] + changed})
            result["changed"] += changed
            seen += len(events)
            report_progress(undo, done=seen)


class _Logged(NamedTuple):
    """What one contact was changed from."""

    id: UUID
    contact_id: UUID
    data: dict[str, Any]


def _read_log(work: BackgroundWork) -> Iterator[list[_Logged]]:
    """By the log's key: ids carry the moment, and the work's events lie between its beginning and its end."""
    assert work.finished_at is not None  # noqa: S101 — says it to the type checker
    after, end = lowest_id(work.created_at), lowest_id(work.finished_at + timedelta(seconds=1))
    while True:
        with account_scope(work.account_id):
            rows = Event.objects.for_account(work.account_id).filter(id__gt=after, id__lt=end)
            rows = rows.filter(source_id=work.uid, contact_id__isnull=False).order_by("id")
            events = [_Logged(*row) for row in rows.values_list("id", "contact_id", "data")[:BLOCK]]
        if not events:
            return
        yield events
        after = events[-1].id


def _leave_merged_out(work: BackgroundWork, events: Sequence[_Logged]) -> list[_Logged]:
    """Since a merge the log of two is one: what was the other one's before is not given to the one who stays."""
    merged = ContactAlias.objects.for_account(work.account_id).filter(
        contact_id__in=[event.contact_id for event in events], merged_at__gte=work.created_at
    )
    ids = set(merged.values_list("contact_id", flat=True))
    return [event for event in events if event.contact_id not in ids]


def _take_back(work: BackgroundWork, events: Sequence[_Logged], occasion: Occasion) -> int:
    ids = [event.contact_id for event in events]
    subject_id = work.result["subject_id"]
    if (opposite := _OPPOSITES.get(work.result["act"])) is not None:
        act = BulkAct(opposite, subject_id)
        by = occasion.by if isinstance(occasion.by, User) else None
        return apply_act(work.account_id, ids, act, by=by, now=occasion.now, work_uid=occasion.work_uid)
    return _take_values_back(work, subject_id, ids, [event.data.get("before") for event in events], occasion)


def _take_values_back(
    work: BackgroundWork,
    attribute_id: int,
    ids: Sequence[UUID],
    formers: Sequence[object],
    occasion: Occasion,
) -> int:
    number = (
        Attribute.objects.for_account(work.account_id).values_list("number", flat=True).get(pk=attribute_id)
    )
    value = work.result.get("value")
    parameters: dict[str, Any] = {
        "account_id": work.account_id,
        "ids": list(ids),
        "formers": [None if before is None else json.dumps(before) for before in formers],
        "key": str(number),
        "value": None if value in (None, []) else json.dumps(value),
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("contacts", "take_attribute_back"),
            parameters | occasion.event_parameters(fields=[f"attribute:{number}"]),
        )
        return cursor.fetchone()[0]
