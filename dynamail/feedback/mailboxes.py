"""Mailboxes in which reports arrive: setting one up, trying it, reading it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.accounts.tenancy import account_scope
from dynamail.feedback.models import ReportMailbox, Source
from dynamail.feedback.polling import Login, PollError, Visit, read_mailbox
from dynamail.feedback.receiving import Taken, take_report
from dynamail.lib.clock import utc_now
from dynamail.lib.sealing import CannotOpen, seal, unseal
from dynamail.lib.signing import derive_key


@dataclass(frozen=True)
class MailboxSettings:
    """What a member types. `password` None keeps the stored one."""

    protocol: str
    host: str
    port: int
    security: str
    username: str
    password: str | None
    folder: str = "INBOX"
    delete_processed: bool = False
    is_enabled: bool = True


@transaction.atomic
def save_mailbox(
    account: Account, entered: MailboxSettings, *, mailbox: ReportMailbox | None, by: Member, now: datetime
) -> ReportMailbox:
    """Create or change one. Who allowed us to read it is on the row (P7.1)."""
    values = asdict(entered)
    password = values.pop("password")
    if mailbox is None:
        mailbox = ReportMailbox.objects.add(account, **values, authorized_by=by.user, authorized_at=now)
        action = "report_mailbox.added"
    else:
        is_elsewhere = (mailbox.host, mailbox.folder, mailbox.username) != (
            entered.host,
            entered.folder,
            entered.username,
        )
        restart: dict[str, Any] = {"position": {}} if is_elsewhere else {}
        _rows(mailbox).update(**values, **restart, problem="", checked_at=None)
        action = "report_mailbox.changed"
    if password is not None:
        _rows(mailbox).update(password_sealed=seal(_key(), password, place=_place(mailbox)))
    record_audit(account.pk, by=by, action=action, subject=mailbox, host=entered.host, port=entered.port)
    return _rows(mailbox).get()


@transaction.atomic
def remove_mailbox(mailbox: ReportMailbox, *, by: Member) -> None:
    record_audit(
        mailbox.account_id, by=by, action="report_mailbox.removed", subject=mailbox, host=mailbox.host
    )
    mailbox.delete()


def start_visit(mailbox: ReportMailbox) -> None:
    """Read it in the background, now; nothing happens when a visit waits already."""
    lock = f"report mailbox {mailbox.pk}"
    job = app.configure_task("feedback.poll_mailbox", lock=lock, queueing_lock=lock)
    with suppress(AlreadyEnqueued), transaction.atomic():
        job.defer(account_id=mailbox.account_id, mailbox_id=mailbox.pk)


def poll_mailbox(mailbox: ReportMailbox) -> Visit | None:
    """Read what is new and note how it went. None when it could not be read. Talks to the network: no transaction is open."""

    def take(raw: bytes, envelope_to: list[str]) -> Taken:
        return take_report(raw, envelope_to=envelope_to, source=Source.MAILBOX, now=utc_now())

    try:
        visit = read_mailbox(_make_login(mailbox), position=mailbox.position, take=take)
    except (PollError, CannotOpen) as error:
        _note(mailbox, problem=str(error)[:500])
        return None
    _note(mailbox, problem="", position=visit.position, taken=mailbox.taken + visit.taken)
    return visit


def _make_login(mailbox: ReportMailbox) -> Login:
    sealed = mailbox.password_sealed
    password = unseal(_key(), bytes(sealed), place=_place(mailbox)) if sealed else ""
    return Login(
        mailbox.protocol,
        mailbox.host,
        mailbox.port,
        mailbox.security,
        mailbox.username,
        password,
        mailbox.folder,
        mailbox.delete_processed,
    )


def _note(mailbox: ReportMailbox, **values: object) -> None:
    with account_scope(mailbox.account_id):
        _rows(mailbox).update(checked_at=utc_now(), **values)


def _rows(mailbox: ReportMailbox):  # type: ignore[no-untyped-def]  # a queryset of one row
    return ReportMailbox.objects.for_account(mailbox.account_id).filter(pk=mailbox.pk)


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "sealed report mailboxes")


def _place(mailbox: ReportMailbox) -> str:
    return f"{mailbox.account_id}/report_mailbox/{mailbox.pk}/password_sealed"
