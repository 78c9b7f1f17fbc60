"""An account's ways out as the database has them: its transports, its pools, its rules; the installation's own mail by its own relay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from django.conf import settings as django_settings

from dynamail.delivery.carriers import ApiCarrier, Carrier, RelayCarrier
from dynamail.delivery.provider_api import make_api_hop
from dynamail.delivery.throttling import TransportLimits
from dynamail.lib.sealing import CannotOpen
from dynamail.protocols.smtp.next_hop import Credentials, NextHop, Timeouts, TlsMode
from dynamail.senders.capture import SYSTEM_ACCOUNT, capture_password
from dynamail.senders.credentials import open_password, open_provider_settings
from dynamail.senders.relays import TLS_MODES
from dynamail.senders.route_matching import Rule, Target

CAPTURE_HOST = "127.0.0.1"
SYSTEM_CONNECTIONS = 2
SMTP, MX, API = "smtp", "mx", "api"  # kinds of transports
SWITCHED_OFF = "This transport is switched off."
GONE = "The transport that a rule names does not exist any more."


class TransportRow(msgspec.Struct):
    """A transport, as load_routing.sql gives it."""

    id: int
    account_id: int
    name: str
    kind: str = SMTP
    host: str = ""
    port: int = 25
    security: str = "starttls"
    verify_certificate: bool = True
    username: str = ""
    password_sealed: str | None = None  # hexadecimal, as the next one
    connections: int = 5
    rate_per_second: int | None = None
    is_enabled: bool = True
    is_default: bool = False
    provider: str = ""
    provider_settings_sealed: str | None = None
    source_address: str | None = None
    helo_name: str = ""
    per_hour: int | None = None
    per_day: int | None = None
    warmup_started_on: date | None = None
    warmup_plan: list[int] = []

    @property
    def pk(self) -> int:
        return self.id


class RuleRow(msgspec.Struct):
    """A routing rule, as load_routing.sql gives it."""

    stream: str
    sender_domain: str
    recipient_domain: str
    pool_id: int | None
    transport_id: int | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the functions that open credentials look at."""

    pk: int
    account_id: int
    password_sealed: bytes | None
    provider_settings_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Route:
    """Where and how. `limits` are for all workers together; `connections` also bounds this one. `problem`: why it cannot be used.

    `carrier` is None for direct mail: it has one for each destination, made from `hop`, which names no host then.
    """

    account_id: int
    transport_id: int | None  # None: the Mailbox, or the installation's relay
    name: str
    hop: NextHop
    carrier: Carrier | None
    connections: int
    limits: TransportLimits
    problem: str = ""

    @property
    def is_direct(self) -> bool:
        return self.carrier is None


@dataclass(frozen=True, slots=True)
class Routing:
    """All ways out of one account. `pools`: transport and weight of their members. `default` None: the Mailbox."""

    account_id: int
    mailbox: Route
    routes: Mapping[int, Route] = field(default_factory=dict)
    pools: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    rules: Sequence[Rule] = ()
    default: int | None = None

    @property
    def may_leave(self) -> bool:
        """Does anything leave this server? As `senders/from_rules.py` asks."""
        return self.default is not None or bool(self.rules)

    def find_route(self, transport_id: int | None) -> Route:
        """Also for a transport that is gone: then it has a problem."""
        if transport_id is None:
            return self.mailbox
        return self.routes.get(transport_id) or replace(
            self.mailbox, transport_id=transport_id, name="", problem=GONE
        )


_TRANSPORTS = msgspec.json.Decoder(list[TransportRow])
_RULES = msgspec.json.Decoder(list[RuleRow])


def read_routing(
    account_id: int, row: tuple[Any, ...], *, most_connections: int, timeouts: Timeouts
) -> Routing:
    """From the columns of load_routing.sql, each as JSON text."""
    transports, members, rules = row
    pools: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pool_id, transport_id, weight in msgspec.json.decode(members):
        pools[pool_id].append((transport_id, weight))
    return make_routing(
        account_id,
        _TRANSPORTS.decode(transports),
        pools,
        _RULES.decode(rules),
        most_connections=most_connections,
        timeouts=timeouts,
    )


def make_routing(
    account_id: int,
    transports: Sequence[TransportRow],
    pools: Mapping[int, Sequence[tuple[int, int]]] | None = None,
    rules: Sequence[RuleRow] = (),
    *,
    most_connections: int,
    timeouts: Timeouts,
) -> Routing:
    """The routing of an account. What the installation sends itself has no rules."""
    if account_id == SYSTEM_ACCOUNT and django_settings.SYSTEM_SMTP_URL:
        mailbox = make_system_route(django_settings.SYSTEM_SMTP_URL, timeouts=timeouts)
    else:
        mailbox = _make_capture_route(account_id, most_connections, timeouts)
    return Routing(
        account_id,
        mailbox,
        {row.id: _make_route(row, most_connections, timeouts) for row in transports},
        pools or {},
        tuple(
            Rule(
                Target(rule.pool_id, rule.transport_id),
                rule.stream,
                rule.sender_domain,
                rule.recipient_domain,
            )
            for rule in rules
        ),
        next((row.id for row in transports if row.is_default), None),
    )


def make_system_route(url: str, *, timeouts: Timeouts) -> Route:
    """`smtp://user:password@host:587` (STARTTLS, demanded when there is a password) or `smtps://…` (TLS from the start)."""
    parts = urlsplit(url)
    is_implicit = parts.scheme == "smtps"
    credentials = (
        Credentials(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    )
    hop = NextHop(
        host=parts.hostname or "localhost",
        port=parts.port or (465 if is_implicit else 587 if credentials else 25),
        helo_name=django_settings.HELO_NAME,
        tls=TlsMode.IMPLICIT if is_implicit else TlsMode.STARTTLS if credentials else TlsMode.OPPORTUNISTIC,
        verify_tls=credentials is not None,
        credentials=credentials,
        timeouts=timeouts,
    )
    limits = _unlimited(SYSTEM_CONNECTIONS)
    return Route(
        SYSTEM_ACCOUNT, None, f"{hop.host}:{hop.port}", hop, RelayCarrier(hop), SYSTEM_CONNECTIONS, limits
    )


def _make_capture_route(account_id: int, most_connections: int, timeouts: Timeouts) -> Route:
    hop = NextHop(
        host=CAPTURE_HOST,
        port=django_settings.CAPTURE_PORT,
        helo_name=django_settings.HELO_NAME,
        tls=TlsMode.NONE,
        credentials=Credentials(str(account_id), capture_password(account_id)),
        allow_plaintext_auth=True,  # loopback
        timeouts=timeouts,
    )
    limits = _unlimited(most_connections)
    return Route(account_id, None, "Mailbox", hop, RelayCarrier(hop), most_connections, limits)


def _make_route(row: TransportRow, most_connections: int, timeouts: Timeouts) -> Route:
    route = _ROUTES[row.kind](row, timeouts)
    limits = TransportLimits(
        row.rate_per_second,
        row.connections,
        row.per_hour,
        row.per_day,
        row.warmup_started_on,
        tuple(row.warmup_plan),
    )
    connections = max(1, min(row.connections, most_connections))
    problem = route.problem if row.is_enabled else SWITCHED_OFF
    return replace(route, connections=connections, limits=limits, problem=problem)


def _make_relay_route(row: TransportRow, timeouts: Timeouts) -> Route:
    password, problem = "", ""
    try:
        password = open_password(_sealed(row))
    except CannotOpen as error:
        problem = str(error)
    hop = NextHop(
        host=row.host,
        port=row.port,
        helo_name=row.helo_name or django_settings.HELO_NAME,
        tls=TLS_MODES[row.security],
        verify_tls=row.verify_certificate,
        credentials=Credentials(row.username, password) if row.username else None,
        allow_plaintext_auth=row.security == "none",
        timeouts=timeouts,
    )
    return Route(row.account_id, row.id, row.name, hop, RelayCarrier(hop), 1, _unlimited(1), problem)


def _make_direct_route(row: TransportRow, timeouts: Timeouts) -> Route:
    hop = NextHop(
        host="",
        helo_name=row.helo_name or django_settings.HELO_NAME,
        source_address=row.source_address or "",
        timeouts=timeouts,
    )
    return Route(row.account_id, row.id, row.name, hop, None, 1, _unlimited(1))


def _make_api_route(row: TransportRow, timeouts: Timeouts) -> Route:
    values, problem = {}, ""
    try:
        values = open_provider_settings(_sealed(row))
    except CannotOpen as error:
        problem = str(error)
    carrier = ApiCarrier(make_api_hop(row.provider, values))
    return Route(row.account_id, row.id, row.name, NextHop(host=""), carrier, 1, _unlimited(1), problem)


_ROUTES = {SMTP: _make_relay_route, MX: _make_direct_route, API: _make_api_route}


def _sealed(row: TransportRow) -> Any:
    return Sealed(
        row.id,
        row.account_id,
        bytes.fromhex(row.password_sealed) if row.password_sealed else None,
        bytes.fromhex(row.provider_settings_sealed) if row.provider_settings_sealed else None,
    )


def _unlimited(connections: int) -> TransportLimits:
    return TransportLimits(None, connections, None, None, None, ())
