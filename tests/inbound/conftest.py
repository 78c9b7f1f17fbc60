from __future__ import annotations

from collections.abc import Iterator

import pytest

from dynamail.inbound import verdicts
from tests.support.dns_server import DnsServer


@pytest.fixture
def dns(settings: object) -> Iterator[DnsServer]:
    """The only resolver that verdicts are asked of; without records nothing is published."""
    with DnsServer() as server:
        settings.DNS_SERVERS = (server.address,)  # type: ignore[attr-defined]
        verdicts._make_stub.cache_clear()
        yield server
    verdicts._make_stub.cache_clear()
