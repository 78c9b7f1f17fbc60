"""What a provider's webhook tells, as findings about our messages. anymail knows each provider's shape; the words are judged by us.

Who calls proves itself by the secret in the address (`senders.credentials.WEBHOOK_SECRET`), the one proof that all providers offer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from anymail.signals import AnymailTrackingEvent, EventType
from django.http import HttpRequest
from django.utils.module_loading import import_string

from dynamail.feedback.consequences import Finding, describe_recipient
from dynamail.feedback.models import Kind
from dynamail.protocols.reports.refusals import judge_block
from dynamail.protocols.smtp.replies import clean_text

# Class names in anymail.webhooks.<provider>. A provider that is missing here reports nothing by itself.
VIEWS = {
    "postmark": "PostmarkTrackingWebhookView",
    "mailgun": "MailgunTrackingWebhookView",
    "sendgrid": "SendGridTrackingWebhookView",
    "brevo": "BrevoTrackingWebhookView",
    "mailjet": "MailjetTrackingWebhookView",
    "mailtrap": "MailtrapTrackingWebhookView",
    "resend": "ResendTrackingWebhookView",
    "sparkpost": "SparkPostTrackingWebhookView",
    "mandrill": "MandrillCombinedWebhookView",
    "unisender_go": "UnisenderGoTrackingWebhookView",
}
NEEDS_KEY = ("mailgun", "unisender_go")  # anymail wants one before it reads anything
ID_KEY = "dynamail_id"  # as delivery/provider_messages.py writes it
MOST_WORDS = 2_000
KINDS = {
    EventType.BOUNCED: Kind.BOUNCE,
    EventType.REJECTED: Kind.BOUNCE,
    EventType.FAILED: Kind.BOUNCE,
    EventType.DEFERRED: Kind.DELAY,
    EventType.COMPLAINED: Kind.COMPLAINT,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBE,
    EventType.AUTORESPONDED: Kind.AUTO_REPLY,
}


class UnreadableEvents(ValueError):
    """The body is not what this provider sends."""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    message_id: UUID
    finding: Finding


def reports_by_webhook(provider: str) -> bool:
    return provider in VIEWS


def read_provider_events(provider: str, request: HttpRequest) -> list[ProviderEvent]:
    """Those that say something about a message of ours and call for more than nothing. Raises UnreadableEvents."""
    view = _make_view(provider)
    try:
        return list(_convert(view.parse_events(request)))
    except Exception as error:  # any of anymail's parsers meets any shape here
        raise UnreadableEvents(f"{type(error).__name__}: {error}") from error


def _make_view(provider: str) -> Any:
    view_class = import_string(f"anymail.webhooks.{provider}.{VIEWS[provider]}")
    options = {"api_key": "not used"} if provider in NEEDS_KEY else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no other secret is set: the address has one
        return view_class(**options)


def _convert(events: list[AnymailTrackingEvent]) -> Iterator[ProviderEvent]:
    for event in events:
        message_id = _read_id(getattr(event, "metadata", None) or {})
        kind = KINDS.get(event.event_type)
        if message_id is not None and kind is not None:
            yield ProviderEvent(message_id, _make_finding(kind, event))


def _make_finding(kind: Kind, event: AnymailTrackingEvent) -> Finding:
    if kind is not Kind.BOUNCE:
        return Finding(kind, text=_words(event))
    told = judge_block(str(event.recipient or ""), _words(event), context="", action="failed")
    return describe_recipient(kind, told)


def _words(event: AnymailTrackingEvent) -> str:
    """The receiving server's words, else the provider's, without what a log or PostgreSQL does not take."""
    said = str(event.mta_response or event.description or event.reject_reason or "")
    return clean_text(said[:MOST_WORDS].encode("utf-8", "replace"))


def _read_id(metadata: dict[str, Any]) -> UUID | None:
    try:
        return UUID(hex=str(metadata.get(ID_KEY, "")))
    except ValueError:
        return None
