from __future__ import annotations

import json
from typing import Any

import pytest

from dynamail.delivery.carriers import RelayCarrier
from dynamail.delivery.transports import (
    SWITCHED_OFF,
    Route,
    Routing,
    TransportRow,
    make_routing,
    make_system_route,
    read_routing,
)
from dynamail.protocols.smtp.next_hop import Timeouts, TlsMode
from dynamail.senders.capture import capture_password
from dynamail.senders.route_matching import Rule, Target

ROW = TransportRow(5, 7, "Relay", "smtp", "relay.example", 587, connections=50, rate_per_second=20)


def routing(*rows: TransportRow, account_id: int = 7, **more: Any) -> Routing:
    return make_routing(account_id, rows, most_connections=10, timeouts=Timeouts(), **more)


def route(row: TransportRow = ROW) -> Route:
    return routing(row).find_route(row.id)


def test_without_a_transport_mail_goes_into_the_mailbox(settings: Any) -> None:
    made = routing()
    assert made.default is None
    mailbox = made.find_route(None)
    assert (mailbox.hop.host, mailbox.hop.port, mailbox.transport_id) == (
        "127.0.0.1",
        settings.CAPTURE_PORT,
        None,
    )
    assert mailbox.hop.credentials is not None
    assert (mailbox.hop.credentials.username, mailbox.hop.credentials.password) == ("7", capture_password(7))


def test_a_relay_is_used_as_it_was_set() -> None:
    made = route()
    assert (made.transport_id, made.hop.tls, made.hop.verify_tls) == (5, TlsMode.STARTTLS, True)
    assert made.connections == 10, "no more than a worker may have"
    assert (made.limits.connections, made.limits.rate_per_second) == (50, 20)
    assert made.hop.credentials is None
    assert not made.hop.allow_plaintext_auth
    assert made.carrier == RelayCarrier(made.hop)


def test_the_default_transport_is_the_one_that_says_so() -> None:
    other = TransportRow(6, 7, "Other", is_default=True)
    assert routing(ROW, other).default == 6


def test_a_transport_that_is_switched_off_is_not_used_and_not_replaced_by_the_mailbox() -> None:
    off = TransportRow(6, 7, "Off", is_default=True, is_enabled=False)
    made = routing(off)
    assert made.find_route(made.default).problem == SWITCHED_OFF


def test_a_transport_that_is_gone_has_a_problem() -> None:
    assert routing(ROW).find_route(99).problem


def test_direct_mail_has_no_single_server() -> None:
    row = TransportRow(6, 7, "Direct", "mx", source_address="192.0.2.7", helo_name="out.example")
    made = route(row)
    assert made.is_direct
    assert (made.hop.source_address, made.hop.helo_name) == ("192.0.2.7", "out.example")


def test_rows_of_the_database_become_pools_and_rules() -> None:
    transports = json.dumps([{"id": 5, "account_id": 7, "name": "A", "kind": "smtp", "host": "a.example"}])
    rule = {
        "stream": "marketing",
        "sender_domain": "",
        "recipient_domain": "gmail.com",
        "pool_id": 3,
        "transport_id": None,
    }
    made = read_routing(
        7,
        (transports, "[[3, 5, 2], [3, 6, 0]]", json.dumps([rule])),
        most_connections=10,
        timeouts=Timeouts(),
    )
    assert made.pools == {3: [(5, 2), (6, 0)]}
    assert made.rules == (Rule(Target(pool_id=3), "marketing", "", "gmail.com"),)


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
    hop = make_system_route(url, timeouts=Timeouts()).hop
    assert (hop.host, hop.port, hop.tls) == ("mail.example", port, tls)
    assert (hop.credentials.username if hop.credentials else None) == user
    assert hop.verify_tls is (user is not None)


def test_only_the_installations_own_mail_takes_its_relay(settings: Any) -> None:
    settings.SYSTEM_SMTP_URL = "smtp://mail.example"
    assert routing(account_id=0).find_route(None).hop.host == "mail.example"
    assert routing(account_id=7).find_route(None).hop.host == "127.0.0.1"
