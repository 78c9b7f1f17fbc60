"""Addresses that name the message they answer: `r+<message>.<code>@<inbound domain>`, made like return-paths with a key of their own."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from django.conf import settings

from dynamail.lib.signing import derive_key
from dynamail.protocols.verp import decode_return_path, encode_return_path

PURPOSE = "reply-address"


def make_reply_address(message_id: UUID) -> str:
    """For Reply-To of one recipient's message: who answers is known, whatever their program does to the header."""
    return f"r{encode_return_path(message_id, key=_key())[1:]}@{settings.INBOUND_DOMAIN}"


def read_reply_address(address: str) -> UUID | None:
    """The message that this address was made for; None when it is none of ours."""
    local, _, domain = address.strip().rpartition("@")
    if domain.lower() != settings.INBOUND_DOMAIN or local[:2].lower() != "r+":
        return None
    return decode_return_path(f"b{local[1:]}", keys=[_key()])


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, PURPOSE)
