"""How an event of the log reads outside: public ids, plain words, times with Z.

`tell` says all that there is; `fit` leaves what an endpoint was given (kinds.narrow) and keeps it under 20 kB. What is dropped for its size is
named in `data.left_out`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from dynamail.events.kinds import EventKind
from dynamail.events.tailing import LoggedEvent
from dynamail.lib.ids import to_public_id
from dynamail.webhooks.facts import Facts
from dynamail.webhooks.kinds import TEST, narrow

MOST_BYTES = 20_000
LEFT_OUT = "left_out"
_SHED = ("metadata", "url", "subject", "reply", "tags", "fields")  # the first to go where it is too much
_MESSAGE_FIELDS = (
    "code",
    "class",
    "reason",
    "hard",
    "late",
    "reply",
    "host",
    "tls",
    "attempt",
    "machine",
    "link",
    "url",
)
_COUNTS = ("state", "new", "updated", "unchanged", "invalid")


def tell(event: LoggedEvent, facts: Facts) -> dict[str, Any]:
    """The whole `data` of an event, for nobody in particular."""
    noun = event.kind.partition(".")[0]
    said = _TELLERS[noun](event, facts) if noun in _TELLERS else {}
    contact = to_public_id("con", event.contact_id) if event.contact_id else None
    return {"contact_id": contact} | said


def make_payload(kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "timestamp": write_moment(at), "data": data}


def make_test_payload(*, now: datetime) -> dict[str, Any]:
    return make_payload(TEST, now, {"message": "It works."})


def fit(payload: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """What an endpoint with these fields gets of it. Doing it again with fewer fields takes more away."""
    kind, timestamp = payload["type"], payload["timestamp"]
    data = narrow(kind, payload["data"], fields)
    left_out = list(payload["data"].get(LEFT_OUT, ()))
    for name in _SHED:
        if len(encode({"type": kind, "timestamp": timestamp, "data": data})) <= MOST_BYTES - 200:
            break
        if data.pop(name, None) is not None:
            left_out.append(name)
    told = data | ({LEFT_OUT: left_out} if left_out else {})
    return {
        "type": kind,
        "timestamp": timestamp,
        "data": told,
    }  # in this order, which a column of JSON forgets


def encode(payload: dict[str, Any]) -> bytes:
    """The body, byte by byte the same for the same payload."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def write_moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ── By the first word of the kind ────────────────────────────────────────────────────────────────────────────────────
def _tell_message(event: LoggedEvent, facts: Facts) -> dict[str, Any]:
    if event.kind == EventKind.MESSAGE_RECEIVED:
        return _tell_received(event)
    said: dict[str, Any] = {name: event.data.get(name) for name in _MESSAGE_FIELDS}
    said |= {"message_id": _public("msg", event.message_id), "feedback_type": event.data.get("type")}
    said["enhanced_code"] = event.data.get("enhanced")
    if event.kind == EventKind.MESSAGE_REPLIED:
        said["inbound_id"] = event.data.get("id")
    if event.source_kind == "campaign":
        said["campaign_id"] = _public("cmp", event.source_id)
    return said | _tell_copy(event, facts)


def _tell_copy(event: LoggedEvent, facts: Facts) -> dict[str, Any]:
    copy = facts.copies.get(event.message_id) if event.message_id else None
    if copy is None:
        return {"recipient": facts.addresses.get(event.contact_id) if event.contact_id else None}
    said: dict[str, Any] = {
        "recipient": copy.recipient,
        "stream": copy.stream,
        "email_id": _public("eml", copy.email_id),
    }
    email = facts.emails.get(copy.email_id) if copy.email_id else None
    if email is not None:
        said |= {"subject": email.subject, "tags": list(email.tags), "metadata": dict(email.metadata)}
        said |= {"test": True} if email.is_test else {}
    return said


def _tell_received(event: LoggedEvent) -> dict[str, Any]:
    said = {name: event.data.get(name) for name in ("from", "to", "subject", "spf", "dkim", "dmarc")}
    attachments = event.data.get("attachments")
    return said | {
        "inbound_id": event.data.get("id"),
        "automatic": event.data.get("is_auto_reply") or None,
        "attachments": len(attachments) if isinstance(attachments, list) else None,
    }


def _tell_contact(event: LoggedEvent, facts: Facts) -> dict[str, Any]:
    data = event.data
    said: dict[str, Any] = {name: data.get(name) for name in ("source", "reason", "scope", "method")}
    said["email"] = facts.addresses.get(event.contact_id) if event.contact_id else None
    said["topic_id"], said["topic"] = facts.topics.get(data.get("topic_id", 0), (None, None))
    said["tag"] = facts.tags.get(data.get("tag", 0))
    said["fields"] = [_name_field(one, facts) for one in data.get("fields", ())]
    said["gone_id"] = _public("con", _read_uuid(data.get("gone")))
    return said


def _tell_contacts(event: LoggedEvent, _facts: Facts) -> dict[str, Any]:
    return {name: event.data.get(name) for name in _COUNTS} | {"import_id": _public("imp", event.source_id)}


def _tell_segment(event: LoggedEvent, facts: Facts) -> dict[str, Any]:
    email = facts.addresses.get(event.contact_id) if event.contact_id else None
    return {"segment_id": _public("seg", event.source_id), "email": email}


def _tell_campaign(event: LoggedEvent, _facts: Facts) -> dict[str, Any]:
    return {
        "campaign_id": _public("cmp", event.source_id),
        "contact_id": None,
        "recipients": event.data.get("recipients"),
    }


_TELLERS: dict[str, Callable[[LoggedEvent, Facts], dict[str, Any]]] = {
    "message": _tell_message,
    "contact": _tell_contact,
    "contacts": _tell_contacts,
    "segment": _tell_segment,
    "campaign": _tell_campaign,
}


def _name_field(name: str, facts: Facts) -> str:
    """`attribute:3` by its key, as templates and imports call it."""
    head, _colon, number = name.partition(":")
    if head != "attribute" or not number.isdecimal():
        return name
    return f"attributes.{facts.attributes.get(int(number), number)}"


def _public(prefix: str, value: UUID | None) -> str | None:
    return to_public_id(prefix, value) if value is not None else None


def _read_uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None
