"""listmonk's transactional messages as our emails: one for each subscriber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dynamail.api.compat.doors import unfit
from dynamail.api.compat.forms import FormFile
from dynamail.api.compat.reading import check_mailbox, missing, template_name
from dynamail.messages.new_email import NewAttachment, NewEmail

MAX_SUBSCRIBERS = 500
DEFAULT, FALLBACK, EXTERNAL = "default", "fallback", "external"


class Said(msgspec.Struct, frozen=True):
    """`POST /api/tx`. Fields that listmonk does not know are let pass, as it does."""

    subscriber_email: str = ""
    subscriber_emails: list[str] | None = None
    subscriber_id: int | str = ""
    subscriber_ids: list[int | str] | None = None
    subscriber_mode: str = ""
    template_id: int | str = ""
    from_email: str = ""
    subject: str = ""
    data: dict[str, Any] | None = None
    headers: list[dict[str, str]] | None = None
    messenger: str = ""
    content_type: str = ""
    altbody: str = ""

    @property
    def emails(self) -> list[str]:
        return [*([self.subscriber_email] if self.subscriber_email else []), *(self.subscriber_emails or [])]

    @property
    def ids(self) -> list[str]:
        one = [self.subscriber_id] if self.subscriber_id else []
        return [str(value) for value in (*one, *(self.subscriber_ids or []))]


@dataclass(frozen=True)
class Subscribers:
    """Whom a request names: addresses, ids of contacts, and whether they must be contacts."""

    emails: tuple[str, ...]
    contact_ids: tuple[str, ...]
    must_exist: bool


def read_subscribers(said: Said) -> Subscribers:
    """Raises Problem."""
    mode, emails, ids = said.subscriber_mode or DEFAULT, said.emails, said.ids
    if mode not in (DEFAULT, FALLBACK, EXTERNAL):
        raise unfit("invalid", "subscriber_mode", "subscriber_mode must be default, fallback or external.")
    if emails and ids:
        raise unfit("invalid", "subscriber_id", "Name subscribers by email or by id, not by both.")
    if ids and mode != DEFAULT:
        raise unfit("invalid", "subscriber_id", f"In the mode {mode} subscribers are named by email.")
    if not emails and not ids:
        raise missing("subscriber_emails", "Name somebody in subscriber_emails or subscriber_ids.")
    if len(emails) + len(ids) > MAX_SUBSCRIBERS:
        text = f"A request may name {MAX_SUBSCRIBERS} subscribers; this one names {len(emails) + len(ids)}."
        raise unfit("too_many_emails", "subscriber_emails", text)
    for email in emails:
        check_mailbox(email, "subscriber_emails")
    return Subscribers(tuple(emails), tuple(ids), must_exist=mode == DEFAULT)


def to_email(said: Said, files: tuple[FormFile, ...], sender: str) -> NewEmail:
    """The email without its recipient. Raises Problem."""
    if not said.template_id:
        raise missing("template_id", "Name a template: by its id (tpl_…) or by its name.")
    if said.messenger not in ("", "email"):
        raise unfit(
            "unsupported",
            "messenger",
            f"The messenger {said.messenger[:100]} is not known: this sends email.",
        )
    if said.content_type not in ("", "html"):
        text = "content_type: a template has its own html and text, both are sent. Leave it out."
        raise unfit("unsupported", "content_type", text)
    if said.altbody:
        text = "altbody: a template has its own text. Leave it out."
        raise unfit("unsupported", "altbody", text)
    return NewEmail(
        sender=said.from_email or sender,
        recipients=(),
        subject=said.subject,
        template=template_name(said.template_id),
        data=place_data(said.data or {}),
        headers=tuple(pair for header in said.headers or () for pair in header.items()),
        attachments=tuple(
            NewAttachment(one.filename, one.content, content_type=one.content_type) for one in files
        ),
    )


def place_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their names, and as listmonk's templates name them: `{{ Tx.Data.name }}`."""
    return {**data, "Tx": {"Data": dict(data)}}
