"""Looking for one person with two rows by a rule, keeping the pairs for a member to look at, and merging all of a rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString, cast
from uuid import UUID

from django.db import connections, transaction
from django.db.models import CharField, UUIDField
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.background import queue_work, report_progress
from dynamail.accounts.models import BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.merging import MergeError, merge_contacts
from dynamail.contacts.models import Attribute, Contact, DuplicatePair
from dynamail.contacts.working import WorkRefused, begin_work, ending_work, keep_result
from dynamail.lib.ids import UnknownId
from dynamail.lib.keyset import KeysetPage, Order, cut_page
from dynamail.lib.sql import load_sql

SEARCH_KIND, MERGE_KIND = "contacts.find_duplicates", "contacts.merge_duplicates"
MOST_ALIKE = 10  # contacts with one value; more of them share an office, not a person
MAX_PAIRS = 100_000  # of one search
PAGE_SIZE = 50
BLOCK = 100  # pairs between two reports of progress
ORDER = Order((("value", CharField()), ("gone_id", UUIDField()), ("kept_id", UUIDField())))
COMPARABLE = (Attribute.Type.TEXT, Attribute.Type.NUMBER)

# A provider's own rules say which spellings are one mailbox: what follows a plus sign and, at Gmail, the points do not count; one
# Yandex mailbox has several domains and takes a point for a hyphen. Elsewhere a plus or a point may make another mailbox.
_MAILBOX: LiteralString = r"""CASE
    WHEN split_part(contact.email_key, '@', 2) IN ('gmail.com', 'googlemail.com')
        THEN replace(split_part(split_part(contact.email_key, '@', 1), '+', 1), '.', '') || '@gmail.com'
    WHEN split_part(contact.email_key, '@', 2) IN ('yandex.ru', 'yandex.by', 'yandex.kz', 'yandex.com', 'yandex.ua', 'ya.ru')
        THEN replace(split_part(split_part(contact.email_key, '@', 1), '+', 1), '.', '-') || '@yandex.ru'
    WHEN split_part(contact.email_key, '@', 2) IN (
        'outlook.com', 'hotmail.com', 'live.com', 'icloud.com', 'me.com', 'mac.com', 'fastmail.com', 'proton.me', 'protonmail.com'
    ) THEN split_part(split_part(contact.email_key, '@', 1), '+', 1) || '@' || split_part(contact.email_key, '@', 2)
END"""
# Spaces and letter case do not count, and of a telephone number the digits alone.
_ATTRIBUTE: LiteralString = r"""CASE
    WHEN contact.attributes ->> %(key)s ~ '^\s*\+?[\d\s().-]{7,25}$'
        THEN regexp_replace(contact.attributes ->> %(key)s, '\D', '', 'g')
    ELSE lower(btrim(regexp_replace(contact.attributes ->> %(key)s, '\s+', ' ', 'g')))
END"""
_NAME: LiteralString = "nullif(lower(btrim(contact.name)), '')"


class Basis(StrEnum):
    """What two rows of one person have in common."""

    MAILBOX = "mailbox"
    ATTRIBUTE = "attribute"
    NAME_AND_ATTRIBUTE = "name_attribute"


@dataclass(frozen=True)
class Rule:
    """A basis, and the attribute where one is compared."""

    basis: Basis
    attribute: Attribute | None = None

    @property
    def code(self) -> str:
        """`mailbox`, `attribute:att_…`: what a pair and an alias say about how they were found."""
        return f"{self.basis}:{self.attribute.public_id}" if self.attribute else str(self.basis)


def list_rules(account_id: int) -> list[Rule]:
    """The mailbox, then each attribute alone and with the name."""
    rows = Attribute.objects.for_account(account_id).filter(type__in=COMPARABLE, archived_at=None)
    attributes = list(rows.order_by("position", "pk"))
    rules = [Rule(Basis.MAILBOX)]
    rules += [Rule(Basis.NAME_AND_ATTRIBUTE, one) for one in attributes]
    return rules + [Rule(Basis.ATTRIBUTE, one) for one in attributes]


def find_rule(account_id: int, code: str) -> Rule | None:
    """The rule of a code; None for one that does not exist (any more)."""
    basis, _colon, public_id = code.partition(":")
    if basis == Basis.MAILBOX and not public_id:
        return Rule(Basis.MAILBOX)
    try:
        uid = Attribute.uid_from(public_id)
        found = Attribute.objects.for_account(account_id).filter(uid=uid, type__in=COMPARABLE).first()
        return Rule(Basis(basis), found) if found and basis != Basis.MAILBOX else None
    except (UnknownId, ValueError):
        return None


# ── Searching ────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def queue_search(account_id: int, rule: Rule, *, by: User, now: datetime) -> BackgroundWork:
    """Look through all contacts in the background."""
    work = queue_work(
        account_id, kind=SEARCH_KIND, title=_("Look for duplicates"), by=by, subject_id=rule.code[:64]
    )
    app.configure_task("contacts.find_duplicates", queue="default").defer(
        account_id=account_id, work_id=work.pk, rule=rule.code
    )
    return work


def run_search(work: BackgroundWork, rule: Rule | None, *, now: datetime) -> None:
    """One statement; what an earlier search of the rule found and nobody decided is replaced. None is a rule that is gone."""
    if not begin_work(work, now=now):
        return
    with ending_work(work, now=now) as result:
        rule = _require(rule)
        with account_scope(work.account_id):
            find_pairs(work.account_id, rule, now=now)
            result["pairs"] = list_open(work.account_id, rule).count()


def _require(rule: Rule | None) -> Rule:
    if rule is None:
        raise WorkRefused(_("The attribute of this rule does not exist any more."))
    return rule


def find_pairs(account_id: int, rule: Rule, *, now: datetime) -> None:
    """In the caller's transaction."""
    list_open(account_id, rule).delete()
    key = str(rule.attribute.number) if rule.attribute else ""
    parameters: dict[str, Any] = {
        "account_id": account_id,
        "rule": rule.code,
        "most": MOST_ALIKE,
        "limit": MAX_PAIRS,
        "now": now,
        "key": key,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(load_sql("contacts", "find_duplicates").replace("{value}", _value(rule)), parameters)


def _value(rule: Rule) -> LiteralString:
    match rule.basis:
        case Basis.MAILBOX:
            return _MAILBOX
        case Basis.ATTRIBUTE:
            return _ATTRIBUTE
    return cast(LiteralString, f"{_NAME} || ' · ' || {_ATTRIBUTE}")


# ── Deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Pair:
    """A pair with both contacts, as they are now."""

    row: DuplicatePair
    kept: Contact
    gone: Contact


def list_open(account_id: int, rule: Rule) -> Any:
    return DuplicatePair.objects.for_account(account_id).filter(
        rule=rule.code, state=DuplicatePair.State.OPEN
    )


def list_pairs(
    account_id: int, rule: Rule, *, before: str = "", after: str = ""
) -> KeysetPage[DuplicatePair]:
    return cut_page(list_open(account_id, rule), ORDER, before=before, after=after, size=PAGE_SIZE)


def join_contacts(account_id: int, rows: Sequence[DuplicatePair]) -> list[Pair]:
    """Pairs of whom one is gone meanwhile are left out."""
    ids = {contact_id for row in rows for contact_id in (row.kept_id, row.gone_id)}
    contacts = {row.id: row for row in Contact.objects.for_account(account_id).filter(id__in=ids)}
    return [
        Pair(row, contacts[row.kept_id], contacts[row.gone_id])
        for row in rows
        if row.kept_id in contacts and row.gone_id in contacts
    ]


def call_different(account_id: int, rule: Rule, *, kept_id: UUID, gone_id: UUID) -> bool:
    """A member says that these are two persons: the pair is not offered again."""
    rows = list_open(account_id, rule).filter(kept_id=kept_id, gone_id=gone_id)
    return bool(rows.update(state=DuplicatePair.State.DIFFERENT))


@transaction.atomic
def queue_merge_all(account_id: int, rule: Rule, *, by: User, now: datetime) -> BackgroundWork:
    """Merge all open pairs of the rule in the background."""
    total = list_open(account_id, rule).count()
    work = queue_work(
        account_id,
        kind=MERGE_KIND,
        title=_("Merge duplicates"),
        by=by,
        total=total,
        subject_id=rule.code[:64],
    )
    record_audit(
        account_id, by=by, action="contacts.merged_by_rule", subject=work, rule=rule.code, pairs=total
    )
    app.configure_task("contacts.merge_duplicates", queue="default").defer(
        account_id=account_id, work_id=work.pk, rule=rule.code
    )
    return work


def run_merge_all(work: BackgroundWork, rule: Rule | None, *, now: datetime) -> None:
    """Pair by pair, each in its own transaction. A contact that was changed since the search is left for the next search."""
    if not begin_work(work, now=now):
        return
    seen = 0
    with ending_work(work, now=now) as result:
        rule = _require(rule)
        result.setdefault("merged", 0)  # else what an earlier run did before it broke off
        result.setdefault("left", 0)
        for row in _read_open(work.account_id, rule):
            with account_scope(work.account_id):
                name = "merged" if _merge_pair(row, rule, by=work.created_by, now=now) else "left"
                keep_result(work, result | {name: result[name] + 1})
            result[name] += 1
            seen += 1
            if seen % BLOCK == 0:
                report_progress(work, done=seen)


def _read_open(account_id: int, rule: Rule) -> Iterator[DuplicatePair]:
    after = ""
    while True:
        with account_scope(account_id):
            page = list_pairs(account_id, rule, after=after)
        yield from page.rows
        if not (after := page.after):
            return


def _merge_pair(row: DuplicatePair, rule: Rule, *, by: User | None, now: datetime) -> bool:
    pairs = join_contacts(row.account_id, [row])
    list_open(row.account_id, rule).filter(kept_id=row.kept_id, gone_id=row.gone_id).delete()
    if not pairs or _was_changed(pairs[0], now):
        return False
    try:
        with transaction.atomic():
            merge_contacts(
                row.account_id, kept_id=row.kept_id, gone_id=row.gone_id, rule=str(rule.basis), by=by, now=now
            )
    except MergeError:
        return False
    return True


def _was_changed(pair: Pair, now: datetime) -> bool:
    """The one who stays may have got an earlier pair's data by this very work."""
    return any(one.updated_at > pair.row.found_at and one.updated_at != now for one in (pair.kept, pair.gone))
