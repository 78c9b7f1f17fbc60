"""What opens a transport, sealed at rest: a relay's password, a provider's settings.

Each is sealed for its account, its row and its column, so that it opens nowhere else. The functions take any record with the
columns' names: pages have a model's row, the worker has one that it read by SQL.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Protocol

from django.conf import settings

from dynamail.lib.sealing import CannotOpen, seal, unseal
from dynamail.lib.signing import derive_key

WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 — the name of it, among a provider's settings
SECRET_BYTES = 24


class SealedPassword(Protocol):
    pk: int
    account_id: int
    password_sealed: bytes | memoryview | None


class SealedProviderSettings(Protocol):
    pk: int
    account_id: int
    provider_settings_sealed: bytes | memoryview | None


def seal_password(account_id: int, transport_id: int, password: str) -> bytes | None:
    """None for no password."""
    return seal(_key(), password, place=_place(account_id, transport_id, "password")) if password else None


def open_password(transport: SealedPassword) -> str:
    """The relay's password; "" when there is none. Raises CannotOpen."""
    if not transport.password_sealed:
        return ""
    place = _place(transport.account_id, transport.pk, "password")
    return unseal(_key(), bytes(transport.password_sealed), place=place)


def seal_provider_settings(account_id: int, transport_id: int, values: Mapping[str, str]) -> bytes:
    """`values` by the names of `providers.Provider.fields`, and WEBHOOK_SECRET."""
    text = json.dumps(dict(values), ensure_ascii=False)
    return seal(_key(), text, place=_place(account_id, transport_id, "provider_settings"))


def open_provider_settings(transport: SealedProviderSettings) -> dict[str, str]:
    """The provider's settings; empty when there are none. Raises CannotOpen."""
    if not transport.provider_settings_sealed:
        return {}
    place = _place(transport.account_id, transport.pk, "provider_settings")
    try:
        values = json.loads(unseal(_key(), bytes(transport.provider_settings_sealed), place=place))
    except ValueError as error:
        raise CannotOpen(str(error)) from error
    return {str(name): str(value) for name, value in values.items()}


def make_webhook_secret() -> str:
    """A word for the address that a provider calls: who does not know it cannot report anything."""
    return secrets.token_urlsafe(SECRET_BYTES)


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "sealed transports")


def _place(account_id: int, transport_id: int, what: str) -> str:
    return f"{account_id}/transport/{transport_id}/{what}_sealed"
