"""An email's content for those who look at it: whatever was kept, taken apart for a page. All of it is hostile text."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from uuid import UUID

from lxml import html as lxml_html
from lxml.etree import LxmlError
from msgspec import structs

from dynamail.accounts.models import Account
from dynamail.consent.models import Topic
from dynamail.messages.composing import load_composing_settings
from dynamail.messages.composing_emails import ANY_FILE, EmailCopy, compose_email
from dynamail.messages.composing_raw import compose_raw
from dynamail.messages.email_log import EmailView
from dynamail.messages.models import EmailBody
from dynamail.messages.stored_emails import (
    EmailFile,
    EmailTexts,
    HeaderRecipient,
    StoredEmail,
    convert_texts,
    read_kept_texts,
)
from dynamail.protocols.address import AddressError
from dynamail.protocols.mime import HeaderError
from dynamail.protocols.raw_messages import split_message
from dynamail.protocols.seven_bit import has_too_many_parts
from dynamail.senders.mailbox import ReadMessage, read_message
from dynamail.senders.models import Stream

LARGEST_SHOWN = 2**20  # characters of source that a page shows
LARGEST_TEXT = (
    5_000_000  # characters of a part of a whole message that are read, as many as an email in parts may have
)
LARGEST_HEADER = 2**18  # octets of a whole message in which its header is looked for
LARGEST_INLINE = 2**21  # octets of a picture that is shown inside the HTML
EMPTY_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_REMOTE = re.compile(r"\s*(https?:)?//", re.IGNORECASE)
_PICTURE = re.compile(r"image/(png|jpeg|gif|webp|avif)", re.IGNORECASE)  # no SVG: it is a document
_OF_PARTS = ("mime-version", "content-")
_PICTURE_PLACES = ("src", "srcset", "background", "poster")

ReadBlob = Callable[[UUID], bytes | None]


@dataclass(frozen=True)
class ShownFile:
    """An attachment. `number` is its place, by which it is fetched."""

    number: int
    filename: str
    content_type: str
    size: int
    content_id: str = ""  # of an email in parts


@dataclass(frozen=True)
class ShownContent:
    """What an email says. `headers` are those that its sender wrote: of parts the further ones, of a whole message all."""

    html: str
    text: str
    headers: tuple[tuple[str, str], ...]
    files: tuple[ShownFile, ...]


NOTHING = ShownContent("", "", (), ())


@dataclass(frozen=True)
class ShownPage:
    """HTML to be put in a sandbox. `remote` counts the pictures of other hosts in it."""

    html: str
    remote: int


def show_content(body: EmailBody) -> ShownContent:
    """Never fails on a broken message: shows what can be shown."""
    if body.kind == "raw":
        return _show_raw(bytes(body.raw or b""))
    texts = _read_texts(body)
    files = [
        ShownFile(number, one.filename, one.content_type or ANY_FILE, one.size, one.content_id)
        for number, one in enumerate(texts.attachments)
    ]
    headers = tuple((name, value) for name, value in texts.headers)
    return ShownContent(texts.html, texts.text, headers, tuple(files))


def list_header_fields(view: EmailView) -> tuple[tuple[str, str], ...]:
    """The header as the first recipient's copy has it, without signatures and, of an email in parts, without what tells of its parts. Empty
    when the content is gone. `Date` is when the copy left, or is to leave; fields of a topic are this recipient's own."""
    body = view.body
    if body is None or not view.recipients:
        return ()
    head = structs.replace(read_kept_texts(body.content), html="", text="", attachments=[])
    raw = _cut_header(bytes(body.raw or b"")) if body.kind == "raw" else None
    stored = _store(view, head, {}, raw=raw)
    try:
        fields = _read_fields(_compose(view, stored))
    except Exception:  # rules that came after it was accepted, and whatever hostile fields do to the library
        return show_content(body).headers
    return tuple(one for one in fields if raw is not None or not one[0].lower().startswith(_OF_PARTS))


def read_file(body: EmailBody, number: int, read_blob: ReadBlob) -> tuple[ShownFile, bytes] | None:
    """One attachment with its octets; None when there is none at this place, or it is gone."""
    files = show_content(body).files
    if not 0 <= number < len(files):
        return None
    if body.kind == "raw":
        payload = _list_parts(_parse(bytes(body.raw or b"")))[number].get_payload(decode=True)
        return (files[number], payload) if isinstance(payload, bytes) else None
    data = read_blob(_read_texts(body).attachments[number].blob)
    return (files[number], data) if data is not None else None


def write_source(view: EmailView, read_blob: ReadBlob) -> str:
    """The message as it goes over the wire, without signatures and counted links; cut where it is too long to be shown."""
    if view.body is None:
        return ""
    source = (
        bytes(view.body.raw or b"") if view.body.kind == "raw" else _compose_parts(view, view.body, read_blob)
    )
    return source[:LARGEST_SHOWN].decode("utf-8", "replace")


def make_page(body: EmailBody, read_blob: ReadBlob, *, with_remote: bool) -> ShownPage:
    """The HTML without scripts, with its own pictures inside; those of other hosts only when they are wanted."""
    html = show_content(body).html
    try:
        tree = lxml_html.document_fromstring(html) if html.strip() else None
    except (LxmlError, ValueError):
        tree = None
    if tree is None:
        return ShownPage(html, 0)
    remote = 0
    for script in tree.xpath("//script"):  # the sandbox runs none; a browser would complain of each
        script.drop_tree()
    for element in tree.iter():
        for place in _PICTURE_PLACES:
            value = element.get(place) if isinstance(element.tag, str) else None
            if value is None:
                continue
            if value.strip().lower().startswith("cid:"):
                element.set(place, _inline(body, value.strip()[4:], read_blob))
            elif _REMOTE.match(value) or (place == "srcset" and "//" in value):
                remote += 1
                if not with_remote:
                    element.set(place, EMPTY_PICTURE if place == "src" else "")
    return ShownPage(lxml_html.tostring(tree, encoding="unicode"), remote)


def _inline(body: EmailBody, content_id: str, read_blob: ReadBlob) -> str:
    """The picture of that Content-ID as an address that needs no request; an empty one for what is no picture."""
    for content_type, data in _find_inline(body, content_id.strip("<>"), read_blob):
        if _PICTURE.fullmatch(content_type) and len(data) <= LARGEST_INLINE:
            return f"data:{content_type};base64,{base64.b64encode(data).decode()}"
    return EMPTY_PICTURE


def _find_inline(body: EmailBody, content_id: str, read_blob: ReadBlob) -> Iterable[tuple[str, bytes]]:
    if body.kind == "raw":
        for part in _parse(bytes(body.raw or b"")).walk():
            payload = part.get_payload(decode=True)
            if str(part.get("Content-ID", "")).strip("<> ") == content_id and isinstance(payload, bytes):
                yield part.get_content_type(), payload
        return
    for one in _read_texts(body).attachments:
        if one.content_id.strip("<>") == content_id and one.size <= LARGEST_INLINE:
            yield one.content_type, read_blob(one.blob) or b""


# ── What was kept in parts ───────────────────────────────────────────────────────────────────────────────────────────
def _read_texts(body: EmailBody) -> EmailTexts:
    return convert_texts(body.content)


def _compose_parts(view: EmailView, body: EmailBody, read_blob: ReadBlob) -> bytes:
    if not view.recipients:
        return b""
    texts = _read_texts(body)
    try:
        return _compose(view, _store(view, texts, _read_files(texts.attachments, read_blob)))
    except (AddressError, HeaderError):  # rules that came after it was accepted
        return b""


def _compose(view: EmailView, stored: StoredEmail) -> bytes:
    """The first recipient's copy. Raises AddressError and HeaderError."""
    first = view.recipients[0]
    copy = EmailCopy(first.message_id, first.email, first.contact_id)
    compose = compose_email if stored.raw is None else compose_raw
    at = first.at or first.run_at or view.email.at
    body = compose(stored, copy, settings=load_composing_settings(), identity=None, now=at).body
    return body if isinstance(body, bytes) else b"".join(body)


def _store(
    view: EmailView, texts: EmailTexts, files: dict[UUID, bytes], *, raw: bytes | None = None
) -> StoredEmail:
    """What the worker knows of it. Opens and clicks are not counted in what is looked at."""
    email = view.email
    account = Account.objects.get(pk=email.account_id)
    stream = Stream.objects.for_account(email.account_id).filter(key=email.stream).first()
    topic = (
        Topic.objects.for_account(email.account_id).filter(pk=email.topic_id).first()
        if email.topic_id
        else None
    )
    return StoredEmail(
        account_id=email.account_id,
        id=email.id,
        account_uid=account.uid,
        stream=email.stream,
        stream_uid=stream.uid if stream else email.id,
        stream_kind=stream.kind if stream else Stream.Kind.TRANSACTIONAL.value,
        topic_id=topic.pk if topic else None,
        topic_name=topic.name if topic else "",
        from_email=email.from_email,
        from_name=email.from_name,
        subject=email.subject,
        recipients=tuple(
            HeaderRecipient(one.message_id, one.email, one.name, one.kind) for one in view.recipients
        ),
        texts=texts,
        raw=raw,
        reply_to=tuple(email.reply_to),
        header_id=email.header_id,
        files=files,
    )


def _read_fields(message: bytes) -> tuple[tuple[str, str], ...]:
    return read_message(message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n").headers


def _read_files(files: Iterable[EmailFile], read_blob: ReadBlob) -> dict[UUID, bytes]:
    return {one.blob: read_blob(one.blob) or b"" for one in files}


# ── A whole message ──────────────────────────────────────────────────────────────────────────────────────────────────
def _parse(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101 — the default policy makes these
    return message


def _cut_header(raw: bytes) -> bytes:
    return b"".join(one.encode() for one in split_message(raw[:LARGEST_HEADER]).fields)


def _show_raw(raw: bytes) -> ShownContent:
    """Its fields alone where it is stranger than anybody reads, or has parts to hold everybody up."""
    read = None if has_too_many_parts(raw) else _read(raw)
    if read is not None:
        files = tuple(ShownFile(number, *one) for number, one in enumerate(read.attachments))
        return ShownContent(read.html[:LARGEST_TEXT], read.text[:LARGEST_TEXT], read.headers, files)
    fields = split_message(raw[:LARGEST_HEADER]).fields
    return ShownContent("", "", tuple((one.name, one.text) for one in fields), ())


def _read(raw: bytes) -> ReadMessage | None:
    try:
        return read_message(raw)
    except Exception:  # the library raises what it likes
        return None


def _list_parts(message: EmailMessage) -> list[Message]:
    return list(message.iter_attachments())
