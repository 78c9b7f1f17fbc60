from __future__ import annotations

from typing import Any

import pytest

from dynamail.delivery.transports import make_route, make_system_route
from dynamail.protocols.smtp.next_hop import Timeouts, TlsMode
from dynamail.senders.capture import capture_password

ROW = (5, 7, "Relay", "relay.example", 587, "starttls", True, "", None, 50, 20)


def route(row: tuple[Any, ...] | None = ROW, account_id: int = 7) -> Any:
    return make_route(account_id, row, most_connections=10, timeouts=Timeouts())


def test_without_a_transport_mail_goes_into_the_mailbox(settings: Any) -> None:
    made = route(None)
    assert (made.hop.host, made.hop.port, made.transport_id) == ("127.0.0.1", settings.CAPTURE_PORT, None)
    assert (made.hop.credentials.username, made.hop.credentials.password) == ("7", capture_password(7))


def test_a_relay_is_used_as_it_was_set() -> None:
    made = route()
    assert (made.transport_id, made.hop.tls, made.hop.verify_tls) == (5, TlsMode.STARTTLS, True)
    assert (made.connections, made.rate_per_second) == (10, 20)
    assert made.hop.credentials is None
    assert not made.hop.allow_plaintext_auth


@pytest.mark.parametrize(
    ("url", "port", "tls", "user"),
    [
        ("smtp://mail.example", 25, TlsMode.OPPORTUNISTIC, None),
        ("smtp://ann:p%40ss@mail.example", 587, TlsMode.STARTTLS, "ann"),
        ("smtps://ann:secret@mail.example", 465, TlsMode.IMPLICIT, "ann"),
        ("smtp://mail.example:2525", 2525, TlsMode.OPPORTUNISTIC, None),
    ],
)
def test_the_installations_own_relay(url: str, port: int, tls: TlsMode, user: str | None) -> None:
    hop = make_system_route(url).hop
    assert (hop.host, hop.port, hop.tls) == ("mail.example", port, tls)
    assert (hop.credentials.username if hop.credentials else None) == user
    assert hop.verify_tls is (user is not None)


def test_only_the_installations_own_mail_takes_its_relay(settings: Any) -> None:
    settings.SYSTEM_SMTP_URL = "smtp://mail.example"
    assert route(None, account_id=0).hop.host == "mail.example"
    assert route(None, account_id=7).hop.host == "127.0.0.1"
