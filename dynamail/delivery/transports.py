"""Which way an account's mail goes: its default relay, else the Mailbox; the installation's own mail by its own relay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings as django_settings

from dynamail.lib.sealing import CannotOpen
from dynamail.protocols.smtp.next_hop import Credentials, NextHop, Timeouts, TlsMode
from dynamail.senders.capture import SYSTEM_ACCOUNT, capture_password
from dynamail.senders.relays import TLS_MODES, open_password

CAPTURE_HOST = "127.0.0.1"
SYSTEM_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class Route:
    """Where and how: `rate_per_second` and `connections` are for all workers together. `problem` says why it cannot be used."""

    account_id: int
    transport_id: int | None  # None: the Mailbox, or the installation's relay
    name: str
    hop: NextHop
    connections: int
    rate_per_second: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TransportRow:
    """A row of `transport`, as load_transport.sql gives it."""

    pk: int
    account_id: int
    name: str
    host: str
    port: int
    security: str
    verify_certificate: bool
    username: str
    password_sealed: bytes | None
    connections: int
    rate_per_second: int | None


def make_route(
    account_id: int, row: tuple[Any, ...] | None, *, most_connections: int, timeouts: Timeouts
) -> Route:
    """The route for an account, from its default transport's row if it has one."""
    if account_id == SYSTEM_ACCOUNT and django_settings.SYSTEM_SMTP_URL:
        route = make_system_route(django_settings.SYSTEM_SMTP_URL)
    elif row is None:
        route = _make_capture_route(account_id, most_connections)
    else:
        route = _make_relay_route(TransportRow(*row), most_connections)
    return replace(route, hop=replace(route.hop, timeouts=timeouts))


def make_system_route(url: str) -> Route:
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
    )
    return Route(SYSTEM_ACCOUNT, None, f"{hop.host}:{hop.port}", hop, SYSTEM_CONNECTIONS)


def _make_capture_route(account_id: int, most_connections: int) -> Route:
    hop = NextHop(
        host=CAPTURE_HOST,
        port=django_settings.CAPTURE_PORT,
        helo_name=django_settings.HELO_NAME,
        tls=TlsMode.NONE,
        credentials=Credentials(str(account_id), capture_password(account_id)),
        allow_plaintext_auth=True,  # loopback
    )
    return Route(account_id, None, "Mailbox", hop, most_connections)


def _make_relay_route(row: TransportRow, most_connections: int) -> Route:
    password, problem = "", ""
    try:
        password = open_password(row)  # type: ignore[arg-type]  # the same columns, without the ORM
    except CannotOpen as error:
        problem = str(error)
    hop = NextHop(
        host=row.host,
        port=row.port,
        helo_name=django_settings.HELO_NAME,
        tls=TLS_MODES[row.security],
        verify_tls=row.verify_certificate,
        credentials=Credentials(row.username, password) if row.username else None,
        allow_plaintext_auth=row.security == "none",
    )
    connections = max(1, min(row.connections, most_connections))
    return Route(row.account_id, row.pk, row.name, hop, connections, row.rate_per_second, problem)
