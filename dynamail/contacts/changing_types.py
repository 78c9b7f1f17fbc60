"""Another type for an attribute that has values: first a dry run, then block by block. What does not fit is put aside, not lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.background import queue_work, report_progress
from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.accounts.zones import find_zone
from dynamail.contacts.bulk import Occasion
from dynamail.contacts.catalog import CatalogError, clean_choices
from dynamail.contacts.exporting import BOM, write_rows
from dynamail.contacts.models import Attribute, Contact, ValueAside
from dynamail.contacts.values import ValueProblem, export_value, parse_value
from dynamail.contacts.working import WorkRefused, begin_work, ending_work
from dynamail.lib.sql import load_sql

CHECK_KIND, CHANGE_KIND = "contacts.check_type", "contacts.change_type"
BLOCK = 5_000  # contacts in one transaction
MOST_EXAMPLES = 20
_LEAST = UUID(int=0)


@dataclass(frozen=True)
class NewType:
    """What the attribute shall become. The same type again looks for values that do not fit (any more)."""

    type: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """A value that does not fit, and what is wrong with it."""

    value: str
    problem: str


@dataclass
class Tally:
    """What a run came to, in contacts."""

    filled: int = 0
    fits: int = 0  # as it is, or as what it becomes
    misfits: int = 0


class Converter:
    """From stored values to those of another type. Most values come often: each is read once."""

    def __init__(self, new: NewType, zone: tzinfo) -> None:
        self._new = new
        self._zone = zone
        self._known: dict[str, tuple[str | None, str]] = {}

    def convert(self, stored: str) -> tuple[str | None, str]:
        """JSON to JSON, and "" — or None and what is wrong."""
        if (known := self._known.get(stored)) is None:
            known = self._read(stored)
            if len(self._known) < 100_000:
                self._known[stored] = known
        return known

    def _read(self, stored: str) -> tuple[str | None, str]:
        try:
            value = parse_value(self._new, export_value(json.loads(stored)), zone=self._zone)
        except ValueProblem as problem:
            return None, str(problem)
        if value is None or value == []:
            return None, _("It is empty.")
        return json.dumps(value, ensure_ascii=False), ""


def check_new_type(type: str, choices: Sequence[str]) -> NewType:
    """Raises CatalogError."""
    if type not in Attribute.Type.values:
        raise CatalogError("bad_type", _("Choose a type."))
    return NewType(type, tuple(clean_choices(type, choices)))


# ── Dry run ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def queue_check(attribute: Attribute, new: NewType, *, by: User, now: datetime) -> BackgroundWork:
    """Find out in the background how many values would fit."""
    return _queue(attribute, new, CHECK_KIND, _("Check the values of “%s”") % attribute.label, by)


def run_check(work: BackgroundWork, attribute: Attribute, new: NewType, *, now: datetime) -> None:
    """Read everything, change nothing. The result holds counts and examples."""
    if not begin_work(work, now=now):
        return
    converter, tally, examples = Converter(new, _find_zone(attribute)), Tally(), dict[str, Example]()
    with ending_work(work, now=now) as result:
        for block in _read_values(attribute):
            for _contact_id, stored in block:
                _result, problem = converter.convert(stored)
                _count(tally, problem)
                if problem and len(examples) < MOST_EXAMPLES:
                    shown = export_value(json.loads(stored))[:200]
                    examples.setdefault(shown, Example(shown, problem))
            report_progress(work, done=tally.filled)
        result.update(asdict(tally), examples=[asdict(example) for example in examples.values()])


# ── The change ───────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def queue_change(attribute: Attribute, new: NewType, *, by: User, now: datetime) -> BackgroundWork:
    """Give the attribute its new type at once, so that what is written from now on has it, and convert the rest in the background.

    Raises CatalogError while values are converted already: two at once would take what the other one made for misfits.
    """
    attribute = Attribute.objects.for_account(attribute.account_id).select_for_update().get(pk=attribute.pk)
    if _find_running(attribute).exists():
        raise CatalogError(
            "running", _("Its values are being converted already: wait for that, or cancel it.")
        )
    before, attribute.type, attribute.choices = attribute.type, new.type, list(new.choices)
    attribute.save(update_fields=["type", "choices"])
    title = _("Change the type of “%s”") % attribute.label
    work = _queue(attribute, new, CHANGE_KIND, title, by)
    record_audit(
        attribute.account_id,
        by=by,
        action="attribute.type_changed",
        subject=attribute,
        before=before,
        after=new.type,
    )
    return work


def run_change(work: BackgroundWork, attribute: Attribute, new: NewType, *, now: datetime) -> None:
    """Convert block by block. Where it was stopped, the rest counts as missing until it is started again."""
    if not begin_work(work, now=now):
        return
    converter, tally = Converter(new, _find_zone(attribute)), Tally()
    occasion = Occasion(work.created_by, now, work.uid)
    stopped = _("Values that were not reached count as missing until you check and change the type again.")
    with ending_work(work, now=now, if_canceled=stopped) as result:
        result.update(asdict(tally))
        for block in _read_values(attribute):
            with account_scope(work.account_id):
                _check_type_stands(attribute, new)
                _convert_block(attribute, block, converter, tally, occasion)
            result.update(asdict(tally))
            report_progress(work, done=tally.filled)


def _find_running(attribute: Attribute) -> QuerySet[BackgroundWork]:
    states = (BackgroundWork.State.QUEUED, BackgroundWork.State.RUNNING)
    rows = BackgroundWork.objects.for_account(attribute.account_id).filter(kind=CHANGE_KIND, state__in=states)
    return rows.filter(subject_id=attribute.public_id, cancel_requested_at=None)


def _check_type_stands(attribute: Attribute, new: NewType) -> None:
    """Raises WorkRefused when the attribute has yet another type. Held until the block is written."""
    rows = Attribute.objects.for_account(attribute.account_id).select_for_update(no_key=True)
    found = rows.filter(pk=attribute.pk).first()
    if found is None or (found.type, tuple(found.choices)) != (new.type, new.choices):
        raise WorkRefused(_("The attribute has got another type since; this change has stopped."))


def _convert_block(
    attribute: Attribute,
    block: Sequence[tuple[UUID, str]],
    converter: Converter,
    tally: Tally,
    occasion: Occasion,
) -> None:
    changes = []
    for contact_id, stored in block:
        result, problem = converter.convert(stored)
        _count(tally, problem)
        if result is None or not _is_same(result, stored):
            changes.append((contact_id, stored, result))
    if changes:
        ids, olds, news = map(list, zip(*changes, strict=True))
        parameters: dict[str, Any] = {
            "account_id": attribute.account_id,
            "attribute_id": attribute.pk,
            "key": str(attribute.number),
            "ids": ids,
            "olds": olds,
            "news": news,
        }
        with connections["default"].cursor() as cursor:
            cursor.execute(
                load_sql("contacts", "convert_values"),
                parameters | occasion.event_parameters(fields=[f"attribute:{attribute.number}"]),
            )


# ── What was put aside ───────────────────────────────────────────────────────────────────────────────────────────────
def count_aside(attribute: Attribute) -> int:
    return _aside(attribute).count()


def export_aside(attribute: Attribute) -> Iterator[str]:
    """The values that did not fit, with whose they are, as CSV."""
    yield BOM
    yield from write_rows([[_("Email"), attribute.label]])
    after = _LEAST
    while True:
        with account_scope(attribute.account_id):
            rows = list(_aside(attribute).filter(contact_id__gt=after).order_by("contact_id")[:BLOCK])
            emails = dict(
                Contact.objects.for_account(attribute.account_id)
                .filter(id__in=[row.contact_id for row in rows])
                .values_list("id", "email")
            )
        if not rows:
            return
        yield from write_rows([emails.get(row.contact_id, ""), export_value(row.value)] for row in rows)
        after = rows[-1].contact_id


@transaction.atomic
def forget_aside(attribute: Attribute, *, by: User, now: datetime) -> int:
    """Drop the list when nobody needs it any more."""
    deleted, _by_model = _aside(attribute).delete()
    if deleted:
        record_audit(
            attribute.account_id, by=by, action="attribute.aside_forgotten", subject=attribute, values=deleted
        )
    return deleted


def _aside(attribute: Attribute) -> Any:
    return ValueAside.objects.for_account(attribute.account_id).filter(attribute_id=attribute.pk)


# ── Common ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _queue(attribute: Attribute, new: NewType, kind: str, title: str, by: User) -> BackgroundWork:
    work = queue_work(attribute.account_id, kind=kind, title=title, by=by, subject_id=attribute.public_id)
    work.result = {"type": new.type, "choices": list(new.choices)}
    work.save(update_fields=["result"])
    app.configure_task(kind, queue="default").defer(
        account_id=attribute.account_id,
        work_id=work.pk,
        attribute_id=attribute.pk,
        type=new.type,
        choices=list(new.choices),
    )
    return work


def _read_values(attribute: Attribute) -> Iterator[list[tuple[UUID, str]]]:
    """All contacts with a value, as JSON text, by key. A restricted person's data stays as it is."""
    after = _LEAST
    while True:
        with account_scope(attribute.account_id), connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT id, (attributes -> %(key)s)::text FROM contact WHERE account_id = %(account)s AND id > %(after)s "
                "AND attributes ? %(key)s AND state <> 'restricted' ORDER BY id LIMIT %(limit)s",
                {
                    "key": str(attribute.number),
                    "account": attribute.account_id,
                    "after": after,
                    "limit": BLOCK,
                },
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _is_same(one: str, other: str) -> bool:
    """As JSON: true is not 1."""
    first, second = json.loads(one), json.loads(other)
    return type(first) is type(second) and first == second


def _count(tally: Tally, problem: str) -> None:
    tally.filled += 1
    if problem:
        tally.misfits += 1
    else:
        tally.fits += 1


def _find_zone(attribute: Attribute) -> tzinfo:
    return find_zone(Account.objects.values_list("timezone", flat=True).get(pk=attribute.account_id))
