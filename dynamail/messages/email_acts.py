"""What can still be done about an email: cancel it, move it, send it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import ApiKey
from dynamail.consent.models import Topic
from dynamail.content.blobs import read_blob
from dynamail.lib.asking import run_inquiry
from dynamail.lib.sql import load_sql
from dynamail.messages.checking import MAX_AHEAD
from dynamail.messages.email_log import WAITING, EmailView, MailState, find_email
from dynamail.messages.email_outcomes import Unsent, ask_to_record_unsent
from dynamail.messages.emails import accept_emails
from dynamail.messages.models import Email, MessageState, Outbox, SourceKind
from dynamail.messages.new_email import AcceptResult, NewAttachment, NewEmail, NewRecipient, RecipientKind
from dynamail.protocols.address import write_mailbox
from dynamail.protocols.raw_messages import remove_field

_SENTENCES: dict[str, str | Promise] = {
    "unknown_email": _("There is no such email, or its log was deleted."),
    "test_key": _("A test key cannot move or cancel mail of a live key."),
    "nothing_waits": _("No copy of this email waits any more. Its log tells what became of each."),
    "too_far_ahead": _("Mail can be scheduled up to 30 days ahead."),
    "body_gone": _("The content of this email is not kept any more, so it cannot be sent again."),
    "had_one_time_values": _(
        "This email had one-time values, which are never kept, so it cannot be sent again."
    ),
}
_IN_HAND = _("This email is being sent at this moment.")
_ENDS: dict[MailState, str | Promise] = {  # of all its copies
    MailState.DELIVERED: _("This email was delivered already."),
    MailState.BOUNCED: _("This email was sent already, and refused by the other server."),
    MailState.EXPIRED: _("The time of this email is up: no attempt to deliver it succeeded. Send it again."),
    MailState.UNKNOWN: _("This email was sent already; the connection ended before the server answered."),
    MailState.SUPPRESSED: _("This email was not sent: its recipients must not be mailed."),
    MailState.CANCELED: _("This email was canceled already. Send it again to get a new one."),
}


class EmailActError(ValueError):
    """It cannot be done. `code` is stable, the sentence is for the user."""

    def __init__(self, code: str, sentence: str | Promise = "") -> None:
        super().__init__(str(sentence or _SENTENCES[code]))
        self.code = code


@transaction.atomic
def cancel_email(account_id: int, email_id: UUID, *, by: Actor, now: datetime) -> int:
    """Send none of the copies that wait; returns how many. Those that a worker holds are sent. Asked again it changes nothing, and that is
    no error. Raises EmailActError."""
    email = _get(account_id, email_id, by)
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("messages", "take_back_email"), [account_id, email_id])
        unsent = [
            Unsent(message_id, email_id, email.stream, stream_uid, contact_id, recipient, attempts=attempts)
            for message_id, stream_uid, contact_id, recipient, attempts in cursor.fetchall()
        ]
        if not unsent:
            return _accept_canceled(account_id, email_id)
        kind = SourceKind(email.source_kind)
        for ask in ask_to_record_unsent(account_id, unsent, MessageState.CANCELED, source_kind=kind, now=now):
            cursor.execute(ask.statement, ask.parameters)
    record_audit(account_id, by=by, action="email.canceled", email=email.public_id, copies=len(unsent))
    return len(unsent)


@transaction.atomic
def reschedule_email(account_id: int, email_id: UUID, *, send_at: datetime, by: Actor, now: datetime) -> int:
    """Move the copies that wait; a moment that has passed means now. Returns how many. Raises EmailActError."""
    if send_at > now + MAX_AHEAD:
        raise EmailActError("too_far_ahead")
    email = _get(account_id, email_id, by)
    at = max(send_at, now)
    moved = (
        Outbox.objects.for_account(account_id)
        .filter(email_id=email_id, worker=None)
        .update(run_at=at, created_at=at)
    )
    if not moved:
        raise _explain(_list_states(account_id, email_id))
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_notify('dynamail_outbox', '')")
    record_audit(account_id, by=by, action="email.rescheduled", email=email.public_id, send_at=at.isoformat())
    return moved


@transaction.atomic
def resend_email(account_id: int, email_id: UUID, *, by: Actor, now: datetime) -> AcceptResult:
    """A new email with the same content to the same recipients, judged anew. Raises EmailActError."""
    view = find_email(account_id, email_id)
    if view is None:
        raise EmailActError("unknown_email")
    inquiry = accept_emails(
        account_id,
        [_rebuild(account_id, view)],
        source_kind=SourceKind(view.email.source_kind),
        key=by if isinstance(by, ApiKey) else None,
        now=now,
        is_test=view.email.is_test,
    )
    with connections["default"].cursor() as cursor:
        (result,) = run_inquiry(inquiry, cursor)
    record_audit(account_id, by=by, action="email.resent", email=view.email.public_id)
    return result


def _accept_canceled(account_id: int, email_id: UUID) -> int:
    """None are left to cancel: right when an earlier request did it. Raises EmailActError."""
    states = _list_states(account_id, email_id)
    if MailState.CANCELED not in states:
        raise _explain(states)
    return 0


def _list_states(account_id: int, email_id: UUID) -> frozenset[MailState]:
    view = find_email(account_id, email_id)
    return frozenset(one.state for one in view.recipients) if view else frozenset()


def _explain(states: frozenset[MailState]) -> EmailActError:
    """Why nothing of an email can be changed any more. What waits all the same is in the hands of a worker."""
    if states.intersection(WAITING):
        return EmailActError("nothing_waits", _IN_HAND)
    end = next(iter(states)) if len(states) == 1 else None
    return EmailActError("nothing_waits", _ENDS.get(end, "") if end else "")


def _get(account_id: int, email_id: UUID, by: Actor) -> Email:
    email = Email.objects.for_account(account_id).filter(id=email_id).first()
    if email is None:
        raise EmailActError("unknown_email")
    if isinstance(by, ApiKey) and by.is_test and not email.is_test:
        raise EmailActError("test_key")
    return email


# ── The email as it was asked for ────────────────────────────────────────────────────────────────────────────────────
def _rebuild(account_id: int, view: EmailView) -> NewEmail:
    email, body = view.email, view.body
    if email.one_time:
        raise EmailActError("had_one_time_values")
    if body is None:
        raise EmailActError("body_gone")
    topic = (
        Topic.objects.for_account(account_id).filter(pk=email.topic_id).first() if email.topic_id else None
    )
    common: dict[str, Any] = {
        "sender": write_mailbox(email.from_name, email.from_email),
        "recipients": tuple(
            NewRecipient(one["email"], one["name"], RecipientKind(one["kind"])) for one in email.recipients
        ),
        "tags": tuple(email.tags),
        "metadata": email.metadata,
        "stream": email.stream,
        "topic": topic.public_id if topic else "",
        "separate": bool((body.content or {}).get("separate")),
    }
    if body.raw is not None:
        # Under the old Message-ID many servers would drop it as the message that they have.
        return NewEmail(**common, raw=remove_field(bytes(body.raw), "message-id"))
    content = body.content or {}
    return NewEmail(
        **common,
        subject=email.subject,
        html=content.get("html", ""),
        text=content.get("text", ""),
        text_from_html=content.get("text_from_html", False),
        reply_to=tuple(email.reply_to),
        headers=tuple((name, value) for name, value in content.get("headers", ())),
        attachments=tuple(_load_file(account_id, one) for one in content.get("attachments", ())),
        track_opens=email.track_opens,
        track_clicks=email.track_clicks,
    )


def _load_file(account_id: int, one: dict[str, Any]) -> NewAttachment:
    data = read_blob(account_id, UUID(one["blob"]))
    if data is None:
        raise EmailActError("body_gone")
    return NewAttachment(
        one["filename"], data, content_type=one["content_type"], content_id=one["content_id"]
    )
