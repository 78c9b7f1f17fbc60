"""Frozen content and one contact become bytes on the wire.

1. `Composer` is made once per campaign: the content is compiled, every static stretch of it becomes quoted-printable once.
2. `compose` runs per recipient: slots rendered, links signed, headers written, all joined into one buffer, and DKIM-Signature
   fields put in front of it when the sender's domain has keys.
3. `compose_single` does the same for a message with a content of its own; nothing is cached there.

What leaves is wire safe by construction (`protocols.quoted_printable`, `protocols.mime`), so the SMTP client need not look again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings as django_settings
from django.utils import translation

from dynamail.content.compiling import CompiledEmail, EmailSource, Kind, compile_email
from dynamail.content.links import Utm
from dynamail.lib.ids import derived_id
from dynamail.lib.signing import derive_key
from dynamail.messages.accepting import Content
from dynamail.messages.body_plans import AGGREGATE, INDIVIDUAL, BodyPlan, make_body_plan
from dynamail.messages.freezing import FrozenSender, FrozenSettings, FrozenSource
from dynamail.messages.models import FrozenContent
from dynamail.messages.personalizing import Recipient, Surroundings, contact_data, shared_data
from dynamail.messages.recipient_links import SourceLinks
from dynamail.messages.return_paths import ReturnPaths
from dynamail.messages.signing import SigningIdentity
from dynamail.protocols.address import Mailbox, parse_address
from dynamail.protocols.dkim import DkimSigning, hash_body, sign_message
from dynamail.protocols.list_headers import encode_feedback_id, encode_list_id
from dynamail.protocols.mime import (
    HeaderError,
    Part,
    build_message,
    encode_addresses,
    encode_header,
    encode_structured,
    format_date,
    format_message_id,
    multipart,
    text_part,
)
from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.protocols.verp import encode_return_path
from dynamail.tracking.tokens import TokenKeys, load_token_keys

MARKETING = "marketing"
SENDER_ID = "dynamail"  # the last field of Feedback-ID
RETURN_PATH_PURPOSE = "return-path"
# Fields that we write ourselves, and those that only receiving or signing systems may write.
_OWN_HEADERS = (
    "from to subject date message-id mime-version reply-to content-type content-transfer-encoding return-path "
    "received dkim-signature authentication-results feedback-id list-unsubscribe list-unsubscribe-post list-id "
    "precedence sender bcc x-mailru-msgtype x-postmaster-msgtype cfbl-address received-spf "
    "arc-seal arc-message-signature arc-authentication-results"
)
OWN_HEADERS = frozenset(_OWN_HEADERS.split())
_ID_TAIL = (
    (1 << 80) - 1 & ~(0xF << 76) & ~(0x3 << 62)
)  # the bits of a UUIDv7 that are neither time nor version
SHORT_TO = 65  # characters of name and address that surely fit in one line
_PLAIN_NAME = re.compile(r"[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)*")
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]{1,189}")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class ComposingSettings:
    """The installation's part of every message: the public address, the two domains, the keys."""

    public_url: str
    message_id_domain: str
    return_path_domain: str
    token_keys: TokenKeys
    return_path_key: bytes


def load_composing_settings() -> ComposingSettings:
    """From the settings of this process."""
    return ComposingSettings(
        public_url=django_settings.PUBLIC_URL,
        message_id_domain=django_settings.MESSAGE_ID_DOMAIN,
        return_path_domain=django_settings.RETURN_PATH_DOMAIN,
        token_keys=load_token_keys(django_settings.SECRET_KEY),
        return_path_key=derive_key(django_settings.SECRET_KEY, RETURN_PATH_PURPOSE),
    )


@dataclass(frozen=True, slots=True)
class FrozenCampaign:
    """A row of frozen_content, read: what is said, by whom, under which settings, since when."""

    account_id: int
    source_id: UUID
    launched_at: datetime
    source: FrozenSource
    sender: FrozenSender
    settings: FrozenSettings


def read_frozen(row: FrozenContent) -> FrozenCampaign:
    """The records of a row that the ORM loaded."""
    return make_frozen(row.account_id, row.id, row.created_at, row.kind, row.source, row.sender, row.settings)


def make_frozen(
    account_id: int,
    source_id: UUID,
    created_at: datetime,
    kind: str,
    source: dict,
    sender: dict,
    settings: dict,
) -> FrozenCampaign:
    """The same from plain column values, for workers without the ORM."""
    return FrozenCampaign(
        account_id,
        source_id,
        created_at,
        FrozenSource(kind=kind, **source),
        FrozenSender(**sender),
        FrozenSettings(**settings),
    )


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's copy for the eye: the web version, a test send."""

    subject: str
    html: str
    text: str


class Composer:
    """A campaign's content, ready to be written to anyone. Raises ContentError when the frozen content does not compile.

    Not shared between threads.
    """

    def __init__(
        self, frozen: FrozenCampaign, settings: ComposingSettings, identity: SigningIdentity | None = None
    ) -> None:
        self.frozen = frozen
        self.settings = settings
        self.compiled = compile_frozen(frozen)
        self.surroundings = find_surroundings(frozen)
        self._id_end = f"@{settings.message_id_domain}>\r\n".encode("ascii")
        self._head = self._make_head()
        self._take(identity or SigningIdentity())
        self._needs_smtputf8 = parse_address(frozen.sender.email).needs_smtputf8
        subject = self.compiled.subject
        self._subject = None if subject.slots else _encode_subject(subject.statics[0])
        # `derived_id(launched_at, source_id, contact_id)` with its first two parts hashed in advance.
        self._id_base = derived_id(frozen.launched_at).int & ~_ID_TAIL
        self._id_hash = hashlib.blake2b(f"{frozen.source_id}\x1f".encode(), digest_size=10)
        self._shared: tuple[date, dict[str, Any]] = (date.min, {})
        self._date: tuple[int, bytes] = (0, b"")

    def message_id(self, contact_id: UUID) -> UUID:
        """The id of this campaign's message to a contact: the same whenever it is asked."""
        digest = self._id_hash.copy()
        digest.update(str(contact_id).encode("ascii"))
        return UUID(int=self._id_base | int.from_bytes(digest.digest()) & _ID_TAIL)

    def sign_as(self, identity: SigningIdentity | None) -> None:
        """From the next message on. Asked with the same identity again it costs nothing."""
        identity = identity or SigningIdentity()
        if identity != self._identity:
            self._take(identity)

    def _take(self, identity: SigningIdentity) -> None:
        self._identity = identity
        self._plans: dict[str, BodyPlan] = {}
        domain = identity.return_path_domain or self.settings.return_path_domain
        self._return_paths = ReturnPaths(key=self.settings.return_path_key, domain=domain)
        self._signing = DkimSigning(identity.signers, shared=self._head) if identity.signers else None

    def compose(
        self, recipient: Recipient, *, message_id: UUID, now: datetime, token: object = None
    ) -> Envelope:
        """The message for one recipient; `message_id` is `self.message_id(...)`, which the caller has already.

        Raises ContentError when a slot fails, AddressError for an address that nobody can write to.
        """
        plan = self._plan(recipient)
        links = plan.links_for(recipient.contact_id)
        context = {"contact": contact_data(recipient), **self._shared_on(now)}
        address, to, smtputf8 = encode_recipient(recipient.email, recipient.name)
        own = b"".join(
            (
                b"Message-ID: <",
                message_id.hex.encode("ascii"),
                self._id_end,
                self._date_line(now),
                to,
                self._subject or _encode_subject(self.compiled.subject.render(context, links)),
            )
        )
        head = self._head + own
        body = plan.render(head, context, links)
        if self._signing is not None:
            end = body.index(b"\r\n\r\n", len(head)) + 2
            body_hash = hash_body(body, start=end + 2, is_canonical=plan.is_canonical)
            body = self._signing.sign(own + body[len(head) : end], body_hash=body_hash, now=now) + body
        return Envelope(
            self._return_paths.encode(message_id),
            address,
            body,
            token,
            smtputf8 or self._needs_smtputf8,
            False,
            True,
        )

    def make_copy(self, recipient: Recipient, *, now: datetime) -> Copy:
        """The same content for the eye, with this recipient's links: the web version of a message."""
        links = self._plan(recipient).links_for(recipient.contact_id)
        context = {"contact": contact_data(recipient), **self._shared_on(now)}
        html = self.compiled.html
        return Copy(
            one_line(self.compiled.subject.render(context, links)),
            html.render(context, links) if html else "",
            self.compiled.text.render(context, links),
        )

    # --- made once -----------------------------------------------------------------------------------------------------

    def _make_head(self) -> bytes:
        """What every recipient's header has in common."""
        frozen, sender = self.frozen, self.frozen.sender
        account = frozen.settings.account_uid or f"account-{frozen.account_id}"
        topic = f"topic-{frozen.settings.topic_id}.{account}.{self.settings.message_id_domain}"
        fields = [
            encode_addresses("From", [Mailbox(one_line(sender.name), parse_address(sender.email))]),
        ]
        if sender.reply_to:
            fields.append(encode_addresses("Reply-To", [Mailbox("", parse_address(sender.reply_to))]))
        fields += [
            encode_list_id(topic, description=one_line(frozen.settings.topic_name)),
            encode_feedback_id((frozen.source_id.hex, account, MARKETING), sender_id=SENDER_ID),
            b"Precedence: bulk\r\n",
            b"MIME-Version: 1.0\r\n",
        ]
        return b"".join(fields)

    def _plan(self, recipient: Recipient) -> BodyPlan:
        """Individual tracking needs the person's permission; without it, what they do counts for the campaign alone."""
        mode = self.frozen.settings.tracking
        if mode == INDIVIDUAL and not recipient.tracking_allowed:
            mode = AGGREGATE
        plan = self._plans.get(mode)
        if plan is None:
            plan = self._plans[mode] = make_body_plan(self.compiled, self._source_links(mode), mode=mode)
        return plan

    def _source_links(self, mode: str) -> SourceLinks:
        return SourceLinks(
            public_url=self.settings.public_url,
            tracking_url=self._identity.tracking_url,
            keys=self.settings.token_keys,
            account_id=self.frozen.account_id,
            source_id=self.frozen.source_id,
            topic_id=self.frozen.settings.topic_id,
            individual=mode == INDIVIDUAL,
            dynamic=frozenset(link.number for link in self.compiled.links if link.is_dynamic),
        )

    # --- made once a day, once a second --------------------------------------------------------------------------------

    def _shared_on(self, now: datetime) -> dict[str, Any]:
        today = now.date()
        if self._shared[0] != today:
            self._shared = (today, shared_data(self.surroundings, today=today))
        return self._shared[1]

    def _date_line(self, now: datetime) -> bytes:
        second = int(now.timestamp())
        if self._date[0] != second:
            self._date = (second, f"Date: {format_date(now)}\r\n".encode("ascii"))
        return self._date[1]


def compile_frozen(frozen: FrozenCampaign) -> CompiledEmail:
    """Compile what a campaign said at launch, in its account's language. Raises ContentError."""
    source = frozen.source
    email = EmailSource(
        Kind(source.kind), source.body, source.subject, source.preheader, text=source.text or None
    )
    utm = Utm(**frozen.settings.utm) if frozen.settings.utm else None
    with translation.override(frozen.settings.language or "en"):
        return compile_email(email, utm=utm)


def find_surroundings(frozen: FrozenCampaign) -> Surroundings:
    return Surroundings(
        account_name=frozen.settings.account_name,
        account_address=frozen.settings.account_address,
        account_website=frozen.settings.account_website,
        campaign_name=frozen.settings.campaign_name,
    )


def make_return_path(message_id: UUID, settings: ComposingSettings, *, domain: str = "") -> str:
    """MAIL FROM that names the message, so that a bounce finds it; at the installation's domain unless another is given."""
    local = encode_return_path(message_id, key=settings.return_path_key)
    return f"{local}@{domain or settings.return_path_domain}"


def encode_recipient(email: str, name: str) -> tuple[str, bytes, bool]:
    """RCPT TO, the To field, and whether the message needs SMTPUTF8. Raises AddressError.

    A name that may not stand in a header is left out: it must not cost its owner the message.
    """
    if _PLAIN_EMAIL.fullmatch(email):
        if not name:
            return email, b"To: %b\r\n" % email.encode("ascii"), False
        if len(name) + len(email) < SHORT_TO and _PLAIN_NAME.fullmatch(name):
            return email, f"To: {name} <{email}>\r\n".encode("ascii"), False
    address = parse_address(email)
    try:
        to = encode_addresses("To", [Mailbox(one_line(name), address)])
    except HeaderError:
        to = encode_addresses("To", [Mailbox("", address)])
    return address.envelope, to, address.needs_smtputf8


def compose_single(
    content: Content,
    *,
    message_id: UUID,
    recipient: str,
    settings: ComposingSettings,
    now: datetime,
    token: object = None,
    identity: SigningIdentity | None = None,
) -> Envelope:
    """A message with a content of its own. Raises AddressError or HeaderError; `accept_message` has checked both."""
    address, to, smtputf8 = encode_recipient(recipient, "")
    author = Mailbox(one_line(content.from_name), parse_address(content.from_email))
    fields = [
        encode_structured("Message-ID", format_message_id(message_id.hex, settings.message_id_domain)),
        f"Date: {format_date(now)}\r\n".encode("ascii"),
        encode_addresses("From", [author]),
        to,
        encode_header("Subject", one_line(content.subject)),
    ]
    if content.reply_to:
        fields.append(encode_addresses("Reply-To", [Mailbox("", parse_address(content.reply_to))]))
    fields += [
        encode_header(name, value) for name, value in content.headers if name.lower() not in OWN_HEADERS
    ]
    smtputf8 = smtputf8 or author.address.needs_smtputf8
    body = build_message(fields, _content_part(content, message_id))
    identity = identity or SigningIdentity()
    if identity.signers:
        body = sign_message(body, identity.signers, now=now) + body
    sender = make_return_path(message_id, settings, domain=identity.return_path_domain)
    return Envelope(sender, address, body, token, smtputf8, False, True)


def _content_part(content: Content, message_id: UUID) -> Part:
    if not content.html:
        return text_part(content.text)
    html = text_part(content.html, subtype="html")
    if not content.text:
        return html
    return multipart("alternative", [text_part(content.text), html], seed=message_id.bytes)


def _encode_subject(text: str) -> bytes:
    return encode_header("Subject", one_line(text))


def one_line(text: str) -> str:
    """A line break that came from someone's data becomes a space: it must not begin another header field."""
    return " ".join(_CONTROLS.sub(" ", text).split())
