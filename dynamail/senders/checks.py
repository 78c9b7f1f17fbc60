"""Trying a transport of any kind before it is used."""

from __future__ import annotations

from dynamail.accounts.tenancy import account_scope
from dynamail.senders.apis import try_api
from dynamail.senders.direct import find_probe_domain, try_direct
from dynamail.senders.models import Transport
from dynamail.senders.relays import try_relay
from dynamail.senders.transports import CheckStep


def try_transport(transport: Transport) -> list[CheckStep]:
    """Nothing is sent. May talk to the network for up to a minute, so no transaction must be open."""
    match transport.kind:
        case Transport.Kind.API:
            return try_api(transport)
        case Transport.Kind.MX:
            with account_scope(transport.account_id):
                domain = find_probe_domain(transport.account_id)
            return try_direct(transport, domain)
        case _:
            return try_relay(transport)
