"""Provider APIs as a way out: saving an account's credentials, and what can be checked without sending anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.models import Account, Member
from dynamail.lib.sealing import CannotOpen
from dynamail.senders.credentials import (
    WEBHOOK_SECRET,
    make_webhook_secret,
    open_provider_settings,
    seal_provider_settings,
)
from dynamail.senders.models import Transport
from dynamail.senders.providers import REGION, Provider, find_provider
from dynamail.senders.transports import CheckStep, save_transport


@dataclass(frozen=True)
class ApiSettings:
    """What a member types. In `values` a secret that is None keeps the stored one."""

    name: str
    provider: Provider
    values: Mapping[str, str | None]
    connections: int
    rate_per_second: int | None
    per_hour: int | None = None
    per_day: int | None = None


@transaction.atomic
def save_api(
    account: Account, entered: ApiSettings, *, transport: Transport | None, by: Member, now: datetime
) -> Transport:
    """Create or change a provider API. The word in its webhook's address is made once and stays."""
    stored = read_settings(transport) if transport else {}
    values = {
        "name": entered.name,
        "provider": entered.provider.name,
        "connections": entered.connections,
        "rate_per_second": entered.rate_per_second,
        "per_hour": entered.per_hour,
        "per_day": entered.per_day,
    }
    saved = save_transport(
        account,
        Transport.Kind.API,
        values,
        transport=transport,
        is_new_recipient=False,
        by=by,
        now=now,
        provider=entered.provider.name,
    )
    kept = {name: stored.get(name, "") if value is None else value for name, value in entered.values.items()}
    kept[WEBHOOK_SECRET] = stored.get(WEBHOOK_SECRET) or make_webhook_secret()
    sealed = seal_provider_settings(account.pk, saved.pk, kept)
    Transport.objects.for_account(account).filter(pk=saved.pk).update(provider_settings_sealed=sealed)
    saved.provider_settings_sealed = sealed
    return saved


def read_settings(transport: Transport) -> dict[str, str]:
    """The stored settings; empty when they cannot be opened any more, so that they can be entered again."""
    try:
        return open_provider_settings(transport)
    except CannotOpen:
        return {}


def read_shown_settings(transport: Transport) -> dict[str, str]:
    """What a form may show of them: no secret."""
    provider = find_provider(transport.provider)
    if provider is None:
        return {}
    shown = {one.name for one in provider.fields if not one.is_secret} | {REGION}
    return {name: value for name, value in read_settings(transport).items() if name in shown}


def try_api(transport: Transport) -> list[CheckStep]:
    """What is known without sending a message: providers have no way to ask whether a key is right."""
    provider = find_provider(transport.provider)
    if provider is None:
        text = _("This version does not know the provider “%s”.") % transport.provider
        return [CheckStep("provider", ok=False, text=text)]
    try:
        values = open_provider_settings(transport)
    except CannotOpen as error:
        return [CheckStep("credentials", ok=False, text=str(error))]
    missing = [str(one.label) for one in provider.fields if one.is_required and not values.get(one.name)]
    if missing:
        text = _("Missing: %s. Enter it again.") % ", ".join(missing)
        return [CheckStep("credentials", ok=False, text=text)]
    values_shown = {"provider": provider.title}
    return [
        CheckStep(
            "credentials", ok=True, text=_("All that %(provider)s asks for is entered.") % values_shown
        ),
        CheckStep(
            "key",
            ok=None,
            text=_(
                "Whether %(provider)s accepts it shows with the first message: it cannot be asked without sending."
            )
            % values_shown,
        ),
    ]
