"""The way in for single emails, from every door: checked, judged, rendered, written in the caller's transaction.

    results = run_inquiry(accept_emails(account_id, [email], source_kind=SourceKind.API, key=key, now=now), cursor)

Nothing is sent before the caller commits; the deliver workers are told at that moment. A batch takes as many statements as one
email. What is wrong with one keeps no other out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dynamail.accounts.models import ApiKey
from dynamail.consent.gate import SENTENCES, Reason
from dynamail.content.compiling import Stream
from dynamail.content.problems import ContentError
from dynamail.content.programs import PlainResolver, Resolver
from dynamail.lib.asking import Ask, Inquiry
from dynamail.lib.ids import derived_id, new_id
from dynamail.messages.checking import MAX_ATTACHMENT_BYTES, MAX_SUBJECT, Draft, File, check_email, is_unfit
from dynamail.messages.email_facts import (
    Facts,
    Judgement,
    StreamTerms,
    gather_facts,
    keep_files,
    stream_key,
)
from dynamail.messages.email_rows import EmailDraftRow, KeptFile, RecipientRow, ask_to_write
from dynamail.messages.email_templates import KnownTemplate, render_email
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import AcceptedEmail, AcceptedRecipient, AcceptResult, NewEmail, RefusedEmail
from dynamail.messages.one_time import Rendered, conceal, has_one_time, reveal
from dynamail.messages.personalizing import Recipient, build_context
from dynamail.messages.recipient_links import RecipientLinks, SourceLinks, UntrackedLinks
from dynamail.senders.domains import explain_from_fault
from dynamail.tracking.tokens import load_token_keys

MAX_AT_ONCE = 500
# Characters that the templates of emails taken at once may say together. A small request can ask for five hundred times a megabyte, which
# would be in memory several times over until it is written; what comes without a template is bounded by the request's own size.
MOST_RENDERED = 50_000_000
TOO_MUCH = "batch_too_large"


@dataclass(slots=True)
class _Ready:
    """A draft that nothing speaks against, with what it says. `secret` is the content with its one-time values."""

    draft: Draft
    stream: StreamTerms
    judgements: Sequence[Judgement]
    kept: Rendered
    secret: Rendered | None
    template_uid: UUID | None


@dataclass(slots=True)
class _Room:
    """What templates may still say, in characters. Who comes too late is not even rendered."""

    left: int

    def take(self, draft: Draft, kept: Rendered, secret: Rendered | None) -> None:
        """One-time content is sealed for each recipient."""
        self.left -= _size(kept) + (_size(secret) * len(draft.targets) if secret else 0)

    def refuses(self, draft: Draft) -> bool:
        if self.left >= 0:
            return False
        sentence = _(
            "The templates of this request say more than %d million characters together. Send this email and those after it in another request."
        )
        draft.add_fault(TOO_MUCH, "template", sentence % (MOST_RENDERED // 1_000_000))
        return True


@dataclass(frozen=True, slots=True)
class Plan:
    """A result for each email, in order, and the statements that make them true."""

    results: list[AcceptResult]
    asks: Sequence[Ask]


def accept_emails(
    account_id: int,
    emails: Sequence[NewEmail],
    *,
    source_kind: SourceKind,
    key: ApiKey | None,
    now: datetime,
    together: bool = False,
    is_test: bool = False,
) -> Inquiry[list[AcceptResult]]:
    """A result for each email, in order. Raises ValueError for more than MAX_AT_ONCE.

    Mail of a test key stays in the Mailbox; `is_test` says so without one. With `together`, one that is refused keeps all others out: they come back refused, without a fault of their own.
    """
    plan = yield from plan_emails(
        account_id, emails, source_kind=source_kind, key=key, now=now, together=together, is_test=is_test
    )
    if plan.asks:
        yield plan.asks
    return plan.results


def plan_emails(
    account_id: int,
    emails: Sequence[NewEmail],
    *,
    source_kind: SourceKind,
    key: ApiKey | None,
    now: datetime,
    together: bool = False,
    is_test: bool = False,
) -> Inquiry[Plan]:
    """Like `accept_emails`, but the last statements are left to the caller, who has more to write with them."""
    if len(emails) > MAX_AT_ONCE:
        raise ValueError(f"{len(emails)} emails at once; split them into batches of {MAX_AT_ONCE}")
    drafts = [check_email(email, now=now) for email in emails]
    fit = [draft for draft in drafts if not draft.faults]
    is_test = is_test or (key is not None and key.is_test)
    rows: dict[int, EmailDraftRow] = {}
    asks: Sequence[Ask] = ()
    if fit:
        facts = yield from gather_facts(account_id, fit, now=now)
        room = _Room(MOST_RENDERED)
        ready = [
            one
            for number, draft in enumerate(fit)
            if (one := _decide(account_id, draft, facts, facts.judgements[number], room, is_test, now))
        ]
        if together and len(ready) < len(drafts):
            ready = []
        blobs = yield from keep_files(account_id, (one.draft for one in ready), now=now)
        rows = {id(one.draft): _make_row(one, facts, blobs, is_test, now) for one in ready}
        if rows:
            key_id = key.pk if key else None
            asks = ask_to_write(
                account_id,
                list(rows.values()),
                source_kind=source_kind,
                key_id=key_id,
                is_test=is_test,
                now=now,
            )
    return Plan([_tell(draft, rows.get(id(draft)), now) for draft in drafts], asks)


# ── Deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _decide(
    account_id: int,
    draft: Draft,
    facts: Facts,
    judgements: Sequence[Judgement],
    room: _Room,
    is_test: bool,
    now: datetime,
) -> _Ready | None:
    """The draft with its content, or None with the faults in the draft."""
    if not facts.account.is_active:
        draft.add_fault("account_stopped", "", str(SENTENCES[Reason.ACCOUNT_STOPPED]))
        return None
    _check_from(draft, facts, is_test)
    stream = _check_stream(draft, facts)
    _check_judgements(draft, judgements)
    template = _find_template(draft, facts)
    _check_media(draft, facts)
    if draft.faults or stream is None:
        return None
    if template is not None and room.refuses(draft):
        return None
    contents = _render(account_id, draft, facts, judgements, stream, template, now)
    if contents is None:
        return None
    kept, secret = contents
    if template is not None:
        room.take(draft, kept, secret)
        if room.refuses(draft):
            return None
    return _Ready(draft, stream, judgements, kept, secret, template.uid if template else None)


def _check_from(draft: Draft, facts: Facts, is_test: bool) -> None:
    address = draft.sender.address
    fault = facts.senders.find_fault(address, stays=is_test or draft.is_simulated)
    if fault is not None:
        draft.add_fault(fault.value, "from", explain_from_fault(fault, address.text))


def _check_stream(draft: Draft, facts: Facts) -> StreamTerms | None:
    key = stream_key(draft)
    stream = facts.streams.get(key)
    if stream is None:
        draft.add_fault("unknown_stream", "stream", _("The account has no stream “%s”.") % key[:40])
    elif stream.is_archived:
        draft.add_fault(
            "stream_archived", "stream", _("The stream “%s” is archived; nothing is sent by it.") % key
        )
    elif stream.is_marketing and not draft.email.topic:
        sentence = _(
            "Mail of a marketing stream names the topic that its recipient agreed to. Name the topic."
        )
        draft.add_fault("topic_missing", "topic", sentence)
    return stream


def _check_judgements(draft: Draft, judgements: Sequence[Judgement]) -> None:
    """An email of which nothing would be sent is refused."""
    if draft.topic_uid is not None and any(one.topic_id is None for one in judgements):
        draft.add_fault("unknown_topic", "topic", _("The account has no such topic."))
    elif judgements and all(one.refusal is not None for one in judgements):
        for target, one in zip(draft.targets, judgements, strict=True):
            draft.add_fault("suppressed", target.place, str(SENTENCES[one.refusal or Reason.SUPPRESSED]))


def _find_template(draft: Draft, facts: Facts) -> KnownTemplate | None:
    said = draft.email.template
    if not said:
        return None
    found = [one for one in facts.templates if one.uid == draft.template_uid or one.name == said]
    working = [one.template for one in found if one.template is not None]
    if len(working) == 1:
        return working[0]
    if working:
        draft.add_fault("template_ambiguous", "template", _("Several templates have this name. Give its id."))
    elif found:
        draft.add_fault(
            "template_archived", "template", _("This template is archived. Restore it, or name another.")
        )
    else:
        draft.add_fault("unknown_template", "template", _("The account has no such template."))
    return None


def _check_media(draft: Draft, facts: Facts) -> None:
    size = 0
    for number, file in enumerate(draft.files):
        known = facts.media.get(file.media) if file.media else None
        if file.media and known is None:
            draft.add_fault(
                "unknown_media", f"attachments[{number}].media", _("The account has no such file.")
            )
        size += known.size_bytes if known else len(file.content)
    if size > MAX_ATTACHMENT_BYTES:
        draft.add_fault("too_large", "attachments", _("The files have more than 25 MB together."))


def _size(content: Rendered) -> int:
    return len(content.html) + len(content.text)


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _render(
    account_id: int,
    draft: Draft,
    facts: Facts,
    judgements: Sequence[Judgement],
    stream: StreamTerms,
    template: KnownTemplate | None,
    now: datetime,
) -> tuple[Rendered, Rendered | None] | None:
    """What is kept, and what leaves where that differs. None with a fault in the draft."""
    email = draft.email
    if template is None:
        return Rendered(draft.subject, email.html, email.text), None
    secret = has_one_time(email.data)
    kind = Stream.MARKETING if email.topic else Stream.TRANSACTIONAL
    person = judgements[0].person if len(judgements) == 1 else None
    context = _build_context(draft, facts, person, now)
    links = _make_links(account_id, judgements, stream)
    try:
        compiled = template.compile(kind, facts.account.language)
        kept = render_email(compiled, context | conceal(email.data), links, subject=draft.subject)
    except ContentError as error:
        draft.add_fault("template_failed", "template", _("The template fails: %s") % error)
        return None
    _check_rendered(draft, kept)
    if draft.faults or not secret:
        return None if draft.faults else (kept, None)
    try:
        real = render_email(compiled, context | reveal(email.data), links, subject=draft.subject)
    except ContentError:  # its words might tell the value
        draft.add_fault("template_failed", "data", _("The template fails with the one-time values."))
        return None
    _check_rendered(draft, real)
    return None if draft.faults else (kept, real)


def _check_rendered(draft: Draft, content: Rendered) -> None:
    if not content.subject:
        draft.add_fault("subject_missing", "subject", _("The template has no subject; give one."))
    if len(content.subject) > MAX_SUBJECT:
        draft.add_fault("too_long", "subject", _("A subject has at most 998 characters."))
    if any(is_unfit(text) for text in (content.subject, content.html, content.text)):
        draft.add_fault("bad_character", "data", _("The data hold a character that cannot be sent."))


def _build_context(draft: Draft, facts: Facts, person: Recipient | None, now: datetime) -> dict[str, Any]:
    """With several recipients a template can speak to none of them."""
    context = build_context(
        person or Recipient(UUID(int=0), *_name_first(draft)), facts.account.surroundings, today=now.date()
    )
    if len(draft.targets) != 1:
        del context["contact"]
    return context


def _name_first(draft: Draft) -> tuple[str, str]:
    target = draft.targets[0]
    return target.address.text, target.name


def _make_links(account_id: int, judgements: Sequence[Judgement], stream: StreamTerms) -> Resolver:
    """Our own pages for the one recipient who is a contact; links are plain here, they are counted when the message is composed."""
    one = judgements[0]
    if len(judgements) != 1 or one.contact_id is None:
        return PlainResolver()
    source = SourceLinks(
        public_url=settings.PUBLIC_URL,
        keys=load_token_keys(settings.SECRET_KEY),
        account_id=account_id,
        source_id=stream.uid,
        topic_id=one.topic_id or 0,
        individual=False,
    )
    return _SingleLinks(source, one.contact_id, has_topic=one.topic_id is not None)


class _SingleLinks(UntrackedLinks):
    """Without a topic there is nothing to unsubscribe from but on the page of preferences; no page shows a single email."""

    __slots__ = ("_has_topic",)

    def __init__(self, source: SourceLinks, contact_id: UUID, *, has_topic: bool) -> None:
        super().__init__(source, contact_id)
        self._has_topic = has_topic

    def url(self, name: str) -> str:
        if name == "view":
            return "#"
        return RecipientLinks.url(self, name if self._has_topic else "preferences")


# ── Rows and answers ─────────────────────────────────────────────────────────────────────────────────────────────────
def _make_row(
    ready: _Ready, facts: Facts, blobs: Mapping[bytes, UUID], is_test: bool, now: datetime
) -> EmailDraftRow:
    draft, email = ready.draft, ready.draft.email
    email_id = new_id(now)
    run_at = max(email.send_at or now, now)
    opens = ready.stream.tracks_opens if email.track_opens is None else email.track_opens
    clicks = ready.stream.tracks_clicks if email.track_clicks is None else email.track_clicks
    return EmailDraftRow(
        id=email_id,
        draft=draft,
        stream=stream_key(draft),
        stream_uid=ready.stream.uid,
        is_marketing=ready.stream.is_marketing or bool(email.topic),
        kept=ready.kept,
        secret=ready.secret,
        template_uid=ready.template_uid,
        topic_id=ready.judgements[0].topic_id,
        track_opens=opens,
        track_clicks=clicks,
        run_at=run_at,
        files=tuple(_keep_file(file, facts, blobs) for file in draft.files),
        recipients=tuple(
            RecipientRow(
                email_id if number == 0 else derived_id(now, email_id, number),
                target,
                one.contact_id,
                one.refusal,
                to_mailbox=is_test or target.is_simulated,
            )
            for number, (target, one) in enumerate(zip(draft.targets, ready.judgements, strict=True))
        ),
    )


def _keep_file(file: File, facts: Facts, blobs: Mapping[bytes, UUID]) -> KeptFile:
    if file.media is None:
        size = len(file.content)
        return KeptFile(blobs[file.sha256], file.filename, file.content_type, file.content_id, size)
    known = facts.media[file.media]
    return KeptFile(
        known.blob_id,
        file.filename or known.filename,
        file.content_type or known.content_type,
        file.content_id,
        known.size_bytes,
    )


def _tell(draft: Draft, row: EmailDraftRow | None, now: datetime) -> AcceptResult:
    if row is None:
        return RefusedEmail(tuple(draft.faults))
    recipients = tuple(
        AcceptedRecipient(one.message_id, one.target.address.text, one.target.kind, one.refusal or "")
        for one in row.recipients
    )
    return AcceptedEmail(row.id, now, row.run_at, recipients)
