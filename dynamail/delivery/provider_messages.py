"""Our composed bytes, taken apart for a provider's API, which writes the message anew in its own way.

No API of these takes raw bytes for every provider, so text, HTML, attachments and header fields travel one by one. What the
provider sets itself stays behind: our DKIM signature, since it would not hold any more, the date and the MIME fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage as ParsedMessage
from email.message import MIMEPart
from email.parser import BytesParser
from typing import cast

from django.core.mail import EmailMultiAlternatives

from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.senders.providers import Provider

ID_KEY = "dynamail_id"  # in the provider's metadata: what its webhooks give back
_OWN_FIELDS = frozenset(
    (
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply-to",
        "sender",
        "date",
        "mime-version",
        "return-path",
        "received",
        "dkim-signature",
    )
)
_FOLD = re.compile(r"\r?\n")


def make_provider_message(envelope: Envelope, provider: Provider) -> EmailMultiAlternatives:
    """What anymail's backends take, with the id of the message in its metadata. Raises ValueError when it has no text at all."""
    body = envelope.body if isinstance(envelope.body, bytes) else b"".join(envelope.body)
    parsed = cast(ParsedMessage, BytesParser(policy=policy.default).parsebytes(body))
    message = EmailMultiAlternatives(
        subject=_one_line(parsed["Subject"]),
        from_email=_read_mailbox(parsed["From"], ""),
        to=[_read_mailbox(parsed["To"], envelope.recipient)],
        reply_to=[str(address) for address in _addresses(parsed["Reply-To"])],
        headers=dict(_list_fields(parsed, provider)),
    )
    bodies = _add_bodies(message, parsed)
    # A MIMEPart is what anymail reads best; Django's own `attach` takes only the older class.
    message.attachments.extend(part for part in _leaves(parsed) if part not in bodies)  # type: ignore[misc]
    named = envelope.message_id.hex if envelope.message_id is not None else find_message_id(parsed)
    message.metadata = {ID_KEY: named}  # type: ignore[attr-defined]
    if not provider.rewrites_links:
        message.track_clicks = message.track_opens = False  # type: ignore[attr-defined]
    return message


def find_message_id(parsed: ParsedMessage) -> str:
    """The left part of Message-ID: our own id, as hexadecimal digits."""
    return str(parsed["Message-ID"] or "").strip().lstrip("<").partition("@")[0]


def _add_bodies(message: EmailMultiAlternatives, parsed: ParsedMessage) -> list[MIMEPart]:
    """Returns the parts that became bodies."""
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    if text is None and html is None:
        raise ValueError("The message has neither text nor HTML.")
    if text is not None:
        message.body = text.get_content()
    if html is not None:
        message.attach_alternative(html.get_content(), "text/html")
    return [part for part in (text, html) if part is not None]


def _leaves(part: MIMEPart) -> Iterator[MIMEPart]:
    """The parts that hold something. A forwarded message is one of them, whatever is in it."""
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        yield part
        return
    for inner in part.iter_parts():
        yield from _leaves(inner)


def _list_fields(parsed: ParsedMessage, provider: Provider) -> Iterator[tuple[str, str]]:
    """The remaining fields as they are on the wire, unfolded: encoded words stay encoded."""
    for name, value in parsed.raw_items():
        key = name.lower()
        if key not in _OWN_FIELDS and key not in provider.refused_headers and not key.startswith("content-"):
            yield name, _read_raw(str(value))
    yield from provider.extra_headers.items()


def _read_raw(value: str) -> str:
    line = _FOLD.sub("", value).strip()
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_mailbox(field: object, wanted: str) -> str:
    """`Name <address>`. With `wanted`, the name in front of that address, whatever else the field says."""
    for address in _addresses(field):
        if not wanted:
            return str(address)
        if address.addr_spec.lower() == wanted.lower():
            return str(Address(address.display_name, addr_spec=wanted))
    return wanted


def _addresses(field: object) -> tuple[Address, ...]:
    return getattr(field, "addresses", ())


def _one_line(field: object) -> str:
    return _FOLD.sub(" ", str(field or ""))
