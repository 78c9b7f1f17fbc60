"""Emails as requests write them: addresses in every usual form, files, templates with their data. `docs/api/emails.md`."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from dynamail.api.errors import FieldError
from dynamail.api.paging import Page
from dynamail.api.reading import Misfit
from dynamail.messages.email_log import EmailFilter
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, OneTime, RecipientKind
from dynamail.protocols.address import write_mailbox

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
MAX_DEPTH = 32  # of data

NO_ONE_TIME = "must have “value” and “persistent” (true or false) and nothing else: “persistent” marks a value that is not kept"
_SPACES = re.compile(rb"[\r\n\t ]+")


class _NoOneTime(ValueError):
    """An object of the data says `persistent` and is no one-time value."""


StateWord = Literal[
    "",
    "bounced",
    "expired",
    "unknown",
    "deferred",
    "queued",
    "scheduled",
    "accepted",
    "suppressed",
    "delivered",
    "canceled",
]
ReactionWord = Literal["", "opened", "clicked", "complained", "returned"]
SourceWord = Literal["", "api", "smtp"]


class EmailsQuery(Page, frozen=True, forbid_unknown_fields=True):
    """What to list. `reaction` is what a recipient did; `recipient` an address, or how one begins; `subject` is looked for in subjects."""

    state: StateWord = ""
    reaction: ReactionWord = ""
    recipient: Annotated[str, msgspec.Meta(max_length=254)] = ""
    tag: Annotated[str, msgspec.Meta(max_length=100)] = ""
    stream: Annotated[str, msgspec.Meta(max_length=40)] = ""
    source: SourceWord = ""
    subject: Annotated[str, msgspec.Meta(max_length=200)] = ""
    is_test: bool | None = None
    since: Moment | None = None
    until: Moment | None = None


# The fields are written out again: a struct of msgspec cannot have two bases that have some.
class EmailsWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which emails, as the list of emails takes it."""

    state: StateWord = ""
    reaction: ReactionWord = ""
    recipient: Annotated[str, msgspec.Meta(max_length=254)] = ""
    tag: Annotated[str, msgspec.Meta(max_length=100)] = ""
    stream: Annotated[str, msgspec.Meta(max_length=40)] = ""
    source: SourceWord = ""
    subject: Annotated[str, msgspec.Meta(max_length=200)] = ""
    is_test: bool | None = None
    since: Moment | None = None
    until: Moment | None = None


def make_filter(said: EmailsQuery | EmailsWanted) -> EmailFilter:
    return EmailFilter(
        state=said.state,
        reaction=said.reaction,
        tag=said.tag,
        recipient=said.recipient,
        stream=said.stream,
        source_kind=said.source,
        is_test=said.is_test,
        since=said.since,
        until=said.until,
        subject=said.subject,
    )


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """An address with a name beside it."""

    email: Annotated[str, msgspec.Meta(max_length=1000)]
    name: Annotated[str, msgspec.Meta(max_length=1000)] = ""


Text = Annotated[str, msgspec.Meta(max_length=1000)]
People = Text | Person | list[Text | Person]


class TemplateInput(msgspec.Struct, forbid_unknown_fields=True):
    """Which template: its id, or its name where only one has it."""

    id: Text = ""
    name: Text = ""


class AttachmentInput(msgspec.Struct, forbid_unknown_fields=True):
    """A file: its content in base 64, or the id of one that the account keeps. With a content id it is shown inline (`cid:`)."""

    filename: Text = ""
    content: str | None = None
    media: Text = ""
    content_type: Text = ""
    content_id: Text = ""


class EmailInput(msgspec.Struct, forbid_unknown_fields=True):
    """One email. Without a `text` it is made from the HTML; an empty one says that there is none. Limits: `messages/checking.py`."""

    sender: Text | Person = msgspec.field(name="from")
    to: People = []
    cc: People = []
    bcc: People = []
    reply_to: People = []
    subject: str = ""
    html: str = ""
    text: str | None = None
    template: TemplateInput | None = None
    data: dict[str, Any] = {}
    headers: dict[str, str] = {}
    attachments: list[AttachmentInput] = []
    tags: list[str] = []
    metadata: dict[str, str] = {}
    stream: Text = ""
    topic: Text = ""
    track_opens: bool | None = None
    track_clicks: bool | None = None
    send_at: Moment | None = None
    separate: bool = False


def make_email(said: EmailInput) -> NewEmail:
    """Raises Misfit for what is not an email at all; everything else is checked when it is taken."""
    errors: list[FieldError] = []
    email = NewEmail(
        sender=_write_person(said.sender),
        recipients=(
            *_read_people(said.to, RecipientKind.TO),
            *_read_people(said.cc, RecipientKind.CC),
            *_read_people(said.bcc, RecipientKind.BCC),
        ),
        subject=said.subject,
        html=said.html,
        text=said.text or "",
        text_from_html=said.text is None and bool(said.html),
        reply_to=tuple(_write_person(one) for one in _list_people(said.reply_to)),
        template=_read_template(said.template, errors),
        data=_read_data(said.data, errors),
        headers=tuple(said.headers.items()),
        attachments=tuple(_read_files(said.attachments, errors)),
        tags=tuple(said.tags),
        metadata=said.metadata,
        stream=said.stream,
        topic=said.topic,
        track_opens=said.track_opens,
        track_clicks=said.track_clicks,
        send_at=said.send_at,
        separate=said.separate,
    )
    if errors:
        raise Misfit(*errors)
    return email


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _list_people(people: People) -> list[str | Person]:
    return list(people) if isinstance(people, list) else [people]


def _read_people(people: People, kind: RecipientKind) -> Iterator[NewRecipient]:
    for one in _list_people(people):
        if isinstance(one, Person):
            yield NewRecipient(one.email, one.name, kind)
        else:
            yield NewRecipient(one, kind=kind)


def _write_person(one: str | Person) -> str:
    return write_mailbox(one.name, one.email) if isinstance(one, Person) else one


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_template(said: TemplateInput | None, errors: list[FieldError]) -> str:
    if said is None:
        return ""
    if bool(said.id) == bool(said.name):
        errors.append(FieldError("template", "needs an id or a name, and not both"))
    return said.id or said.name


def _read_data(said: Mapping[str, Any], errors: list[FieldError]) -> dict[str, Any]:
    try:
        return {key: _read_value(value, 1) for key, value in said.items()}
    except RecursionError:
        errors.append(FieldError("data", f"is nested deeper than {MAX_DEPTH} levels"))
    except _NoOneTime:
        for key, value in said.items():
            errors += [FieldError(at[:200], NO_ONE_TIME) for at in _find_slips(value, f"data.{key}", 1)]
    return {}


def _read_value(value: Any, depth: int) -> Any:
    """`{"value": …, "persistent": false}` is a value that is used and not kept. Raises RecursionError, _NoOneTime."""
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        if "persistent" in value:
            if not _is_one_time(value):
                raise _NoOneTime
            inner = _read_value(value["value"], depth + 1)
            return inner if value["persistent"] else OneTime(inner)
        return {key: _read_value(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_read_value(one, depth + 1) for one in value]
    return value


def _is_one_time(value: dict[str, Any]) -> bool:
    return value.keys() == {"value", "persistent"} and isinstance(value["persistent"], bool)


def _find_slips(value: Any, place: str, depth: int) -> Iterator[str]:
    """Where a secret would be kept because of a slip in the object around it."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        if "persistent" in value and not _is_one_time(value):
            yield place
        for key, one in value.items():
            yield from _find_slips(one, f"{place}.{key}", depth + 1)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _find_slips(one, f"{place}[{number}]", depth + 1)


def _read_files(said: list[AttachmentInput], errors: list[FieldError]) -> Iterator[NewAttachment]:
    for number, one in enumerate(said):
        content = None
        if one.content is not None:
            try:
                content = binascii.a2b_base64(_SPACES.sub(b"", one.content.encode("ascii")), strict_mode=True)
            except (binascii.Error, UnicodeEncodeError):
                errors.append(FieldError(f"attachments[{number}].content", "is not base 64"))
                continue
        yield NewAttachment(one.filename, content, one.media, one.content_type, one.content_id)
