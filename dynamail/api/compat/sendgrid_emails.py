"""SendGrid's emails as ours: one for each personalization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dynamail.api.compat.doors import unfit
from dynamail.api.compat.reading import (
    Room,
    check_growth,
    check_mailbox,
    count_recipients,
    decode_file,
    keep_texts,
    missing,
    template_name,
)
from dynamail.api.compat.sendgrid_shapes import (
    MailSettings,
    Personalization,
    Said,
    SaidAddress,
    SaidFile,
    Switch,
    is_on,
)
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind
from dynamail.protocols.address import write_mailbox

MAX_PERSONALIZATIONS = 1_000
MAX_RECIPIENTS = 1_000  # of a request; an email of ours has 50 at most
MAX_CATEGORIES = 10
EARLIEST, LATEST = 0, 2**33  # seconds that are a date at all
_BYPASSES = (
    "bypass_list_management",
    "bypass_spam_management",
    "bypass_bounce_management",
    "bypass_unsubscribe_management",
)


@dataclass(frozen=True)
class Texts:
    """What all personalizations start from."""

    subject: str
    html: str
    text: str


def to_emails(said: Said, now: datetime) -> list[NewEmail]:
    """Raises Problem: SendGrid takes a request whole or not at all."""
    people = said.personalizations or []
    if not people:
        raise missing("personalizations", "You must have at least one personalization.")
    if len(people) > MAX_PERSONALIZATIONS:
        text = f"A request may have {MAX_PERSONALIZATIONS} personalizations; this one has {len(people)}."
        raise unfit("too_many_emails", "personalizations", text)
    _refuse_unknown_settings(said)
    texts, files = _read_texts(said), _read_files(said.attachments or ())
    room = Room()
    emails = [room.take(_to_email(said, one, place, texts, files, now)) for place, one in enumerate(people)]
    if sum(len(email.recipients) for email in emails) > MAX_RECIPIENTS:
        text = f"There is a limit of {MAX_RECIPIENTS} total recipients (to + cc + bcc) per request."
        raise unfit("too_many_recipients", "personalizations", text)
    return emails


def _to_email(
    said: Said,
    one: Personalization,
    place: int,
    texts: Texts,
    files: tuple[NewAttachment, ...],
    now: datetime,
) -> NewEmail:
    field = f"personalizations.{place}"
    texts = _substitute(texts, said, one, field)
    sender = one.sender or said.sender
    if sender is None:
        raise missing("from", "The from object must be provided, with an email address in it.")
    return NewEmail(
        sender=write_address(sender, "from"),
        recipients=_read_recipients(one, said.settings, field),
        subject=texts.subject,
        html=texts.html,
        text=texts.text,
        reply_to=tuple(write_address(address, "reply_to") for address in _read_reply_to(said)),
        template=template_name(said.template_id or ""),
        data=one.dynamic_template_data or {} if said.template_id else {},
        headers=tuple({**(said.headers or {}), **(one.headers or {})}.items()),
        attachments=files,
        tags=tuple(dict.fromkeys(said.categories or ())),
        metadata=keep_texts({**(said.custom_args or {}), **(one.custom_args or {})}),
        topic=str(said.asm.group_id) if said.asm else "",
        track_opens=_read_switch(said.tracking.open_tracking),
        track_clicks=_read_switch(said.tracking.click_tracking),
        send_at=_read_time(one.send_at if one.send_at is not None else said.send_at, now),
    )


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def write_address(said: SaidAddress, field: str) -> str:
    """As in a header. Raises Problem."""
    check_mailbox(said.email, f"{field}.email")
    if not said.name:
        return said.email
    return check_mailbox(write_mailbox(said.name, said.email), f"{field}.name")


def _read_recipients(one: Personalization, settings: MailSettings, field: str) -> tuple[NewRecipient, ...]:
    if not one.to:
        raise missing(f"{field}.to", "Each personalization needs at least one recipient in its to array.")
    found = [
        *_read_kind(one.to, RecipientKind.TO, f"{field}.to"),
        *_read_kind(one.cc, RecipientKind.CC, f"{field}.cc"),
        *_read_kind(one.bcc, RecipientKind.BCC, f"{field}.bcc"),
    ]
    if settings.bcc is not None and is_on(settings.bcc):
        address = check_mailbox(settings.bcc.email or "", "mail_settings.bcc.email")
        found.append(NewRecipient(address, kind=RecipientKind.BCC))
    return count_recipients(found, most=MAX_RECIPIENTS)


def _read_kind(said: list[SaidAddress] | None, kind: RecipientKind, field: str) -> Iterable[NewRecipient]:
    for place, one in enumerate(said or ()):
        yield NewRecipient(check_mailbox(one.email, f"{field}.{place}.email"), one.name or "", kind)


def _read_reply_to(said: Said) -> Sequence[SaidAddress]:
    if said.reply_to is not None and said.reply_to_list:
        raise unfit("two_reply_to", "reply_to", "Send reply_to or reply_to_list, not both.")
    return said.reply_to_list or ([said.reply_to] if said.reply_to else [])


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_texts(said: Said) -> Texts:
    if said.template_id:  # SendGrid's dynamic templates leave the request's content aside, too
        return Texts(said.subject or "", "", "")
    found: dict[str, str] = {}
    for place, one in enumerate(said.content or ()):
        kind = one.type.partition(";")[0].strip().lower()
        if kind not in ("text/plain", "text/html"):
            text = f"Content of the type {kind} is not sent here. Send text/plain and text/html, other things as attachments."
            raise unfit("unsupported_content", f"content.{place}.type", text)
        found[kind] = one.value
    if not any(found.values()):
        raise missing("content", "The content value must be a string at least one character in length.")
    footer = said.settings.footer
    html, text = found.get("text/html", ""), found.get("text/plain", "")
    if footer is not None and is_on(footer):
        html, text = html and html + (footer.html or ""), text and text + (footer.text or "")
    pixel = said.tracking.open_tracking
    if pixel is not None and pixel.substitution_tag:
        html = html.replace(pixel.substitution_tag, "")  # our pixel has a place of its own
    return Texts(said.subject or "", html, text)


def _substitute(texts: Texts, said: Said, one: Personalization, field: str) -> Texts:
    """Put the values of substitutions in the place of their tags, then those of sections: as they are, nothing is escaped."""
    subject = one.subject or texts.subject
    if not one.substitutions:
        return Texts(subject, texts.html, texts.text)
    if said.template_id:
        text = "Values for a template go into dynamic_template_data."
        raise unfit("substitutions", f"{field}.substitutions", text)
    values = keep_texts(one.substitutions)

    def put(text: str) -> str:
        return _replace_all(_replace_all(text, values, field), said.sections or {}, "sections")

    return Texts(put(subject), put(texts.html), put(texts.text))


def _replace_all(text: str, values: Mapping[str, str], field: str) -> str:
    for tag, value in values.items():
        if tag:
            check_growth(len(text) + text.count(tag) * (len(value) - len(tag)), field)
            text = text.replace(tag, value)
    return text


def _read_files(said: Sequence[SaidFile]) -> tuple[NewAttachment, ...]:
    return tuple(_read_file(one, f"attachments.{place}") for place, one in enumerate(said))


def _read_file(said: SaidFile, field: str) -> NewAttachment:
    disposition = said.disposition or "attachment"
    if disposition not in ("attachment", "inline"):
        raise unfit("invalid", f"{field}.disposition", "disposition must be attachment or inline.")
    return NewAttachment(
        said.filename,
        decode_file(said.content, f"{field}.content"),
        content_type=said.type or "",
        content_id=(said.content_id or "") if disposition == "inline" else "",
    )


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _refuse_unknown_settings(said: Said) -> None:
    """What recipients would see, or what was promised to the caller, is not left out silently."""
    settings, tracking = said.settings, said.tracking
    for name in _BYPASSES:
        if is_on(getattr(settings, name)):
            text = "Suppressed addresses are not written to. Lift the suppression instead."
            raise unfit("unsupported", f"mail_settings.{name}", text)
    if is_on(tracking.subscription_tracking):
        text = "Links to unsubscribe are not put into content here. Name a topic in asm.group_id: its mail carries them."
        raise unfit("unsupported", "tracking_settings.subscription_tracking", text)
    if is_on(tracking.ganalytics):
        text = "Parameters for analytics are not added here. Write them into the links."
        raise unfit("unsupported", "tracking_settings.ganalytics", text)
    if said.batch_id:
        raise unfit("unsupported", "batch_id", "Batches are not kept here. Cancel an email by its id.")
    if said.asm is not None:
        _check_topic(said.asm.group_id, said.asm.groups_to_display)
    if len(said.categories or ()) > MAX_CATEGORIES:
        raise unfit("too_many", "categories", f"There may be {MAX_CATEGORIES} categories at most.")


def _check_topic(topic: int | str, shown: object) -> None:
    if isinstance(topic, int):
        text = "SendGrid's numbers of groups are not known here. Give the id of a topic (top_…)."
        raise unfit("unknown_topic", "asm.group_id", text)
    if shown:
        text = "Which topics people see is decided on the topics' page. Leave groups_to_display out."
        raise unfit("unsupported", "asm.groups_to_display", text)


def _read_switch(said: Switch | None) -> bool | None:
    return said.enable if said is not None else None


def _read_time(seconds: int | None, now: datetime) -> datetime | None:
    if seconds is None:
        return None
    if not EARLIEST <= seconds < LATEST:
        raise unfit("invalid_time", "send_at", "send_at is a time in seconds since 1970 (UTC).")
    return max(datetime.fromtimestamp(seconds, UTC), now)
