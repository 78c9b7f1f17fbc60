"""The only way one email comes to exist. A campaign's messages come to exist as chunks (`freezing`).

`accept_message` writes one outbox row in the caller's transaction, so that a door may answer "accepted" after COMMIT and nothing
is lost or sent for a transaction that was rolled back. The deliver workers are told at commit.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections

from dynamail.consent.gate import Decision, may_send
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql
from dynamail.messages.freezing import URGENT
from dynamail.messages.models import SourceKind
from dynamail.messages.shards import find_shard
from dynamail.protocols.address import parse_address
from dynamail.protocols.mime import check_header_value

SYSTEM_ACCOUNT = 0  # mail of the installation itself


class MessageRefused(Exception):
    """The gate said no. `decision.sentence` tells the user why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence)
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Content:
    """What one email says. `html` may be empty (plain text), `text` may be empty (made by nobody: then HTML only).

    `headers` are further fields, name and value; those that the composer writes itself are left out.
    """

    from_email: str
    subject: str
    from_name: str = ""
    reply_to: str = ""
    html: str = ""
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def accept_message(
    account_id: int,
    *,
    source_kind: SourceKind,
    recipient: str,
    content: Content,
    now: datetime,
    source_id: UUID | None = None,
    contact_id: UUID | None = None,
    message_id: UUID | None = None,
    priority: int = URGENT,
) -> UUID:
    """Accept one email to one recipient and return its id.

    With a `message_id` of the caller's own (`lib.ids.derived_id`) accepting twice makes one message. Raises AddressError,
    HeaderError for a line break in a header, MessageRefused when the address must not be mailed.
    """
    address = parse_address(recipient)
    _check_content(content)
    if account_id != SYSTEM_ACCOUNT:
        decision = may_send(account_id, email_key=address.key, contact_id=contact_id, now=now)
        if not decision.allowed:
            raise MessageRefused(decision)
    message_id = message_id or new_id(now)
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("messages", "accept_message"),
            {
                "shard": find_shard(account_id),
                "id": message_id,
                "account_id": account_id,
                "source_kind": source_kind,
                "source_id": source_id,
                "contact_id": contact_id,
                "recipient": str(address),
                "payload": json.dumps(asdict(content)),
                "priority": priority,
                "now": now,
            },
        )
    return message_id


def _check_content(content: Content) -> None:
    parse_address(content.from_email)
    if content.reply_to:
        parse_address(content.reply_to)
    check_header_value("The sender's name", content.from_name)
    check_header_value("The subject", content.subject)
    for name, value in content.headers:
        check_header_value(name, value)
