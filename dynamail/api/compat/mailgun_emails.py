"""Mailgun's emails as ours. With `recipient-variables` everybody in `to` gets a copy of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from dynamail.api.compat.doors import unfit
from dynamail.api.compat.forms import Form, FormFile
from dynamail.api.compat.reading import (
    Room,
    check_growth,
    check_mailbox,
    count_recipients,
    keep_texts,
    missing,
    read_object,
    read_recipients,
    split_addresses,
    template_name,
)
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind
from dynamail.messages.raw_messages import RawMessageError, read_head
from dynamail.protocols.address import Address, AddressError, Mailbox, parse_address, split_mailbox

MAX_RECIPIENTS = 1_000  # of a request; an email of ours that shows them all has 50 at most
_YES, _NO = {"yes", "true", "htmlonly"}, {"no", "false"}
_VARIABLE = re.compile(r"%recipient(?:\.([A-Za-z0-9_-]{1,100})|_(email|name|fname|lname))?%")
_REFUSED = {
    "amp-html": "AMP is not sent here.",
    "t:version": "Templates have one version that is sent: the published one.",
    "o:deliverytime-optimize-period": "The best hour of each recipient is not looked for. Use o:deliverytime.",
    "o:time-zone-localize": "Recipients' time zones are not looked for. Use o:deliverytime.",
    "o:archive-to": "Copies are not posted to an address. Use webhooks.",
}


@dataclass(frozen=True)
class Options:
    """What both kinds of request have in common."""

    tags: tuple[str, ...]
    metadata: dict[str, str]
    send_at: datetime | None
    track_opens: bool | None
    track_clicks: bool | None
    is_test: bool


def to_emails(form: Form, domain: str, now: datetime) -> list[NewEmail]:
    """One email, or one for each in `to`. Raises Problem: Mailgun takes a request whole or not at all."""
    _refuse_options(form)
    if not form.one("from"):
        raise missing("from", "from parameter is missing")
    _check_domain(split_sender(form.one("from")).address, domain)
    email = _to_email(form, now)
    variables = read_object(form.one("recipient-variables"), "recipient-variables")
    if not form.one("recipient-variables"):
        return [email]
    to = [one for one in email.recipients if one.kind == RecipientKind.TO]
    others = [one for one in email.recipients if one.kind != RecipientKind.TO]
    known = {_key(address): values for address, values in variables.items()}
    room = Room()
    return [room.take(_personalize(email, one, others, known)) for one in to]


def to_raw_email(form: Form, domain: str, now: datetime) -> NewEmail:
    """`/messages.mime`: the message is sent as it was composed, to those in `to` alone. Raises Problem."""
    _refuse_options(form)
    files = form.files.get("message")
    raw = files[0].content if files else form.one("message").encode()
    if not raw:
        raise missing("message", "message parameter is missing")
    try:
        head = read_head(raw)
    except RawMessageError as error:
        raise unfit(error.code, "message", str(error)) from None
    _check_domain(head.sender.address, domain)
    if form.one("recipient-variables"):
        text = "A composed message goes to all as it is. Use /messages for recipient-variables."
        raise unfit("unsupported", "recipient-variables", text)
    to = read_recipients(form.texts.get("to"), RecipientKind.TO, "to")
    if not to:
        raise missing("to", "to parameter is missing")
    options = read_options(form, now)
    return NewEmail(
        sender=str(head.sender.address),
        recipients=count_recipients(to, most=MAX_RECIPIENTS),
        raw=raw,
        tags=options.tags,
        metadata=options.metadata,
        send_at=options.send_at,
        track_opens=options.track_opens,
        track_clicks=options.track_clicks,
    )


def read_options(form: Form, now: datetime) -> Options:
    """Raises Problem."""
    tracking = _read_switch(form, "o:tracking")
    opens, clicks = _read_switch(form, "o:tracking-opens"), _read_switch(form, "o:tracking-clicks")
    return Options(
        tags=tuple(dict.fromkeys(filter(None, form.texts.get("o:tag", ())))),
        metadata=keep_texts(dict(form.starting("v:"))),
        send_at=_read_time(form.one("o:deliverytime"), now),
        track_opens=tracking if opens is None else opens,
        track_clicks=tracking if clicks is None else clicks,
        is_test=bool(_read_switch(form, "o:testmode")),
    )


def split_sender(text: str) -> Mailbox:
    """Raises Problem."""
    return split_mailbox(check_mailbox(text, "from"))


# ── One email ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _to_email(form: Form, now: datetime) -> NewEmail:
    options, template = read_options(form, now), template_name(form.one("template"))
    reply_to = [value for name, value in form.starting("h:") if name.lower() == "reply-to"]
    email = NewEmail(
        sender=form.one("from"),
        recipients=_read_recipients(form),
        subject=form.one("subject"),
        html=form.one("html"),
        text=form.one("text"),
        reply_to=tuple(one for value in reply_to for one in split_addresses(value)),
        template=template,
        data=_read_data(form, options) if template else {},
        headers=tuple(_read_headers(form)),
        attachments=(*_read_files(form, "attachment"), *_read_files(form, "inline")),
        tags=options.tags,
        metadata=options.metadata,
        send_at=options.send_at,
        track_opens=options.track_opens,
        track_clicks=options.track_clicks,
    )
    if not (email.html or email.text or email.template):
        raise missing("text", "Need at least one of 'text', 'html' or 'template' parameters specified")
    return email


def _read_recipients(form: Form) -> tuple[NewRecipient, ...]:
    to = read_recipients(form.texts.get("to"), RecipientKind.TO, "to")
    if not to:
        raise missing("to", "to parameter is missing")
    cc = read_recipients(form.texts.get("cc"), RecipientKind.CC, "cc")
    bcc = read_recipients(form.texts.get("bcc"), RecipientKind.BCC, "bcc")
    return count_recipients([*to, *cc, *bcc], most=MAX_RECIPIENTS)


def _read_headers(form: Form) -> list[tuple[str, str]]:
    own = ("reply-to", "x-mailgun-variables")
    return [(name, value) for name, value in form.starting("h:") if name.lower() not in own]


def _read_data(form: Form, options: Options) -> dict[str, Any]:
    """Values for the template: `v:…`, then the header of variables, then `t:variables`."""
    data: dict[str, Any] = dict(options.metadata)
    for name, value in form.starting("h:"):
        if name.lower() == "x-mailgun-variables":
            data |= read_object(value, "h:X-Mailgun-Variables")
    return data | read_object(form.one("t:variables"), "t:variables")


def _read_files(form: Form, name: str) -> list[NewAttachment]:
    return [_to_attachment(file, is_inline=name == "inline") for file in form.files.get(name, ())]


def _to_attachment(file: FormFile, *, is_inline: bool) -> NewAttachment:
    """An inline file is shown where the html says `cid:` and its name."""
    return NewAttachment(
        file.filename,
        file.content,
        content_type=file.content_type,
        content_id=file.filename if is_inline else "",
    )


# ── A copy for each ──────────────────────────────────────────────────────────────────────────────────────────────────
def _personalize(
    email: NewEmail, to: NewRecipient, others: Sequence[NewRecipient], known: Mapping[str, Any]
) -> NewEmail:
    box = split_mailbox(to.text)
    values = known.get(box.address.key, {})
    if not isinstance(values, dict):
        raise unfit("invalid", "recipient-variables", "The value of each address must be a JSON object.")

    def put(text: str) -> str:
        grown = 0

        def find(mark: re.Match[str]) -> str:
            nonlocal grown
            value = _find_value(mark, box, values)
            grown += len(value)
            check_growth(grown, "recipient-variables")
            return value

        return _VARIABLE.sub(find, text)

    return replace(
        email,
        recipients=(to, *others),
        subject=put(email.subject),
        html=put(email.html),
        text=put(email.text),
        headers=tuple((name, put(value)) for name, value in email.headers),
        metadata={name: put(value) for name, value in email.metadata.items()},
        data={**email.data, "recipient": values} if email.template else {},
    )


def _find_value(found: re.Match[str], box: Mailbox, values: Mapping[str, Any]) -> str:
    """A variable that a recipient lacks stays as it was written."""
    if found[1]:
        value = values.get(found[1])
        return found[0] if value is None else keep_texts({"value": value})["value"]
    first, _, rest = box.name.partition(" ")
    known = {"name": box.name, "fname": first, "lname": rest, "email": box.address.text}
    return known[found[2]] if found[2] else f"{box.name} <{box.address}>" if box.name else box.address.text


def _key(text: str) -> str:
    try:
        return parse_address(text.strip()).key
    except AddressError:
        return text


# ── Options ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _refuse_options(form: Form) -> None:
    for name, text in _REFUSED.items():
        if form.one(name):
            raise unfit("unsupported", name, f"{name}: {text}")
    if _read_switch(form, "o:require-tls"):
        text = "o:require-tls: encryption is asked for by the transport's settings, not by an email."
        raise unfit("unsupported", "o:require-tls", text)


def _check_domain(sender: Address, domain: str) -> None:
    """The path's domain must be the sender's, or the one a level of the other: mail.acme.example sends for acme.example."""
    path, own = domain.lower().rstrip("."), sender.domain
    if path != own and not path.endswith(f".{own}") and not own.endswith(f".{path}"):
        text = f"The address of from is at {own}, which is not {domain[:253]}: post to /v3/{own}/messages."
        raise unfit("wrong_domain", "from", text)


def _read_switch(form: Form, name: str) -> bool | None:
    said = form.one(name).strip().lower()
    if not said:
        return None
    if said not in _YES | _NO:
        raise unfit("invalid", name, f"{name} must be yes or no.")
    return said in _YES


def _read_time(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        example = "Fri, 14 Oct 2026 23:10:10 -0000"
        raise unfit(
            "invalid_time", "o:deliverytime", f"o:deliverytime is a date such as {example}."
        ) from None
    if moment.tzinfo is None:  # "-0000" (RFC 5322 §3.3): the time is UTC
        moment = moment.replace(tzinfo=UTC)
    return max(moment, now)
