"""An endpoint's keys: made, sealed, rotated, opened for signing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache

from django.conf import settings

from dynamail.lib.sealing import seal, unseal
from dynamail.lib.signing import derive_key
from dynamail.protocols.standard_webhooks import SigningKeys, find_public_key, make_private_key, make_secret
from dynamail.webhooks.models import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Keys:
    """The present ones, and those that they replaced."""

    secret: str = field(repr=False)
    private_key: str = field(repr=False)
    old_secret: str = field(default="", repr=False)
    old_private_key: str = field(default="", repr=False)

    @property
    def public_key(self) -> str:
        return find_public_key(self.private_key)


def make_keys(before: Keys | None = None) -> Keys:
    """New ones; those before stay beside them."""
    old = (before.secret, before.private_key) if before else ("", "")
    return Keys(make_secret(), make_private_key(), *old)


def seal_keys(endpoint: WebhookEndpoint, keys: Keys) -> bytes:
    return seal(_key(), json.dumps(asdict(keys)), place=_place(endpoint))


def open_keys(endpoint: WebhookEndpoint) -> Keys:
    """Raises lib.sealing.CannotOpen, also for an endpoint that was removed."""
    return Keys(**json.loads(unseal(_key(), bytes(endpoint.keys_sealed or b""), place=_place(endpoint))))


def choose_signing_keys(keys: Keys, old_until: datetime | None, *, now: datetime) -> SigningKeys:
    """The old ones sign too until their time is over."""
    if old_until is None or old_until <= now or not keys.old_secret:
        return SigningKeys((keys.secret,), (keys.private_key,))
    return SigningKeys((keys.secret, keys.old_secret), (keys.private_key, keys.old_private_key))


def _place(endpoint: WebhookEndpoint) -> str:
    return f"{endpoint.account_id}/webhook_endpoint/{endpoint.pk}/keys"


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "sealed webhooks")
