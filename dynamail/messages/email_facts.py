"""What the account's data say about emails that are to be accepted: one trip for all of them, however many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.consent.address_hash import hash_addresses
from dynamail.consent.gate import Reason
from dynamail.content.blobs import keep_blobs
from dynamail.lib.asking import Ask, Inquiry, Told
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql
from dynamail.messages.checking import Draft
from dynamail.messages.email_templates import SHELF, FoundTemplate, ask_for_templates, read_templates
from dynamail.messages.personalizing import Recipient, Surroundings, name_attributes
from dynamail.senders.from_rules import FromFacts, ask_for_from_facts, read_from_facts
from dynamail.senders.streams import BUILT_IN, MARKETING, TRANSACTIONAL


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """`attributes` maps the numbers of contacts' attributes, as text, to their keys; empty when no template asked."""

    is_active: bool
    uid: UUID
    language: str
    surroundings: Surroundings
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamTerms:
    uid: UUID
    is_marketing: bool
    tracks_opens: bool
    tracks_clicks: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whose address it is, and why nothing may be sent there, if so. `person` only where the contact's data were wanted."""

    contact_id: UUID | None
    refusal: Reason | None
    person: Recipient | None
    topic_id: int | None


@dataclass(frozen=True, slots=True)
class MediaFile:
    filename: str
    content_type: str
    size_bytes: int
    blob_id: UUID


@dataclass(frozen=True, slots=True)
class Facts:
    """`judgements` has one list for each draft, in the order of its targets."""

    account: AccountTerms
    senders: FromFacts
    streams: Mapping[str, StreamTerms]
    judgements: Sequence[Sequence[Judgement]]
    templates: Sequence[FoundTemplate] = ()
    media: Mapping[UUID, MediaFile] = field(default_factory=dict)


def stream_key(draft: Draft) -> str:
    """The stream that the email says, or the one that fits it."""
    return draft.email.stream or (MARKETING if draft.email.topic else TRANSACTIONAL)


def gather_facts(account_id: int, drafts: Sequence[Draft], *, now: datetime) -> Inquiry[Facts]:
    """All that deciding about these drafts takes. Contacts and files are held until the caller commits."""
    keys = {stream_key(draft) for draft in drafts}
    asks = [
        _ask_for_terms(account_id, drafts),
        ask_for_from_facts(account_id, (draft.sender.address for draft in drafts)),
        _ask_for_streams(account_id, keys),
        _ask_to_judge(account_id, drafts, now),
    ]
    known = SHELF.list_known(account_id)
    uids = {draft.template_uid for draft in drafts if draft.template_uid}
    names = {draft.email.template for draft in drafts if draft.email.template and not draft.template_uid}
    if uids or names:
        asks.append(ask_for_templates(account_id, uids, names, known))
    media = {one.media for draft in drafts for one in draft.files if one.media}
    if media:
        asks.append(_ask_for_media(account_id, media))
    terms, senders, streams, judged, *rest = yield asks
    account = _read_terms(terms)
    found = yield from _find_streams(account_id, keys, streams, now)
    templates = read_templates(account_id, rest.pop(0), known) if uids or names else []
    return Facts(
        account,
        read_from_facts(senders),
        found,
        _read_judgements(drafts, judged, account),
        templates,
        _read_media(rest.pop(0)) if media else {},
    )


def keep_files(account_id: int, drafts: Iterable[Draft], *, now: datetime) -> Inquiry[dict[bytes, UUID]]:
    """The stored files by the hashes of their contents, after those that are not there yet were stored."""
    files = [file for draft in drafts for file in draft.files]
    contents = {one.sha256: one.content for one in files if one.media is None}
    if not contents:
        return {}
    ids = yield from keep_blobs(account_id, list(contents.values()), now=now)
    return dict(zip(contents, ids, strict=True))


# ── Account and streams ──────────────────────────────────────────────────────────────────────────────────────────────
def _ask_for_terms(account_id: int, drafts: Sequence[Draft]) -> Ask:
    wanted = any(_wants_person(draft) for draft in drafts)
    parameters = {"account_id": account_id, "with_attributes": wanted}
    return Ask(load_sql("messages", "find_sending_terms"), parameters)


def _read_terms(told: Told) -> AccountTerms:
    for state, name, address, website, language, uid, attributes in told.rows:
        around = Surroundings(name, address, website)
        return AccountTerms(state == "active", uid, language, around, _read_json(attributes))
    return AccountTerms(False, UUID(int=0), "en", Surroundings(), {})


def _read_json(value: Any) -> dict[str, Any]:
    """Drivers with and without a JSON loader answer in two ways."""
    if isinstance(value, str | bytes):
        value = json.loads(value)
    return value or {}


def _ask_for_streams(account_id: int, keys: Iterable[str]) -> Ask:
    statement = (
        "SELECT key, uid, kind = 'marketing', tracks_opens, tracks_clicks, archived_at IS NOT NULL FROM stream "
        "WHERE account_id = %s AND key = ANY(%s::text[])"
    )
    return Ask(statement, [account_id, sorted(keys)])


def _find_streams(
    account_id: int, keys: set[str], told: Told, now: datetime
) -> Inquiry[dict[str, StreamTerms]]:
    """An account's built-in streams come to exist with the first email that needs them."""
    missing = sorted((keys & BUILT_IN.keys()) - {row[0] for row in told.rows})
    if missing:
        statement = (
            "INSERT INTO stream (account_id, uid, created_at, key, name, kind, body_days, log_days, tracks_opens, tracks_clicks) "
            "SELECT %s, uid, %s, key, name, key, 30, 396, false, false "
            "FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS new (uid, key, name) ON CONFLICT DO NOTHING"
        )
        names = [BUILT_IN[key] for key in missing]
        _made, told = yield [
            Ask(statement, [account_id, now, [new_id(now) for _key in missing], missing, names]),
            _ask_for_streams(account_id, keys),
        ]
    return {key: StreamTerms(*terms) for key, *terms in told.rows}


# ── Recipients ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _wants_person(draft: Draft) -> bool:
    """A template may speak of the recipient when there is one alone."""
    return bool(draft.email.template) and len(draft.targets) == 1


def _ask_to_judge(account_id: int, drafts: Sequence[Draft], now: datetime) -> Ask:
    pairs = [(draft, target) for draft in drafts for target in draft.targets]
    keys = [target.address.key for _draft, target in pairs]
    parameters = {
        "account_id": account_id,
        "now": now,
        "numbers": list(range(len(pairs))),
        "email_keys": keys,
        "address_hashes": hash_addresses(account_id, keys),
        "streams": [stream_key(draft) for draft, _target in pairs],
        "topics": [draft.topic_uid for draft, _target in pairs],
        "wanted": [_wants_person(draft) for draft, _target in pairs],
    }
    return Ask(load_sql("messages", "judge_recipients"), parameters)


def _read_judgements(drafts: Sequence[Draft], told: Told, account: AccountTerms) -> list[list[Judgement]]:
    judged: dict[int, Judgement] = {}
    for number, contact_id, reason, email, name, language, attributes, topic_id in told.rows:
        person = None
        if email is not None:
            values = name_attributes(_read_json(attributes), account.attributes)
            person = Recipient(contact_id, email, name, language, values)
        judged[number] = Judgement(contact_id, Reason(reason) if reason else None, person, topic_id)
    coming = iter(range(len(judged)))
    return [
        [_play(target.plays_suppressed, judged[next(coming)]) for target in draft.targets] for draft in drafts
    ]


def _play(suppressed: bool, judged: Judgement) -> Judgement:
    if not suppressed:
        return judged
    return Judgement(judged.contact_id, judged.refusal or Reason.SUPPRESSED, judged.person, judged.topic_id)


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _ask_for_media(account_id: int, media: Iterable[UUID]) -> Ask:
    """Held, so that the cleaning of old files does not take one away before the email names it."""
    statement = (
        "SELECT media.uid, media.filename, media.content_type, media.size_bytes, media.blob_id FROM media "
        "JOIN blob ON blob.account_id = media.account_id AND blob.id = media.blob_id "
        "WHERE media.account_id = %s AND media.uid = ANY(%s::uuid[]) ORDER BY blob.id FOR KEY SHARE OF blob"
    )
    return Ask(statement, [account_id, sorted(media)])


def _read_media(told: Told) -> dict[UUID, MediaFile]:
    return {uid: MediaFile(*values) for uid, *values in told.rows}
