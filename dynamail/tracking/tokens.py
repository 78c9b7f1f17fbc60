"""The signed links of sent mail: who, what for, which link. Fixed layouts, a few microseconds each, no database.

| link         | path          | payload                                                                   |
|--------------|---------------|---------------------------------------------------------------------------|
| click        | `/t/c/<token>` | account u32, source 16, contact 16, link u16, flags u8 [, address UTF-8] |
| open         | `/t/o/<token>` | account u32, source 16, contact 16, flags u8                             |
| unsubscribe  | `/u/<token>`   | account u32, contact 16, topic u32, source 16                            |
| preferences  | `/p/<token>`   | account u32, contact 16                                                  |
| web version  | `/v/<token>`   | account u32, source 16, contact 16                                       |
| confirmation | `/c/<token>`   | account u32, consent record 16                                           |

Each kind has a key of its own: a click token never passes as an unsubscribe token. A contact of all zeros means "nobody": the
hit is counted for the source alone (tracking mode aggregate). Only a link whose address is rendered per person carries the
address, inside what is signed. A single message has no frozen content: its tokens (flag SINGLE) name the message itself as their source.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from dynamail.lib.signing import BadToken, derive_key, sign_token, verify_token

NOBODY: Final = UUID(int=0)  # the contact of a hit that is counted without the person

DYNAMIC: Final = 1  # click flag: the address was rendered for this person and stands in the token
SINGLE: Final = 2  # flag: a single message; `source` is its id, and every click carries its address
MAX_ADDRESS_BYTES: Final = 1500  # keeps a link under the 2,048 characters that every mail program opens

_CLICK = struct.Struct(">I16s16sHB")
_OPEN = struct.Struct(">I16s16sB")
_LEAVE = struct.Struct(">I16sI16s")
_PREFERENCES = struct.Struct(">I16s")
_VIEW = struct.Struct(">I16s16s")
_CONFIRM = struct.Struct(">I16s")


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """One key per kind of link, derived from the installation's secret."""

    click: bytes
    open: bytes
    leave: bytes
    prefs: bytes
    view: bytes
    confirm: bytes


@lru_cache(maxsize=8)
def load_token_keys(secret: str) -> TokenKeys:
    """The keys for `settings.SECRET_KEY`."""
    return TokenKeys(
        *(derive_key(secret, purpose) for purpose in ("click", "open", "leave", "prefs", "view", "confirm"))
    )


@dataclass(frozen=True, slots=True)
class ClickToken:
    """A link of a source's frozen content; with DYNAMIC, `address` is where it leads for this person."""

    account_id: int
    source_id: UUID
    contact_id: UUID
    link_number: int
    flags: int = 0
    address: str = ""

    def sign(self, keys: TokenKeys) -> str:
        """Raises ValueError for an address that is longer than MAX_ADDRESS_BYTES."""
        payload = _CLICK.pack(
            self.account_id, self.source_id.bytes, self.contact_id.bytes, self.link_number, self.flags
        )
        if self.flags & DYNAMIC:
            address = self.address.encode()
            if len(address) > MAX_ADDRESS_BYTES:
                raise ValueError(f"The address has {len(address)} bytes; {MAX_ADDRESS_BYTES} are the most")
            payload += address
        return sign_token(keys.click, payload)

    @classmethod
    def parse(cls, keys: TokenKeys, token: str) -> ClickToken:
        """Raises BadToken."""
        (account_id, source, contact, number, flags), address = read_click(keys, token)
        return cls(account_id, UUID(bytes=source), UUID(bytes=contact), number, flags, address)


@dataclass(frozen=True, slots=True)
class OpenToken:
    """The pixel of a message."""

    account_id: int
    source_id: UUID
    contact_id: UUID
    flags: int = 0

    def sign(self, keys: TokenKeys) -> str:
        payload = _OPEN.pack(self.account_id, self.source_id.bytes, self.contact_id.bytes, self.flags)
        return sign_token(keys.open, payload)

    @classmethod
    def parse(cls, keys: TokenKeys, token: str) -> OpenToken:
        """Raises BadToken."""
        account_id, source, contact, flags = read_open(keys, token)
        return cls(account_id, UUID(bytes=source), UUID(bytes=contact), flags)


@dataclass(frozen=True, slots=True)
class LeaveToken:
    """The unsubscribe link: this contact, this topic, because of that source."""

    account_id: int
    contact_id: UUID
    topic_id: int
    source_id: UUID

    def sign(self, keys: TokenKeys) -> str:
        payload = _LEAVE.pack(self.account_id, self.contact_id.bytes, self.topic_id, self.source_id.bytes)
        return sign_token(keys.leave, payload)

    @classmethod
    def parse(cls, keys: TokenKeys, token: str) -> LeaveToken:
        """Raises BadToken."""
        account_id, contact, topic_id, source = _unpack(_LEAVE, keys.leave, token)
        return cls(account_id, UUID(bytes=contact), topic_id, UUID(bytes=source))


@dataclass(frozen=True, slots=True)
class PreferencesToken:
    """The preference page of one contact."""

    account_id: int
    contact_id: UUID

    def sign(self, keys: TokenKeys) -> str:
        return sign_token(keys.prefs, _PREFERENCES.pack(self.account_id, self.contact_id.bytes))

    @classmethod
    def parse(cls, keys: TokenKeys, token: str) -> PreferencesToken:
        """Raises BadToken."""
        account_id, contact = _unpack(_PREFERENCES, keys.prefs, token)
        return cls(account_id, UUID(bytes=contact))


@dataclass(frozen=True, slots=True)
class ViewToken:
    """The web version of a message."""

    account_id: int
    source_id: UUID
    contact_id: UUID

    def sign(self, keys: TokenKeys) -> str:
        payload = _VIEW.pack(self.account_id, self.source_id.bytes, self.contact_id.bytes)
        return sign_token(keys.view, payload)

    @classmethod
    def parse(cls, keys: TokenKeys, token: str) -> ViewToken:
        """Raises BadToken."""
        account_id, source, contact = _unpack(_VIEW, keys.view, token)
        return cls(account_id, UUID(bytes=source), UUID(bytes=contact))


@dataclass(frozen=True, slots=True)
class ConfirmToken:
    """The answer to one request to confirm a subscription."""

    account_id: int
    record_id: UUID

    def sign(self, keys: TokenKeys) -> str:
        return sign_token(keys.confirm, _CONFIRM.pack(self.account_id, self.record_id.bytes))

    @classmethod
    def parse(cls, keys: TokenKeys, token: str) -> ConfirmToken:
        """Raises BadToken."""
        account_id, record = _unpack(_CONFIRM, keys.confirm, token)
        return cls(account_id, UUID(bytes=record))


class RawClick(NamedTuple):
    """A click token as the endpoint reads it: making UUIDs would take as long as the rest."""

    account_id: int
    source: bytes
    contact: bytes
    link_number: int
    flags: int


class RawOpen(NamedTuple):
    """An open token as the endpoint reads it."""

    account_id: int
    source: bytes
    contact: bytes
    flags: int


def read_click(keys: TokenKeys, token: str) -> tuple[RawClick, str]:
    """The fields of a click token and its address, empty for a plain link. Raises BadToken."""
    payload = verify_token(keys.click, token)
    if len(payload) < _CLICK.size:
        raise BadToken("too short")
    click = RawClick._make(_CLICK.unpack_from(payload))
    tail = payload[_CLICK.size :]
    if bool(tail) != bool(click.flags & DYNAMIC):
        raise BadToken("an address without its flag, or the reverse")
    return click, tail.decode(errors="replace")


def read_open(keys: TokenKeys, token: str) -> RawOpen:
    """Raises BadToken."""
    return RawOpen._make(_unpack(_OPEN, keys.open, token))


def _unpack(layout: struct.Struct, key: bytes, token: str) -> tuple:
    payload = verify_token(key, token)
    if len(payload) != layout.size:
        raise BadToken("wrong length")
    return layout.unpack(payload)
