"""What there is to tell: every kind of event with its fields. Nothing else leaves, whatever the log holds.

The pages, the payloads, the documentation and the test of all payloads read this table.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from dataclasses import field as column
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.events.kinds import EventKind
from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reasons import Reason

VERSION = "2026-11-23"  # of the payloads
ALL = "*"  # in place of kinds: those of today and those to come
TEST = "webhook.test"


class FieldGroup(models.TextChoices):
    """What an endpoint may be given beyond ids, types and codes (P7.2)."""

    ADDRESS = "address", _("Email addresses of people")
    SUBJECT = "subject", _("Subjects of emails")
    TAGS = "tags", _("Tags of emails")
    METADATA = "metadata", _("Metadata of emails")
    LINK = "link", _("Addresses of clicked links")
    REPLY = "reply", _("What receiving servers answered")


USUAL_FIELDS = (FieldGroup.TAGS.value,)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of `data`. Without a group everybody gets it. `example` also tells the type."""

    name: str
    example: Any
    words: str
    group: FieldGroup | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """A kind of event, when it is told, and what with. A field may be absent where it does not apply.

    `example` says what a field has in the example of this kind; None leaves it out.
    """

    kind: str
    words: str
    fields: tuple[Field, ...]
    example: Mapping[str, Any] = column(default_factory=dict)


_CONTACT = Field("contact_id", "con_01m83krzc2ea3bstfps363zj32", "the contact, when the address is one's")
_PERSON = (_CONTACT, Field("email", "ann@example.com", "the contact's address", FieldGroup.ADDRESS))
_MESSAGE = (
    Field("message_id", "msg_01m83krzc2f0q9v3n7r1m5k2d4", "the copy of one recipient"),
    Field("email_id", "eml_01m83krzc2f0q9v3n7r1m5k2d4", "the email, as `POST /emails` answered it"),
    Field("campaign_id", "cmp_01m83kq0b7e4v9d2n6x8s1r5t3", "of a campaign's message"),
    Field("stream", "transactional", "the key of the stream"),
    _CONTACT,
    Field("recipient", "ann@example.com", "where the message went", FieldGroup.ADDRESS),
    Field("subject", "Your order 1042", "of an email that was sent by API or SMTP", FieldGroup.SUBJECT),
    Field("tags", ["order"], "of such an email", FieldGroup.TAGS),
    Field("metadata", {"order": "1042"}, "of such an email", FieldGroup.METADATA),
    Field("test", True, "it was sent with a test key"),
)
_REPLY = Field("reply", "250 2.0.0 Ok: queued", "the answer of the receiving server", FieldGroup.REPLY)
_CODE = (
    Field("code", 250, "of that answer (RFC 5321)"),
    Field("enhanced_code", "2.0.0", "of that answer (RFC 3463)"),
)
_WAY = (
    Field("host", "mx1.example.com", "the receiving server"),
    Field("tls", "TLSv1.3", "how the connection was encrypted"),
    Field("attempt", 1, "which attempt this was"),
)
_MACHINE = Field("machine", True, "a scanner or a proxy did it, not a person")
_TOPIC = (
    Field("topic_id", "top_01m83kpzv3e9mb1x7q5r8c2w6n", "the topic"),
    Field("topic", "Product news", "its name"),
    Field("method", "link", "how they said so"),
)
_SEGMENT = (Field("segment_id", "seg_01m83kq4t1e5sv8y3b6n9d2k7m", "the segment"), *_PERSON)
_CAMPAIGN = (Field("campaign_id", "cmp_01m83kq0b7e4v9d2n6x8s1r5t3", "the campaign"),)
_CLASS = Field(
    "class",
    BounceClass.INVALID_RECIPIENT.value,
    f"why: one of {', '.join(f'`{one}`' for one in BounceClass)}",
)
_OF_AN_EMAIL = {"campaign_id": None, "test": None}
_INBOUND = Field("inbound_id", "rcv_01m83krzc2f0q9v3n7r1m5k2d4", "what came in; the API has its parts")

_TELLINGS = (
    Telling(
        EventKind.MESSAGE_DELIVERED,
        "The receiving server took a message.",
        (*_MESSAGE, *_CODE, _REPLY, *_WAY),
        _OF_AN_EMAIL,
    ),
    Telling(
        EventKind.MESSAGE_DELAYED,
        "An attempt failed for now; there will be another.",
        (*_MESSAGE, *_CODE, _REPLY, *_WAY),
        _OF_AN_EMAIL
        | {"code": 451, "enhanced_code": "4.7.1", "reply": "451 4.7.1 Greylisted, please try again later"},
    ),
    Telling(
        EventKind.MESSAGE_BOUNCED,
        "A message was refused for good, at once or by a report that came later.",
        (
            *_MESSAGE,
            *_CODE,
            _CLASS,
            Field("reason", Reason.USER_UNKNOWN.value, "what a report that came later said, in finer words"),
            Field("hard", True, "the address cannot receive mail; it is suppressed now"),
            Field("late", True, "it had been taken first"),
            _REPLY,
            *_WAY,
        ),
        _OF_AN_EMAIL
        | {
            "code": 550,
            "enhanced_code": "5.1.1",
            "reply": "550 5.1.1 No such user here",
            "reason": None,
            "late": None,
        },
    ),
    Telling(
        EventKind.MESSAGE_SUPPRESSED,
        "A message was not sent: its recipient must not be mailed.",
        (*_MESSAGE, Field("reason", "suppressed", "what stood against it")),
        _OF_AN_EMAIL,
    ),
    Telling(EventKind.MESSAGE_CANCELED, "A message that waited was canceled.", _MESSAGE, _OF_AN_EMAIL),
    Telling(
        EventKind.MESSAGE_EXPIRED,
        "All attempts failed.",
        (*_MESSAGE, *_CODE, _REPLY, *_WAY),
        _OF_AN_EMAIL
        | {
            "code": 452,
            "enhanced_code": "4.2.2",
            "reply": "452 4.2.2 The mailbox is full",
            "attempt": 12,
        },
    ),
    Telling(EventKind.MESSAGE_OPENED, "A message was opened.", (*_MESSAGE, _MACHINE), _OF_AN_EMAIL),
    Telling(
        EventKind.MESSAGE_CLICKED,
        "A link was clicked.",
        (
            *_MESSAGE,
            Field("link", 2, "which link of the message, from 0"),
            Field("url", "https://shop.example/orders/1042", "where it leads", FieldGroup.LINK),
            _MACHINE,
        ),
        _OF_AN_EMAIL | {"machine": None},
    ),
    Telling(
        EventKind.MESSAGE_COMPLAINED,
        "A person called a message spam.",
        (*_MESSAGE, Field("feedback_type", "abuse", "as the report names it (RFC 5965)")),
        _OF_AN_EMAIL,
    ),
    Telling(EventKind.MESSAGE_REPLIED, "A person answered a message.", (*_MESSAGE, _INBOUND), _OF_AN_EMAIL),
    Telling(
        EventKind.MESSAGE_RECEIVED,
        "Mail came in at an address for incoming mail.",
        (
            _INBOUND,
            _CONTACT,
            Field("from", "ann@example.com", "who sent it", FieldGroup.ADDRESS),
            Field("to", "orders@in.example.com", "where it came in"),
            Field("subject", "Re: Your order 1042", "its subject", FieldGroup.SUBJECT),
            Field("spf", "pass", "whether that server may send for the domain (RFC 7208)"),
            Field("dkim", "pass", "whether it is signed (RFC 6376)"),
            Field("dmarc", "pass", "whether either fits the sender's domain (RFC 7489)"),
            Field("automatic", True, "a machine wrote it: an absence note, a report"),
            Field("attachments", 1, "how many"),
        ),
    ),
    Telling(
        EventKind.CONTACT_CREATED,
        "Somebody became a contact.",
        (*_PERSON, Field("source", "form", "where they came from")),
    ),
    Telling(
        EventKind.CONTACT_UPDATED,
        "A contact was changed.",
        (*_PERSON, Field("fields", ["name", "attributes.city"], "what was changed; no values")),
    ),
    Telling(EventKind.CONTACT_TAGGED, "A contact got a tag.", (*_PERSON, Field("tag", "regular", "the tag"))),
    Telling(
        EventKind.CONTACT_UNTAGGED, "A tag was taken off.", (*_PERSON, Field("tag", "regular", "the tag"))
    ),
    Telling(EventKind.CONTACT_SUBSCRIBED, "A contact agreed to a topic.", (*_PERSON, *_TOPIC)),
    Telling(EventKind.CONTACT_UNSUBSCRIBED, "A contact left a topic.", (*_PERSON, *_TOPIC)),
    Telling(
        EventKind.CONTACT_SUPPRESSED,
        "A contact's address must not be mailed any more.",
        (
            *_PERSON,
            Field("reason", "hard_bounce", "hard_bounce, complaint, unsubscribe, manual, erasure"),
            Field("scope", "all", "all, or marketing"),
        ),
    ),
    Telling(
        EventKind.CONTACT_MERGED,
        "Two contacts became one.",
        (*_PERSON, Field("gone_id", "con_01m83krzc3e7n2x5v8q1t4w9sd", "the contact that is gone")),
    ),
    Telling(EventKind.CONTACT_DELETED, "A contact was deleted: delete your copy.", (_CONTACT,)),
    Telling(
        EventKind.CONTACTS_IMPORTED,
        "An import ended.",
        (
            Field("import_id", "imp_01m83kqv9ce8x2m5t7b1n4r6ds", "the import"),
            Field("state", "finished", "finished, canceled, failed"),
            Field("new", 800, "contacts added"),
            Field("updated", 350, "contacts changed"),
            Field("unchanged", 12, "contacts that were known like that"),
            Field("invalid", 50, "rows that were not taken"),
        ),
    ),
    Telling(EventKind.SEGMENT_ENTERED, "A contact joined a segment that keeps its members.", _SEGMENT),
    Telling(EventKind.SEGMENT_LEFT, "A contact left such a segment.", _SEGMENT),
    Telling(
        EventKind.CAMPAIGN_LAUNCHED,
        "A campaign began.",
        (*_CAMPAIGN, Field("recipients", 41_280, "messages that will be sent")),
    ),
    Telling(EventKind.CAMPAIGN_PAUSED, "A campaign was paused, by a member or by a guard rail.", _CAMPAIGN),
    Telling(EventKind.CAMPAIGN_RESUMED, "A campaign goes on.", _CAMPAIGN),
    Telling(EventKind.CAMPAIGN_CANCELED, "A campaign was canceled.", _CAMPAIGN),
    Telling(EventKind.CAMPAIGN_FINISHED, "A campaign's last message was dealt with.", _CAMPAIGN),
    Telling(TEST, "Somebody asked for a test.", (Field("message", "It works.", "a greeting"),)),
)
TELLINGS: dict[str, Telling] = {str(one.kind): one for one in _TELLINGS}
KINDS = tuple(kind for kind in TELLINGS if kind != TEST)  # that may be chosen
_GROUPS = {kind: {field.name: field.group for field in telling.fields} for kind, telling in TELLINGS.items()}


def narrow(kind: str, data: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """What an endpoint that was given these groups may see: nothing that the table does not name, and nothing empty."""
    groups = _GROUPS.get(kind, {})
    return {
        name: data[name]
        for name, group in groups.items()
        if data.get(name) not in (None, "", [], {}) and _may_see(group, fields)
    }


def list_groups(kind: str, data: dict[str, Any]) -> list[str]:
    """The groups that are in a payload."""
    groups = _GROUPS.get(kind, {})
    return sorted({group.value for name in data if (group := groups.get(name)) is not None})


def make_example(kind: str, fields: Collection[str] = tuple(FieldGroup.values)) -> dict[str, Any]:
    """A payload such as it is sent."""
    telling = TELLINGS[kind]
    said = {one.name: telling.example.get(one.name, one.example) for one in telling.fields}
    data = narrow(kind, said, fields)
    return {"type": kind, "timestamp": "2026-11-23T10:15:30.250Z", "data": data}


def write_catalog() -> str:
    """Every kind as Markdown, for `docs/api/webhooks.md`."""
    return "\n".join(_write_telling(one) for one in TELLINGS.values())


def _write_telling(telling: Telling) -> str:
    rows = [
        f"| `{field.name}` | {field.words}{f' (`{field.group.value}`)' if field.group else ''} |"
        for field in telling.fields
    ]
    example = json.dumps(make_example(str(telling.kind)), indent=2, ensure_ascii=False)
    head = [f"### {telling.kind}", "", telling.words, "", "| field of `data` | |", "|---|---|"]
    return "\n".join([*head, *rows, "", "```json", example, "```", ""])


def _may_see(group: FieldGroup | None, fields: Collection[str]) -> bool:
    return group is None or group.value in fields
