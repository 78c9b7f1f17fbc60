"""One message that came in, taken once.

1. Its From, its files and its verdicts are read outside of any transaction (the DNS is slow).
2. Whom it answers is found: by a reply address, else by In-Reply-To and References, which name our Message-ID.
3. In one transaction it is kept and told: message.received, and message.replied when a person answered a message of ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.models import Contact
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.inbound.addressing import Owner
from dynamail.inbound.models import ReceivedMessage
from dynamail.inbound.reading import From, find_files, read_from
from dynamail.inbound.verdicts import Client, Verdicts, judge_message
from dynamail.lib.ids import new_id
from dynamail.messages.models import Email, Message
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.reports.auto_replies import is_auto_reply, is_from_robot, is_notice
from dynamail.protocols.reports.parts import Headers, read_headers

MOST_REFERENCES = 20
SHOWN_FILES = 20  # in the event
_ID = re.compile(r"<([^<>\s]{1,250})>")


@dataclass(frozen=True, slots=True)
class Answered:
    """The message of ours that came first, and who got it."""

    message_id: UUID
    email_id: UUID | None
    contact_id: UUID | None
    source_kind: str
    source_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Incoming:
    raw: bytes
    headers: Headers
    sender: From
    envelope_from: str
    envelope_to: str
    client: Client
    verdicts: Verdicts


def take_incoming(
    raw: bytes, *, owner: Owner, envelope_from: str, envelope_to: str, client: Client, now: datetime
) -> ReceivedMessage:
    """Keep a message; committed when this returns. The same one again is the row that is there. Accepts any octets."""
    headers, _body = read_headers(raw, 0, len(raw))
    sender = read_from(raw)
    verdicts = judge_message(raw, client=client, envelope_from=envelope_from, from_domain=sender.domain)
    incoming = _Incoming(raw, headers, sender, envelope_from, envelope_to, client, verdicts)
    with account_scope(owner.account_id):
        return _keep(owner, incoming, now)


def _keep(owner: Owner, incoming: _Incoming, now: datetime) -> ReceivedMessage:
    answered = _find_answered(owner, incoming)
    contact_id = (answered.contact_id if answered else None) or _find_contact(
        owner.account_id, incoming.sender
    )
    row = _make_row(owner, incoming, answered, contact_id, now)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        kept: ReceivedMessage = ReceivedMessage.objects.for_account(owner.account_id).get(
            fingerprint=row.fingerprint
        )
        return kept
    _tell(row, answered, now)
    return row


def _make_row(
    owner: Owner, incoming: _Incoming, answered: Answered | None, contact_id: UUID | None, now: datetime
) -> ReceivedMessage:
    headers, sender = incoming.headers, incoming.sender
    files = [
        {"filename": one.filename, "content_type": one.content_type, "size": len(one.content)}
        for one in find_files(incoming.raw)
    ]
    return ReceivedMessage(
        account_id=owner.account_id,
        id=new_id(now),
        at=now,
        fingerprint=_fingerprint(incoming),
        envelope_from=_clean(incoming.envelope_from, 320),
        envelope_to=_clean(incoming.envelope_to, 320),
        client_ip=incoming.client.ip[:45],
        from_email=_clean(sender.email, 320),
        from_key=_clean(_key_of(sender.email), 320),
        from_name=_clean(sender.name, 200),
        subject=_clean(headers.get("subject", ""), 998),
        header_id=_clean(headers.get("message-id", "").strip("<> "), 255),
        message_id=answered.message_id if answered else None,
        email_id=answered.email_id if answered else None,
        contact_id=contact_id,
        is_auto_reply=is_auto_reply(headers) or is_notice(headers) or is_from_robot(headers),
        spf=incoming.verdicts.spf,
        dkim=incoming.verdicts.dkim,
        dmarc=incoming.verdicts.dmarc,
        attachments=files,
        size_bytes=len(incoming.raw),
        raw=incoming.raw,
    )


def _fingerprint(incoming: _Incoming) -> bytes:
    """Of what the sender wrote, without the lines that each attempt adds on its way."""
    return hashlib.sha256(
        incoming.envelope_to.lower().encode("utf-8", "replace") + b"\0" + incoming.raw
    ).digest()


def _tell(row: ReceivedMessage, answered: Answered | None, now: datetime) -> None:
    data = {
        "id": row.public_id,
        "from": row.from_email,
        "from_name": row.from_name,
        "to": row.envelope_to,
        "subject": row.subject,
        "is_auto_reply": row.is_auto_reply,
        "spf": str(row.spf),
        "dkim": str(row.dkim),
        "dmarc": str(row.dmarc),
        "attachments": row.attachments[:SHOWN_FILES],
    }
    record_event(
        row.account_id,
        EventKind.MESSAGE_RECEIVED,
        contact_id=row.contact_id,
        data=data,
        now=now,
    )
    if answered is not None and not row.is_auto_reply:
        record_event(
            row.account_id,
            EventKind.MESSAGE_REPLIED,
            contact_id=row.contact_id,
            message_id=answered.message_id,
            source_kind=answered.source_kind,
            source_id=answered.source_id,
            data=data,
            now=now,
        )


# ── What it answers ──────────────────────────────────────────────────────────────────────────────────────────────────
def _find_answered(owner: Owner, incoming: _Incoming) -> Answered | None:
    if owner.answers is not None and (found := _find_message(owner.account_id, owner.answers)):
        return found
    for header_id in _list_references(incoming.headers):
        if found := _find_by_header(owner.account_id, header_id, incoming.sender):
            return found
    return None


def _list_references(headers: Headers) -> Iterator[str]:
    """The message that is answered comes first, then those before it, the nearest first."""
    yield from _ID.findall(headers.get("in-reply-to", ""))[:MOST_REFERENCES]
    yield from reversed(_ID.findall(headers.get("references", ""))[-MOST_REFERENCES:])


def _find_by_header(account_id: int, header_id: str, sender: From) -> Answered | None:
    """Ours is the id of a campaign's message or of an email; a program's own stands in its email."""
    left, _, domain = header_id.partition("@")
    if domain.lower() == settings.MESSAGE_ID_DOMAIN and len(left) == 32:
        try:
            named = UUID(hex=left)
        except ValueError:
            return None
        return _find_of_email(account_id, named, sender) or _find_message(account_id, named)
    found = Email.objects.for_account(account_id).filter(header_id=header_id).exclude(header_id="").first()
    return _find_of_email(account_id, found.id, sender) if found else None


def _find_of_email(account_id: int, email_id: UUID, sender: From) -> Answered | None:
    """The copy of the person who answers, if that can be told, else the first."""
    email = Email.objects.for_account(account_id).filter(id=email_id).first()
    if email is None:
        return None
    copies = [(_key_of(one["email"]), UUID(one["id"])) for one in email.recipients]
    own = [copy_id for key, copy_id in copies if key == _key_of(sender.email)]
    chosen = (own or [copy_id for _key, copy_id in copies] or [email_id])[0]
    found = _find_message(account_id, chosen)
    return found or Answered(chosen, email_id, None, email.source_kind, None)


def _find_message(account_id: int, message_id: UUID) -> Answered | None:
    row = Message.objects.for_account(account_id).filter(id=message_id).first()
    if row is None:
        return None
    return Answered(row.id, row.email_id, row.contact_id, row.source_kind, row.source_id)


def _find_contact(account_id: int, sender: From) -> UUID | None:
    key = _key_of(sender.email)
    if not key:
        return None
    found: UUID | None = (
        Contact.objects.for_account(account_id).filter(email_key=key).values_list("id", flat=True).first()
    )
    return found


def _key_of(text: str) -> str:
    try:
        return parse_address(text).key
    except AddressError:
        return ""


def _clean(text: str, most: int) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:most].strip()
