"""The one answer to "may we send?". Asked again just before the envelope leaves (P8.3, P8.4).

`may_send` answers for one person; `sql/find_refused.sql` answers for a window of a campaign in one statement. Both know the
same reasons, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.consent.address_hash import hash_address
from dynamail.lib.sql import load_sql


class Reason(StrEnum):
    ALLOWED = "allowed"
    ACCOUNT_STOPPED = "account_stopped"
    CONTACT_MISSING = "contact_missing"
    RESTRICTED = "restricted"
    SUPPRESSED = "suppressed"
    TOPIC_CLOSED = "topic_closed"
    NOT_SUBSCRIBED = "not_subscribed"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"


SENTENCES: dict[Reason, str | Promise] = {
    Reason.ALLOWED: _("May be mailed."),
    Reason.ACCOUNT_STOPPED: _("The account is suspended or closed; nothing is sent."),
    Reason.CONTACT_MISSING: _("There is no such contact any more."),
    Reason.RESTRICTED: _("Processing of this person's data is restricted; nothing is sent to them."),
    Reason.SUPPRESSED: _("The address is suppressed and must not be mailed."),
    Reason.TOPIC_CLOSED: _("The topic is archived; nothing is sent to it."),
    Reason.NOT_SUBSCRIBED: _("The person never agreed to this topic."),
    Reason.PENDING: _("The person has not confirmed the subscription yet."),
    Reason.UNSUBSCRIBED: _("The person unsubscribed from this topic."),
}


@dataclass(frozen=True)
class Decision:
    """May we send, and if not, why not."""

    reason: Reason

    @property
    def allowed(self) -> bool:
        return self.reason is Reason.ALLOWED

    @property
    def sentence(self) -> str:
        """The reason in plain words, in the reader's language."""
        return str(SENTENCES[self.reason])


def may_send(
    account_id: int,
    *,
    email_key: str,
    now: datetime,
    contact_id: UUID | None = None,
    topic_id: int | None = None,
) -> Decision:
    """May this address be mailed now? With a topic it is marketing and needs standing consent; without, it is transactional.

    A transactional message may go to an address that is no contact; a suppression of scope `all` stops it nevertheless.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("consent", "find_refusal"),
            {
                "account_id": account_id,
                "topic_id": topic_id,
                "contact_id": contact_id,
                "email_key": email_key,
                "address_hash": hash_address(account_id, email_key),
                "now": now,
            },
        )
        return Decision(Reason(cursor.fetchone()[0]))


def find_refused(
    cursor: Any,
    account_id: int,
    topic_id: int,
    contact_ids: Sequence[UUID],
    address_hashes: Sequence[bytes],
    *,
    now: datetime,
) -> dict[UUID, Reason]:
    """Who of these contacts must not be mailed on the topic, and why. `address_hashes` stand in the contacts' order.

    An account that is not active refuses everybody. Asynchronous workers run the same statement themselves.
    """
    cursor.execute(
        load_sql("consent", "find_refused"),
        refused_parameters(account_id, topic_id, contact_ids, address_hashes, now=now),
    )
    return {contact_id: Reason(reason) for contact_id, reason in cursor.fetchall()}


def refused_parameters(
    account_id: int,
    topic_id: int,
    contact_ids: Sequence[UUID],
    address_hashes: Sequence[bytes],
    *,
    now: datetime,
) -> dict[str, Any]:
    """The parameters of `find_refused.sql`."""
    return {
        "account_id": account_id,
        "topic_id": topic_id,
        "contact_ids": list(contact_ids),
        "address_hashes": list(address_hashes),
        "now": now,
    }
