"""One act on many contacts: those ticked on a page at once, all that match a filter as background work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.background import (
    WorkCanceled,
    finish_work,
    mark_canceled,
    queue_work,
    report_progress,
    start_work,
)
from dynamail.accounts.models import BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.proof import Proof
from dynamail.consent.recording import withdraw_consent
from dynamail.contacts.editing import delete_contacts
from dynamail.contacts.queries import ContactFilter, count_contacts, iter_id_blocks
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_events
from dynamail.lib.sql import SqlFragment

BLOCK = 1_000  # contacts in one transaction


class Act(models.TextChoices):
    ADD_TAG = "add_tag", _("Add a tag")
    REMOVE_TAG = "remove_tag", _("Remove a tag")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribe from a topic")
    DELETE = "delete", _("Delete")


@dataclass(frozen=True)
class BulkAct:
    """What to do; `subject_id` is the tag or the topic."""

    act: str
    subject_id: int | None = None


@transaction.atomic
def apply_act(
    account_id: int, contact_ids: Sequence[UUID], act: BulkAct, *, by: User | None, now: datetime
) -> int:
    """Do it to these contacts; returns how many it changed."""
    return _ACTS[act.act](account_id, contact_ids, act.subject_id, by, now)


def queue_act(
    account_id: int,
    wanted: ContactFilter,
    act: BulkAct,
    *,
    condition: dict[str, Any] | None = None,
    narrowing: SqlFragment | None = None,
    by: User,
    now: datetime,
) -> BackgroundWork:
    """Do it in the background to all that match: row and task in the caller's transaction.

    `condition` is a condition document, `narrowing` the same compiled: a task above compiles it again when it runs.
    """
    count = count_contacts(account_id, wanted, narrowing=narrowing)
    work = queue_work(
        account_id,
        kind="contacts.bulk",
        title=str(Act(act.act).label),
        by=by,
        total=count.number if count.exact else None,
    )
    record_audit(account_id, by=by, action=f"contacts.{act.act}", subject=work, subject_of_act=act.subject_id)
    arguments: dict[str, Any] = {
        "account_id": account_id,
        "work_id": work.pk,
        "wanted": wanted.to_json(),
        "act": act.act,
        "subject_id": act.subject_id,
    }
    if condition is None:
        app.configure_task("contacts.run_act", queue="default").defer(**arguments)
    else:
        app.configure_task("segments.run_act", queue="default").defer(**arguments, condition=condition)
    return work


def run_act(
    work: BackgroundWork,
    wanted: ContactFilter,
    act: BulkAct,
    *,
    narrowing: SqlFragment | None = None,
    now: datetime,
) -> None:
    """Walk through all that match, one short transaction a block. What was done before a cancel stays done."""
    if not start_work(work, now=now):
        return
    after, seen, changed = None, 0, 0
    try:
        while True:
            with account_scope(work.account_id):
                ids = iter_id_blocks(work.account_id, wanted, narrowing=narrowing, after=after, size=BLOCK)
                changed += apply_act(work.account_id, ids, act, by=work.created_by, now=now) if ids else 0
            if not ids:
                break
            after, seen = ids[-1], seen + len(ids)
            report_progress(work, done=seen)
    except WorkCanceled:
        mark_canceled(work, now=now, changed=changed)
        return
    finish_work(work, now=now, changed=changed)


def tag_contacts(account_id: int, contact_ids: Sequence[UUID], tag_id: int, by: Actor, now: datetime) -> int:
    """Add a tag to those who lack it."""
    ids = _update_returning(
        "UPDATE contact SET updated_at = %(now)s, tags = ARRAY(SELECT DISTINCT t FROM unnest(tags || %(tag)s::bigint) AS t ORDER BY t) "
        "WHERE account_id = %(account)s AND id = ANY(%(ids)s) AND NOT tags @> ARRAY[%(tag)s::bigint] RETURNING id",
        {"now": now, "tag": tag_id, "account": account_id, "ids": list(contact_ids)},
    )
    return _tell(account_id, ids, EventKind.CONTACT_TAGGED, tag_id, by, now)


def untag_contacts(
    account_id: int, contact_ids: Sequence[UUID], tag_id: int, by: Actor, now: datetime
) -> int:
    """Take a tag off those who have it."""
    ids = _update_returning(
        "UPDATE contact SET updated_at = %(now)s, tags = array_remove(tags, %(tag)s::bigint) "
        "WHERE account_id = %(account)s AND id = ANY(%(ids)s) AND tags @> ARRAY[%(tag)s::bigint] RETURNING id",
        {"now": now, "tag": tag_id, "account": account_id, "ids": list(contact_ids)},
    )
    return _tell(account_id, ids, EventKind.CONTACT_UNTAGGED, tag_id, by, now)


def _unsubscribe(
    account_id: int, contact_ids: Sequence[UUID], topic_id: int, by: Actor, now: datetime
) -> int:
    proof = Proof(method="member", actor=str(by) if by else "")
    return sum(
        withdraw_consent(account_id, contact_id, topic_id, proof=proof, now=now) for contact_id in contact_ids
    )


def _delete(
    account_id: int, contact_ids: Sequence[UUID], _subject: int | None, by: Actor, now: datetime
) -> int:
    return delete_contacts(account_id, contact_ids, by=by, now=now)


_ACTS: dict[str, Callable[..., int]] = {
    Act.ADD_TAG: tag_contacts,
    Act.REMOVE_TAG: untag_contacts,
    Act.UNSUBSCRIBE: _unsubscribe,
    Act.DELETE: _delete,
}


def _update_returning(statement: str, parameters: dict[str, Any]) -> list[UUID]:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        return [contact_id for (contact_id,) in cursor.fetchall()]


def _tell(account_id: int, ids: Sequence[UUID], kind: str, tag_id: int, by: Actor, now: datetime) -> int:
    data = {"tag": tag_id, "by": str(by) if by else ""}
    record_events(account_id, (NewEvent(kind, contact_id, data=data) for contact_id in ids), now=now)
    return len(ids)
