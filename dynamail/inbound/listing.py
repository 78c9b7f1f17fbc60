"""What came in, newest first, for pages and programs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from dynamail.inbound.models import InboundAddress, InboundDomain, ReceivedMessage
from dynamail.lib.ids import UnknownId, from_public_id

PREFIX = "rcv"


@dataclass(frozen=True)
class InboundFilter:
    """What is empty is not asked. `recipient` is a whole address; `search` looks into subject and sender."""

    search: str = ""
    recipient: str = ""
    sender: str = ""
    email_id: UUID | None = None
    replies_only: bool = False


def list_received(
    account_id: int, *, filters: InboundFilter, before: UUID | None = None, limit: int = 50
) -> list[ReceivedMessage]:
    """Without their contents; `before` is the id of the last one that was seen."""
    rows = _narrow(ReceivedMessage.objects.for_account(account_id), filters)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.defer("raw").order_by("-id")[:limit])


def find_received(account_id: int, public_id: str) -> ReceivedMessage | None:
    """The message behind `rcv_…`, with its content; None when there is none in this account."""
    try:
        found = from_public_id(PREFIX, public_id)
    except UnknownId:
        return None
    return ReceivedMessage.objects.for_account(account_id).filter(id=found).first()


def list_addresses(account_id: int) -> list[InboundAddress]:
    return list(InboundAddress.objects.for_account(account_id).order_by("local"))


def list_domains(account_id: int) -> list[InboundDomain]:
    return list(InboundDomain.objects.for_account(account_id).order_by("name"))


def _narrow(rows: QuerySet[ReceivedMessage], filters: InboundFilter) -> QuerySet[ReceivedMessage]:
    if filters.recipient:
        rows = rows.filter(envelope_to__iexact=filters.recipient)
    if filters.sender:
        rows = rows.filter(from_email__iexact=filters.sender)
    if filters.email_id is not None:
        rows = rows.filter(email_id=filters.email_id)
    if filters.replies_only:
        rows = rows.filter(message_id__isnull=False, is_auto_reply=False)
    if search := filters.search.replace("\0", "").strip():
        rows = rows.filter(
            Q(subject__icontains=search) | Q(from_email__icontains=search) | Q(from_name__icontains=search)
        )
    return rows
