"""What becomes of messages in doubt: the connection ended between the final dot and the reply.

A campaign's are held for a decision. Nothing is done until someone decides; both decisions keep the numbers adding up.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from dynamail.lib.sql import load_sql
from dynamail.messages.freezing import RETRY
from dynamail.messages.models import MessageState
from dynamail.messages.shards import find_shard


@transaction.atomic
def resend_unknown(account_id: int, *, source_id: UUID, now: datetime) -> int:
    """Send the messages in doubt of a campaign again, each under its first Message-ID. Returns how many.

    Some of them may arrive twice; a mailbox that recognizes the Message-ID shows one.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("messages", "resend_unknown"),
            {
                "account_id": account_id,
                "source_id": source_id,
                "shard": find_shard(account_id),
                "state": MessageState.UNKNOWN,
                "priority": RETRY,
                "now": now,
            },
        )
        return int(cursor.fetchone()[0])
