"""Plain functions that put a sending domain where a test needs it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from dynamail.accounts.models import Account
from dynamail.protocols.dkim import DkimAlgorithm, format_public_record, generate_private_key
from dynamail.senders.dkim_keys import seal_private_key
from dynamail.senders.domain_records import DnsRecord, Names
from dynamail.senders.models import DkimKey, SendingDomain
from tests.support.dns_server import DnsServer
from tests.support.personas import NOW

SELECTORS = {DkimAlgorithm.RSA: "dm1r", DkimAlgorithm.ED25519: "dm1e"}


def add_verified_domain(
    account: Account, name: str = "acme.example", *, with_keys: bool = True
) -> SendingDomain:
    """A domain whose records were found right; its keys sign."""
    domain: SendingDomain = SendingDomain.objects.add(
        account,
        name=name,
        state=SendingDomain.State.VERIFIED,
        verified_at=NOW,
        checked_at=NOW,
        check_due_at=NOW + timedelta(days=1),
    )
    if with_keys:
        for algorithm in DkimAlgorithm:
            add_key(domain, algorithm)
    return domain


def add_key(
    domain: SendingDomain, algorithm: DkimAlgorithm, *, selector: str = "", state: str = "active"
) -> DkimKey:
    selector = selector or SELECTORS[algorithm]
    private_key = private_key_of(algorithm)
    key: DkimKey = DkimKey.objects.add(
        domain.account_id,
        domain=domain,
        algorithm=algorithm.value,
        selector=selector,
        state=state,
        public_record=format_public_record(private_key),
        private_key_sealed=seal_private_key(domain.account_id, domain.name, selector, private_key),
        created_at=NOW,
        activated_at=NOW if state == "active" else None,
    )
    return key


@cache
def private_key_of(algorithm: DkimAlgorithm) -> bytes:
    """One key of each kind serves all tests: making an RSA key takes a while."""
    return generate_private_key(algorithm)


def publish_records(server: DnsServer, records: Iterable[DnsRecord]) -> None:
    """As the owner of the domain would, word for word."""
    for record in records:
        value = f"{record.value}." if record.kind == "CNAME" else record.value
        server.publish(record.name, record.kind, value)


def publish_installation(server: DnsServer, names: Names) -> None:
    """What the operator has published about the installation itself."""
    server.publish(names.return_path, "A", "192.0.2.9")
    server.publish(names.return_path, "MX", f"10 {names.return_path}.")
    server.publish(names.return_path, "TXT", "v=spf1 ip4:192.0.2.9 -all")
    server.publish(names.web, "A", "192.0.2.10")
