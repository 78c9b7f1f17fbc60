"""Django's way to send mail, for the installation's own messages: verification, password reset, invitations.

An EmailMessage becomes one outbox row per recipient in the transaction that caused it, under account 0. Nobody waits for an SMTP
server inside a request, and a rolled-back sign-up sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from dynamail.accounts.tenancy import account_scope
from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import SYSTEM_ACCOUNT, Content, accept_message
from dynamail.messages.models import SourceKind
from dynamail.protocols.address import split_mailbox


class SystemMailBackend(BaseEmailBackend):
    """settings.EMAIL_BACKEND. Attachments are refused: the installation sends none."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        return sum(accept_system_mail(message) for message in email_messages)


def accept_system_mail(message: EmailMessage) -> int:
    """One outbox row for each recipient; returns 1 if there was any. Raises ValueError for attachments."""
    if message.attachments:
        raise ValueError("System mail carries no attachments.")
    content = _to_content(message)
    now = utc_now()
    recipients = [split_mailbox(text).address for text in message.recipients()]
    with account_scope(SYSTEM_ACCOUNT):
        for recipient in recipients:
            accept_message(
                SYSTEM_ACCOUNT,
                source_kind=SourceKind.SYSTEM,
                recipient=str(recipient),
                content=content,
                now=now,
            )
    return int(bool(recipients))


def _to_content(message: EmailMessage) -> Content:
    sender = split_mailbox(message.from_email)
    html = _find_html(message)
    is_html_only = message.content_subtype == "html"
    return Content(
        from_email=str(sender.address),
        from_name=sender.name,
        reply_to=str(split_mailbox(message.reply_to[0]).address) if message.reply_to else "",
        subject=" ".join(str(message.subject).split()),
        html=str(message.body) if is_html_only else html,
        text="" if is_html_only else str(message.body),
        headers=tuple((name, str(value)) for name, value in message.extra_headers.items()),
    )


def _find_html(message: EmailMessage) -> str:
    if not isinstance(message, EmailMultiAlternatives):
        return ""
    alternatives: list[Any] = message.alternatives
    return next((str(content) for content, kind in alternatives if kind == "text/html"), "")
