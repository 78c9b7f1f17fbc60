from __future__ import annotations

from procrastinate.contrib.django import app

from dynamail.feedback.mailboxes import poll_mailbox, start_visit
from dynamail.feedback.models import ReportMailbox
from dynamail.feedback.retention import forget_old_reports
from dynamail.lib.clock import utc_now


@app.task(name="feedback.poll_mailboxes", queueing_lock="feedback.poll_mailboxes")
def poll_mailboxes_task(timestamp: int | None = None) -> None:
    """One job for each mailbox, so that a slow one delays nobody."""
    rows = ReportMailbox.objects.across_accounts(reason="every account's mailboxes are read")
    for mailbox in rows.filter(is_enabled=True):
        start_visit(mailbox)


@app.task(name="feedback.poll_mailbox")
def poll_mailbox_task(account_id: int, mailbox_id: int) -> None:
    mailbox = ReportMailbox.objects.for_account(account_id).filter(pk=mailbox_id, is_enabled=True).first()
    if mailbox is not None:
        poll_mailbox(mailbox)


@app.task(name="feedback.forget_old_reports", queueing_lock="feedback.forget_old_reports")
def forget_old_reports_task(timestamp: int | None = None) -> None:
    forget_old_reports(now=utc_now())
