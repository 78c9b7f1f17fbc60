"""What can be said about an email before the database is asked: addresses, header fields, files, labels, the time.

Every fault is found, not the first alone, and each names its field.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.messages.header_fields import check_headers
from dynamail.messages.new_email import EmailFault, NewAttachment, NewEmail, NewRecipient, RecipientKind
from dynamail.messages.raw_messages import RawHead, RawMessageError, read_head
from dynamail.protocols.address import Address, AddressError, Mailbox, split_mailbox, write_mailbox
from dynamail.protocols.mime import HeaderError, check_header_value

MAX_RECIPIENTS = 50
MAX_REPLY_TO = 10
MAX_NAME = 200  # characters of a display name
MAX_SUBJECT = 998  # characters
MAX_CONTENT = 5_000_000  # characters of html, and of text
MAX_ATTACHMENTS = 100
MAX_ATTACHMENT_BYTES = 25 * 2**20  # of all files of an email together, before base 64
MAX_RAW_BYTES = 25 * 2**20
MAX_TAGS, MAX_TAG = 10, 100
MAX_METADATA, MAX_METADATA_KEY, MAX_METADATA_VALUE = 50, 100, 1_000
MAX_AHEAD = timedelta(days=30)
MAX_FILENAME = 255

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}(?:@[A-Za-z0-9.-]{1,200})?")


def is_unfit(text: str) -> bool:
    """Has it what no text in the database may have: U+0000, or half of a surrogate pair? Quicker than an expression on long texts."""
    if "\x00" in text:
        return True
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Target:
    """One recipient whose address was checked; `place` is where the request names it."""

    address: Address
    name: str
    kind: RecipientKind
    place: str

    @property
    def is_simulated(self) -> bool:
        return self.address.domain == settings.SIMULATOR_DOMAIN

    @property
    def plays_suppressed(self) -> bool:
        """The simulator's address that is always refused: `suppressed@…`, with any plus tag."""
        return self.is_simulated and self.address.local.lower().partition("+")[0] == "suppressed"


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: its content with the hash, or the media file that it is."""

    filename: str
    content_type: str
    content_id: str
    content: bytes = b""
    sha256: bytes = b""
    media: UUID | None = None


@dataclass(slots=True)
class Draft:
    """An email on its way in; `faults` grow until it is written or refused."""

    email: NewEmail
    sender: Mailbox
    targets: tuple[Target, ...] = ()
    reply_to: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    header_id: str = ""
    subject: str = ""
    files: tuple[File, ...] = ()
    template_uid: UUID | None = None
    topic_uid: UUID | None = None
    faults: list[EmailFault] = field(default_factory=list)

    def add_fault(self, code: str, place: str, text: str) -> None:
        self.faults.append(EmailFault(code, place, text))

    @property
    def is_simulated(self) -> bool:
        """Nobody but the simulator gets it."""
        return all(target.is_simulated for target in self.targets)


def check_email(email: NewEmail, *, now: datetime) -> Draft:
    """The email read and checked as far as it goes without the account's data."""
    draft = Draft(email, Mailbox("", Address("", "", "")))
    if email.raw is not None:
        _check_raw(draft, email.raw)
    else:
        _check_parts(draft)
    _check_targets(draft)
    _check_labels(draft)
    _check_names(draft)
    if email.send_at is not None and email.send_at > now + MAX_AHEAD:
        draft.add_fault("too_far_ahead", "send_at", _("Mail can be scheduled up to 30 days ahead."))
    return draft


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_parts(draft: Draft) -> None:
    email = draft.email
    draft.sender = _read_sender(draft, email.sender)
    draft.reply_to = tuple(_read_reply_to(draft, email.reply_to))
    draft.headers, draft.header_id, faults = check_headers(email.headers)
    draft.faults += faults
    draft.subject = " ".join(email.subject.split())
    _check_subject(draft)
    _check_content(draft)
    draft.files = tuple(_read_files(draft, email.attachments))


def _check_subject(draft: Draft) -> None:
    if not draft.subject and not draft.email.template:
        draft.add_fault("subject_missing", "subject", _("Give the email a subject."))
    if len(draft.subject) > MAX_SUBJECT:
        draft.add_fault("too_long", "subject", _("A subject has at most 998 characters."))
    elif _CONTROLS.search(draft.email.subject):
        draft.add_fault("bad_header", "subject", _("A subject is one line without control characters."))


def _check_content(draft: Draft) -> None:
    email = draft.email
    if email.template and (email.html or email.text):
        draft.add_fault("two_contents", "template", _("Give a template, or html and text, not both."))
    elif not (email.template or email.html or email.text):
        draft.add_fault("content_missing", "html", _("Say what the email says: html, text, or a template."))
    if email.data and not email.template:
        draft.add_fault("data_without_template", "data", _("Data fills a template; name the template."))
    for place, text in (("html", email.html), ("text", email.text)):
        if len(text) > MAX_CONTENT:
            draft.add_fault("too_large", place, _("This is longer than %d characters.") % MAX_CONTENT)
        elif is_unfit(text):
            draft.add_fault("bad_character", place, _("The text holds a character that cannot be sent."))


def _check_raw(draft: Draft, raw: bytes) -> None:
    email = draft.email
    if email.html or email.text or email.template or email.attachments:
        draft.add_fault("two_contents", "raw", _("A whole message has its parts in itself."))
    if len(raw) > MAX_RAW_BYTES:
        draft.add_fault("too_large", "raw", _("A message has at most 25 MB."))
        return
    try:
        head = read_head(raw)
    except RawMessageError as error:
        draft.add_fault(error.code, "raw", str(error))
        return
    draft.sender = head.sender
    draft.subject = head.subject[:MAX_SUBJECT]
    draft.header_id = head.message_id
    draft.reply_to = head.reply_to
    draft.email = replace(email, recipients=tuple(_name_kinds(email.recipients, head)))


def _name_kinds(recipients: Sequence[NewRecipient], head: RawHead) -> Iterator[NewRecipient]:
    """Who stands in the header is to or cc; who does not is a blind copy."""
    for one in recipients:
        try:
            key = split_mailbox(one.text).address.key
        except AddressError:
            yield one  # its own fault is told with the others
            continue
        kind = (
            RecipientKind.TO if key in head.to else RecipientKind.CC if key in head.cc else RecipientKind.BCC
        )
        yield replace(one, kind=kind, name=one.name or head.to.get(key) or head.cc.get(key) or "")


# ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_sender(draft: Draft, text: str) -> Mailbox:
    try:
        box = _read_mailbox(text)
    except AddressError as error:
        draft.add_fault(error.code, "from", str(error))
        return draft.sender
    except HeaderError as error:
        draft.add_fault("bad_header", "from", str(error))
        return draft.sender
    return box


def _read_reply_to(draft: Draft, texts: Sequence[str]) -> Iterator[str]:
    if len(texts) > MAX_REPLY_TO:
        draft.add_fault("too_many", "reply_to", _("Replies go to at most %d addresses.") % MAX_REPLY_TO)
    for place, text in enumerate(texts[:MAX_REPLY_TO]):
        try:
            box = _read_mailbox(text)
        except AddressError as error:
            draft.add_fault(error.code, f"reply_to[{place}]", str(error))
        except HeaderError as error:
            draft.add_fault("bad_header", f"reply_to[{place}]", str(error))
        else:
            yield write_mailbox(box.name, box.address.text)


def _check_targets(draft: Draft) -> None:
    recipients = draft.email.recipients
    if not recipients:
        draft.add_fault("no_recipient", "to", _("Say who gets the email."))
    if len(recipients) > MAX_RECIPIENTS:
        sentence = _("An email has at most %d recipients in to, cc and bcc together.") % MAX_RECIPIENTS
        draft.add_fault("too_many_recipients", "to", sentence)
        return
    found: dict[str, Target] = {}
    places = dict.fromkeys(RecipientKind, 0)
    for one in recipients:
        place = f"{one.kind}[{places[one.kind]}]"
        places[one.kind] += 1
        try:
            box = _read_mailbox(one.text)
            _check_name(one.name)
        except AddressError as error:
            draft.add_fault(error.code, place, str(error))
        except HeaderError as error:
            draft.add_fault("bad_header", place, str(error))
        else:
            found.setdefault(box.address.key, Target(box.address, one.name or box.name, one.kind, place))
    draft.targets = tuple(found.values())


def _read_mailbox(text: str) -> Mailbox:
    """Raises AddressError or HeaderError."""
    box = split_mailbox(text)
    _check_name(box.name)
    return box


def _check_name(name: str) -> None:
    check_header_value("The name", name)
    if len(name) > MAX_NAME:
        raise HeaderError(_("A name has at most %d characters.") % MAX_NAME)


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_files(draft: Draft, attachments: Sequence[NewAttachment]) -> Iterator[File]:
    if len(attachments) > MAX_ATTACHMENTS:
        draft.add_fault("too_many", "attachments", _("An email has at most %d files.") % MAX_ATTACHMENTS)
        return
    if sum(len(one.content or b"") for one in attachments) > MAX_ATTACHMENT_BYTES:
        draft.add_fault("too_large", "attachments", _("The files have more than 25 MB together."))
        return
    for number, one in enumerate(attachments):
        try:
            yield _read_file(one)
        except _FileFault as fault:
            draft.add_fault(fault.code, f"attachments[{number}].{fault.place}", str(fault))


class _FileFault(ValueError):
    def __init__(self, code: str, place: str, text: str) -> None:
        super().__init__(text)
        self.code, self.place = code, place


def _read_file(one: NewAttachment) -> File:
    if (one.content is None) == (not one.media):
        raise _FileFault(
            "content_missing", "content", _("Give the file's content, or the id of a media file.")
        )
    filename = re.split(r"[/\\]", one.filename)[-1].strip()
    if _CONTROLS.search(filename) or len(filename) > MAX_FILENAME:
        raise _FileFault("bad_filename", "filename", _("A file name has up to 255 characters of one line."))
    if not filename and not one.media:
        raise _FileFault("bad_filename", "filename", _("Give the file a name."))
    content_id = one.content_id.strip().removeprefix("<").removesuffix(">")
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        raise _FileFault(
            "bad_content_id", "content_id", _("A content id looks like logo or logo@example.com.")
        )
    content_type = _find_type(one.content_type, filename)
    if one.content is not None:
        digest = hashlib.sha256(one.content).digest()
        return File(filename, content_type, content_id, one.content, digest)
    try:
        media = from_public_id("med", one.media)
    except UnknownId:
        sentence = _("This is no id of a media file; those begin with med_.")
        raise _FileFault("unknown_media", "media", sentence) from None
    return File(filename, one.content_type and content_type, content_id, media=media)


def _find_type(said: str, filename: str) -> str:
    """The type for the header. Messages and multiparts travel as plain octets: base 64 is not allowed for them (RFC 2046 §5)."""
    kind = said.partition(";")[0].strip().lower() or mimetypes.guess_type(filename)[0] or ""
    if not _CONTENT_TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        return "application/octet-stream"
    return kind


# ── Labels and names ─────────────────────────────────────────────────────────────────────────────────────────────────
def _check_labels(draft: Draft) -> None:
    email = draft.email
    if len(email.tags) > MAX_TAGS:
        draft.add_fault("too_many", "tags", _("An email has at most %d tags.") % MAX_TAGS)
    for number, tag in enumerate(email.tags[:MAX_TAGS]):
        if not tag.strip() or len(tag) > MAX_TAG or _CONTROLS.search(tag):
            sentence = _("A tag has 1 to %d characters of one line.") % MAX_TAG
            draft.add_fault("bad_tag", f"tags[{number}]", sentence)
    if len(email.metadata) > MAX_METADATA:
        draft.add_fault("too_many", "metadata", _("Metadata has at most %d keys.") % MAX_METADATA)
    for key, value in list(email.metadata.items())[:MAX_METADATA]:
        if not key or len(key) > MAX_METADATA_KEY or _CONTROLS.search(key):
            draft.add_fault("bad_metadata", "metadata", _("A key has 1 to %d characters.") % MAX_METADATA_KEY)
        elif not isinstance(value, str) or len(value) > MAX_METADATA_VALUE or is_unfit(value):
            sentence = _("A value is a text of up to %d characters.") % MAX_METADATA_VALUE
            draft.add_fault("bad_metadata", f"metadata.{key}", sentence)


def _check_names(draft: Draft) -> None:
    """What the email names by an id. A template may be named by its name, which the account's data tell."""
    email = draft.email
    for place, text in (("stream", email.stream), ("template", email.template)):
        if is_unfit(text):
            draft.add_fault("bad_character", place, _("The text holds a character that cannot be sent."))
    if email.template:
        try:
            draft.template_uid = from_public_id("tpl", email.template)
        except UnknownId:
            draft.template_uid = None
    if email.topic:
        try:
            draft.topic_uid = from_public_id("top", email.topic)
        except UnknownId:
            draft.add_fault("unknown_topic", "topic", _("This is no id of a topic; those begin with top_."))
        if len(email.recipients) > 1:
            sentence = _(
                "Mail on a topic goes to one recipient: its unsubscribe link is personal. Send one email to each."
            )
            draft.add_fault("topic_one_recipient", "to", sentence)
