"""Values that are used and never kept: put into the content that leaves, replaced in the content that stays.

Knows no models, so that workers may use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from dynamail.lib.sealing import seal, unseal
from dynamail.lib.signing import derive_key
from dynamail.messages.new_email import OneTime

PLACEHOLDER = "[one-time value]"
_PURPOSE = "one-time content"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What an email says, in its final words."""

    subject: str
    html: str
    text: str


def has_one_time(value: Any) -> bool:
    """Is there a one-time value at any depth?"""
    match value:
        case OneTime():
            return True
        case Mapping():
            return any(map(has_one_time, value.values()))
        case list() | tuple():
            return any(map(has_one_time, value))
    return False


def reveal(value: Any) -> Any:
    """Plain data with the one-time values in it, for the copy that leaves."""
    match value:
        case OneTime():
            return reveal(value.value)
        case Mapping():
            return {key: reveal(one) for key, one in value.items()}
        case list() | tuple():
            return [reveal(one) for one in value]
    return value


def conceal(value: Any) -> Any:
    """Plain data with a placeholder for each one-time value, for what is kept."""
    match value:
        case OneTime():
            return PLACEHOLDER
        case Mapping():
            return {key: conceal(one) for key, one in value.items()}
        case list() | tuple():
            return [conceal(one) for one in value]
    return value


def seal_content(account_id: int, message_id: UUID, content: Rendered) -> bytes:
    """For `Outbox.one_time_sealed`: it opens for this message alone."""
    return seal(_key(), json.dumps(asdict(content)), place=_place(account_id, message_id))


def open_content(account_id: int, message_id: UUID, sealed: bytes) -> Rendered:
    """Raises lib.sealing.CannotOpen."""
    return Rendered(**json.loads(unseal(_key(), sealed, place=_place(account_id, message_id))))


def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, _PURPOSE)


def _place(account_id: int, message_id: UUID) -> str:
    return f"{account_id}/outbox/{message_id}/one_time"
