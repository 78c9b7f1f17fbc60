"""Exports that a program or a page asks for: written in the background, kept for seven days, fetched as CSV.

What leaves is a transfer of personal data (P7.1): asking for it and fetching it are both in the audit log.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import Actor, find_user, record_audit
from dynamail.accounts.background import queue_work, report_progress
from dynamail.accounts.models import BackgroundWork
from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.faults import ConditionFault
from dynamail.consent.suppression_list import SuppressionFilter
from dynamail.contacts.exporting import export_contacts, list_columns
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.suppressions_file import export_suppressions
from dynamail.contacts.working import WorkRefused, begin_work, ending_work
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import SqlFragment
from dynamail.messages.email_export import export_emails
from dynamail.messages.email_log import EmailFilter
from dynamail.segments.checking import read_sound
from dynamail.segments.compiling import compile_for
from dynamail.segments.wording import translate_fault

KIND = "export"
PREFIX = "exp"
KEEP_DAYS = RETENTION_DAYS[Retention.CAMPAIGN_BODY] or 7


class What(StrEnum):
    """What a file holds."""

    CONTACTS = "contacts"
    SUPPRESSIONS = "suppressions"
    EMAILS = "emails"


@dataclass(frozen=True)
class ExportWanted:
    """Of contacts `columns` are those of `contacts.exporting.list_columns`, `condition` is a document, None for everybody.

    `emails` narrows the log of messages. With `bom` spreadsheets see that it is UTF-8.
    """

    what: What
    columns: Sequence[str] = ()
    condition: Any = None
    emails: EmailFilter | None = None
    bom: bool = False


@transaction.atomic
def queue_export(account_id: int, wanted: ExportWanted, *, by: Actor, now: datetime) -> BackgroundWork:
    """Row and task in one transaction. Raises ConditionFault for a condition that cannot be asked."""
    if wanted.condition is not None:
        read_sound(account_id, wanted.condition)
    titles = {
        What.CONTACTS: _("Export of contacts"),
        What.SUPPRESSIONS: _("Export of suppressions"),
        What.EMAILS: _("Export of the log of messages"),
    }
    work = queue_work(account_id, kind=KIND, title=titles[wanted.what], by=find_user(by))
    work.result = {"wanted": msgspec.to_builtins(wanted)}
    work.save(update_fields=["result"])
    record_audit(account_id, by=by, action=f"{wanted.what}.exported", subject=work, **_tell(wanted))
    app.configure_task("segments.run_export", queue="default").defer(account_id=account_id, work_id=work.pk)
    return work


def _tell(wanted: ExportWanted) -> dict[str, Any]:
    """What the audit log says of it: by what messages were narrowed, never whose."""
    if wanted.what is What.EMAILS:
        given = msgspec.to_builtins(wanted.emails or EmailFilter())
        plain = {name: value for name, value in given.items() if value not in ("", None)}
        return {"filters": plain | {name: "…" for name in ("recipient", "subject") if name in plain}}
    return {"columns": list(wanted.columns), "condition": wanted.condition}


def find_export(account_id: int, public_id: str) -> BackgroundWork | None:
    try:
        uid = from_public_id(PREFIX, public_id)
    except UnknownId:
        return None
    return BackgroundWork.objects.for_account(account_id).filter(uid=uid, kind=KIND).first()


def list_exports(account_id: int, *, before: UUID | None, limit: int) -> list[BackgroundWork]:
    """The latest first."""
    rows = BackgroundWork.objects.for_account(account_id).filter(kind=KIND).order_by("-uid")
    return list((rows if before is None else rows.filter(uid__lt=before))[:limit])


def name_export(work: BackgroundWork) -> str:
    return to_public_id(PREFIX, work.uid)


def read_wanted(work: BackgroundWork) -> ExportWanted:
    return msgspec.convert(work.result["wanted"], ExportWanted)


def fetch_export(work: BackgroundWork, *, by: Actor, now: datetime) -> Path | None:
    """Where the finished file is; None while there is none, and when it was removed."""
    path = _find_path(work)
    if work.state != BackgroundWork.State.FINISHED or not path.is_file():
        return None
    record_audit(work.account_id, by=by, action="export.fetched", subject=work, what=read_wanted(work).what)
    return path


def run_export(work: BackgroundWork, *, now: datetime) -> None:
    """Write the file; one that broke off begins anew."""
    if not begin_work(work, now=now):
        return
    with ending_work(work, now=now) as result:
        path = _find_path(work)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(".part")
        try:
            result["rows"] = _write(work, part, now)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        result["bytes"] = path.stat().st_size


def remove_old_exports(now: datetime) -> int:
    """Retention: files go after seven days, and what a killed worker left with them. Returns how many."""
    limit = (now - timedelta(days=KEEP_DAYS)).timestamp()
    old = [path for path in Path(settings.FILES_DIR).glob("*/exports/*") if path.stat().st_mtime < limit]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _find_path(work: BackgroundWork) -> Path:
    return Path(settings.FILES_DIR, str(work.account_id), "exports", f"{work.uid.hex}.csv")


def _write(work: BackgroundWork, path: Path, now: datetime) -> int:
    """Returns the number of rows below the header. Raises WorkRefused, WorkCanceled, TooSlow."""
    rows = -1
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as file:
        for piece in _export(work, now):
            file.write(piece)
            rows += sum(1 for _row in csv.reader(io.StringIO(piece, newline="")))
            report_progress(work, done=max(0, rows))
    return rows


def _export(work: BackgroundWork, now: datetime) -> Iterator[str]:
    wanted, account_id = read_wanted(work), work.account_id
    if wanted.what is What.SUPPRESSIONS:
        return export_suppressions(account_id, SuppressionFilter(), now=now)
    if wanted.what is What.EMAILS:
        return export_emails(account_id, wanted.emails or EmailFilter(), now=now, bom=wanted.bom)
    narrowing = _compile(account_id, wanted.condition, now)
    return export_contacts(
        account_id, ContactFilter(), narrowing=narrowing, columns=wanted.columns, bom=wanted.bom
    )


def _compile(account_id: int, condition: Any, now: datetime) -> SqlFragment | None:
    """As the account is now: what was deleted while the work waited fails it. Raises WorkRefused."""
    if condition is None:
        return None
    try:
        with account_scope(account_id):
            return compile_for(account_id, read_sound(account_id, condition), now=now)
    except ConditionFault as error:
        raise WorkRefused(" ".join(map(translate_fault, error.faults))) from None


def list_export_columns(account_id: int) -> list[str]:
    """Every column there is, in the order of a whole export."""
    return list(list_columns(account_id))
