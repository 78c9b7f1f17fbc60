"""Plain functions that put a sending domain where a test needs it."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from dynamail.accounts.models import Account
from dynamail.protocols.dkim import DkimAlgorithm, format_public_record, generate_private_key
from dynamail.senders.dkim_keys import seal_private_key
from dynamail.senders.models import DkimKey, SendingDomain
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
