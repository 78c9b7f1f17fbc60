"""Emails as Postmark tells them: `/messages/outbound/{id}/details`."""

from __future__ import annotations

from uuid import UUID

import msgspec

from dynamail.events.kinds import EventKind
from dynamail.events.models import Event
from dynamail.messages.email_log import WAITING, EmailView, MailState, RecipientView
from dynamail.messages.showing import NOTHING, show_content

_TYPES = {
    EventKind.MESSAGE_DELIVERED: "Delivered",
    EventKind.MESSAGE_DELAYED: "Transient",
    EventKind.MESSAGE_OPENED: "Opened",
    EventKind.MESSAGE_CLICKED: "LinkClicked",
    EventKind.MESSAGE_BOUNCED: "Bounced",
    EventKind.MESSAGE_EXPIRED: "Bounced",
}


class PersonBody(msgspec.Struct, frozen=True, rename="pascal"):
    email: str
    name: str | None


class HappenedBody(msgspec.Struct, frozen=True, rename="pascal"):
    recipient: str
    type: str
    received_at: str
    details: dict[str, str]


class DetailsBody(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    """Texts are empty when the retention of contents has ended."""

    message_id: str = msgspec.field(name="MessageID")
    message_stream: str
    to: list[PersonBody]
    cc: list[PersonBody]
    bcc: list[PersonBody]
    recipients: list[str]
    sender: str = msgspec.field(name="From")
    subject: str
    received_at: str
    status: str
    tag: str | None
    metadata: dict[str, str]
    text_body: str
    html_body: str
    attachments: list[str]
    track_opens: bool
    track_links: str
    sandboxed: bool
    message_events: list[HappenedBody]


def describe_details(view: EmailView) -> DetailsBody:
    email = view.email
    shown = show_content(view.body) if view.body else NOTHING
    people: dict[UUID | None, str] = {one.message_id: one.email for one in view.recipients}
    return DetailsBody(
        message_id=str(email.id),
        message_stream="outbound" if email.stream == "transactional" else email.stream,
        to=_list(view.recipients, "to"),
        cc=_list(view.recipients, "cc"),
        bcc=_list(view.recipients, "bcc"),
        recipients=list(people.values()),
        sender=f'"{email.from_name}" <{email.from_email}>' if email.from_name else email.from_email,
        subject=email.subject,
        received_at=email.at.isoformat(),
        status=_find_status(view),
        tag=email.tags[0] if email.tags else None,
        metadata=dict(email.metadata),
        text_body=shown.text,
        html_body=shown.html,
        attachments=[one.filename for one in shown.files],
        track_opens=email.track_opens,
        track_links="HtmlAndText" if email.track_clicks else "None",
        sandboxed=email.is_test,
        message_events=[
            _describe(event, people.get(event.message_id, ""))
            for event in view.timeline
            if event.kind in _TYPES
        ],
    )


def _find_status(view: EmailView) -> str:
    if view.state in WAITING:
        return "Queued"
    return "Canceled" if view.state == MailState.CANCELED else "Sent"


def _list(recipients: tuple[RecipientView, ...], kind: str) -> list[PersonBody]:
    return [PersonBody(one.email, one.name or None) for one in recipients if one.kind == kind]


def _describe(event: Event, recipient: str) -> HappenedBody:
    data = event.data or {}
    said = {"DeliveryMessage": data.get("reply"), "DestinationIP": data.get("ip")}
    details = {name: str(value) for name, value in said.items() if value}
    return HappenedBody(recipient, _TYPES[EventKind(event.kind)], event.at.isoformat(), details)
