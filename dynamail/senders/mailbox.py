"""Reading the Mailbox: what the capture transport kept, newest first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

from django.db.models import Q

from dynamail.lib.ids import lowest_id
from dynamail.senders.models import CapturedMessage

PAGE_SIZE = 50
KEEP_DAYS = 30
LIST_FIELDS = ("id", "at", "envelope_from", "envelope_to", "from_text", "subject", "size_bytes", "message_id")

_ADDRESS = re.compile(r'https?://[^\s<>"]+')


@dataclass(frozen=True)
class ReadMessage:
    """A message taken apart for a page. All of it is hostile text."""

    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    attachments: tuple[tuple[str, str, int], ...]  # name, type, bytes
    source: str
    links: tuple[str, ...]


def list_captured(account_id: int, *, search: str = "", before: UUID | None = None) -> list[CapturedMessage]:
    """Up to PAGE_SIZE + 1 messages, newest first, without their content; `before` is the last id of the page above."""
    rows = CapturedMessage.objects.for_account(account_id).only(*LIST_FIELDS).order_by("-id")
    if search:
        rows = rows.filter(
            Q(subject__icontains=search)
            | Q(envelope_to__icontains=search)
            | Q(from_text__icontains=search)
            | Q(message_id__icontains=search)
        )
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[: PAGE_SIZE + 1])


def get_captured(account_id: int, message_id: UUID) -> CapturedMessage | None:
    return CapturedMessage.objects.for_account(account_id).filter(id=message_id).first()


def clear_mailbox(account_id: int) -> int:
    """Delete everything in an account's Mailbox; returns how many."""
    deleted, _ = CapturedMessage.objects.for_account(account_id).delete()
    return deleted


def remove_old_captures(*, now: datetime) -> int:
    """The retention rule of the Mailbox: KEEP_DAYS."""
    rows = CapturedMessage.objects.across_accounts(reason="retention of captured messages")
    deleted, _ = rows.filter(id__lt=lowest_id(now - timedelta(days=KEEP_DAYS))).delete()
    return deleted


def read_captured(captured: CapturedMessage) -> ReadMessage:
    return read_message(bytes(captured.raw))


def read_message(raw: bytes) -> ReadMessage:
    """Parse the raw source; never fails on a broken message, shows what can be shown."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - the default policy makes these
    html, text = _find_body(message, "html"), _find_body(message, "plain")
    return ReadMessage(
        headers=tuple(_read_headers(message)),
        html=html,
        text=text,
        attachments=tuple(_list_attachments(message)),
        source=raw.decode("utf-8", "replace"),
        links=tuple(_list_links(html) if html.strip() else _list_links_of_text(text)),
    )


def _read_headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for name, raw in message.raw_items():
        try:
            yield name, str(message.policy.header_fetch_parse(name, raw))
        except Exception:  # a header that the parser chokes on is shown as it came
            yield name, str(raw)


def _find_body(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""
    except Exception:  # unknown charset, broken encoding
        return ""


def _list_attachments(message: EmailMessage) -> Iterator[tuple[str, str, int]]:
    for part in message.iter_attachments():
        payload = part.get_payload(decode=True)
        yield (
            part.get_filename() or "",
            part.get_content_type(),
            len(payload) if isinstance(payload, bytes) else 0,
        )


def _list_links(html: str) -> Iterator[str]:
    from lxml import html as lxml_html
    from lxml.etree import ParserError

    try:
        tree = lxml_html.document_fromstring(html)
    except (ParserError, ValueError):
        return
    for _element, attribute, link, _position in tree.iterlinks():
        if attribute == "href" and link.startswith(("http://", "https://")):
            yield link


def _list_links_of_text(text: str) -> Iterator[str]:
    """As a mail program finds them: to the next space, without the punctuation of the sentence."""
    for found in _ADDRESS.finditer(text):
        yield found[0].rstrip(".,;:!?)]}'\"")
