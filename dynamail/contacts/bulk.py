"""One act on many contacts: those ticked on a page at once, all that match a filter as background work."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.background import queue_work, report_progress
from dynamail.accounts.models import BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.mass_suppressing import NewSuppression, SuppressionSource, suppress_addresses
from dynamail.consent.models import SuppressionReason
from dynamail.consent.proof import Proof
from dynamail.consent.recording import withdraw_consents
from dynamail.consent.suppressing import ALL
from dynamail.contacts.editing import delete_contacts
from dynamail.contacts.models import Attribute, Contact, ContactState, Tag
from dynamail.contacts.queries import ContactFilter, count_contacts
from dynamail.contacts.values import Value
from dynamail.contacts.walking import leave_restricted_out, walk_contacts
from dynamail.contacts.working import begin_work, ending_work, keep_result
from dynamail.lib.ids import lowest_id
from dynamail.lib.sql import SqlFragment, load_sql

BLOCK = 5_000  # contacts in one transaction
KIND = "contacts.bulk"
SOURCE_KIND = "work"  # of the events that a piece of work records, beside its uid


class Act(models.TextChoices):
    ADD_TAG = "add_tag", _("Add a tag")
    REMOVE_TAG = "remove_tag", _("Remove a tag")
    SET_ATTRIBUTE = "set_attribute", _("Set an attribute")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribe from a topic")
    SUPPRESS = "suppress", _("Never write again")
    DELETE = "delete", _("Delete")


@dataclass(frozen=True)
class BulkAct:
    """What to do; `subject_id` is the tag, topic or attribute, `value` the attribute's (none: take it away)."""

    act: str
    subject_id: int | None = None
    value: Value | None = None


@dataclass(frozen=True)
class Occasion:
    """Who does it, when, and as part of which work."""

    by: Actor
    now: datetime
    work_uid: UUID | None = None

    def event_parameters(self, **data: Any) -> dict[str, Any]:
        """What the statements need to log what they change."""
        return {
            "now": self.now,
            "id_head": f"{str(lowest_id(self.now))[:14]}7",
            "source_kind": SOURCE_KIND if self.work_uid else "",
            "source_id": self.work_uid,
            "data": json.dumps({"by": str(self.by) if self.by else "", **data}),
        }


@transaction.atomic
def apply_act(
    account_id: int,
    contact_ids: Sequence[UUID],
    act: BulkAct,
    *,
    by: User | None,
    now: datetime,
    work_uid: UUID | None = None,
) -> int:
    """Do it to these contacts, but not to restricted ones (P8.3); returns how many it changed."""
    return _ACTS[act.act](account_id, contact_ids, act, Occasion(by, now, work_uid))


@transaction.atomic
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
    """Do it in the background to all that match: row and task in one transaction.

    `condition` is a condition document, `narrowing` the same compiled: a task above compiles it again when it runs.
    """
    count = count_contacts(account_id, wanted, narrowing=leave_restricted_out(narrowing))
    total = count.number if count.exact else None
    work = queue_work(account_id, kind=KIND, title=str(Act(act.act).label), by=by, total=total)
    work.result = {"act": act.act, "subject_id": act.subject_id, "value": act.value}
    work.save(update_fields=["result"])
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
    if not begin_work(work, now=now):
        return
    act, seen = replace(act, value=work.result.get("value")), 0
    with ending_work(work, now=now) as result:
        result.setdefault("changed", 0)  # else what an earlier run did before it broke off
        for ids in walk_contacts(work.account_id, wanted, narrowing, size=BLOCK):
            with account_scope(work.account_id):
                changed = apply_act(work.account_id, ids, act, by=work.created_by, now=now, work_uid=work.uid)
                keep_result(work, result | {"changed": result["changed"] + changed})
            result["changed"] += changed
            seen += len(ids)
            report_progress(work, done=seen)


def _tag(account_id: int, ids: Sequence[UUID], act: BulkAct, occasion: Occasion) -> int:
    """Add a tag to those who lack it, or take it off those who have it. One that was deleted meanwhile is given to nobody."""
    held = Tag.objects.for_account(account_id).select_for_update(no_key=True).filter(pk=act.subject_id)
    if not held.values_list("pk").first():
        return 0
    name = "tag_contacts" if act.act == Act.ADD_TAG else "untag_contacts"
    parameters = {"account_id": account_id, "ids": list(ids), "tag": act.subject_id}
    return _count_changed(name, parameters | occasion.event_parameters(tag=act.subject_id))


def _set_attribute(account_id: int, ids: Sequence[UUID], act: BulkAct, occasion: Occasion) -> int:
    number = Attribute.objects.for_account(account_id).values_list("number", flat=True).get(pk=act.subject_id)
    value = None if act.value in (None, []) else json.dumps(act.value)
    parameters = {"account_id": account_id, "ids": list(ids), "key": str(number), "value": value}
    return _count_changed(
        "set_attribute", parameters | occasion.event_parameters(fields=[f"attribute:{number}"])
    )


def _unsubscribe(account_id: int, ids: Sequence[UUID], act: BulkAct, occasion: Occasion) -> int:
    assert act.subject_id is not None  # noqa: S101 — says it to the type checker
    proof = Proof(method="member", actor=str(occasion.by) if occasion.by else "")
    open_ids = list(_find_open(account_id, ids).values_list("id", flat=True))
    return withdraw_consents(account_id, open_ids, act.subject_id, proof=proof, now=occasion.now)


def _suppress(account_id: int, ids: Sequence[UUID], act: BulkAct, occasion: Occasion) -> int:
    keys = _find_open(account_id, ids).values_list("email_key", flat=True)
    rows = [NewSuppression(key, SuppressionReason.MANUAL, ALL, occasion.now) for key in keys]
    source = SuppressionSource(SOURCE_KIND, str(occasion.work_uid or ""), occasion.work_uid)
    with connections["default"].cursor() as cursor:
        return sum(suppress_addresses(cursor, account_id, rows, source=source, now=occasion.now))


def _delete(account_id: int, ids: Sequence[UUID], act: BulkAct, occasion: Occasion) -> int:
    open_ids = list(_find_open(account_id, ids).values_list("id", flat=True))
    return delete_contacts(account_id, open_ids, by=occasion.by, now=occasion.now)


def _find_open(account_id: int, ids: Sequence[UUID]) -> models.QuerySet[Contact]:
    rows = Contact.objects.for_account(account_id).filter(id__in=ids)
    return rows.exclude(state=ContactState.RESTRICTED)


_ACTS: dict[str, Callable[[int, Sequence[UUID], BulkAct, Occasion], int]] = {
    Act.ADD_TAG: _tag,
    Act.REMOVE_TAG: _tag,
    Act.SET_ATTRIBUTE: _set_attribute,
    Act.UNSUBSCRIBE: _unsubscribe,
    Act.SUPPRESS: _suppress,
    Act.DELETE: _delete,
}


def _count_changed(name: str, parameters: dict[str, Any]) -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("contacts", name), parameters)
        return cursor.fetchone()[0]
