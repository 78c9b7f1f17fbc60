from __future__ import annotations

import pytest

from dynamail.accounts.models import Account, AuditEntry
from dynamail.inbound.addressing import (
    Owner,
    add_address,
    add_domain,
    find_owner,
    find_proof,
    note_proof,
    proof_name,
    remove_address,
    write_address,
)
from dynamail.inbound.errors import InboundError
from dynamail.protocols.dns import Resolver
from dynamail.senders.models import SendingDomain
from tests.support.dns_server import DnsServer
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
HOME = "inbound.localhost.localdomain"


def test_mail_to_an_address_is_its_accounts(account: Account, other_account: Account) -> None:
    help_ = add_address(account.pk, name="Help", note="Support", by=None)
    drawn = add_address(other_account.pk, name="", note="", by=None)
    assert write_address(help_) == f"help@{HOME}"
    assert find_owner(f"HELP+order-7@{HOME.upper()}") == Owner(account.pk)
    assert find_owner(write_address(drawn)) == Owner(other_account.pk)
    for nobody in (f"helper@{HOME}", "help@localhost.localdomain", "help@elsewhere.example", "help", "@", ""):
        assert find_owner(nobody) is None
    remove_address(help_, by=None)
    assert find_owner(f"help@{HOME}") is None
    actions = AuditEntry.objects.for_account(account).values_list("action", flat=True)
    assert set(actions) == {"inbound_address.created", "inbound_address.removed"}


@pytest.mark.parametrize("name", ["a", "a b", "a..b", "-ab", "b+aaa", "ж" * 5, "a@b", "x" * 64])
def test_a_name_that_cannot_be_is_refused(account: Account, name: str) -> None:
    with pytest.raises(InboundError) as refusal:
        add_address(account.pk, name=name, note="", by=None)
    assert refusal.value.code == "bad_name"


def test_names_of_the_operator_and_of_others_are_refused(account: Account, other_account: Account) -> None:
    with pytest.raises(InboundError, match="operator"):
        add_address(account.pk, name="postmaster", note="", by=None)
    add_address(account.pk, name="help", note="", by=None)
    with pytest.raises(InboundError, match="taken"):
        add_address(other_account.pk, name="help", note="", by=None)


def test_a_domain_below_a_verified_one_is_verified_at_once(account: Account) -> None:
    SendingDomain.objects.add(
        account, name="acme.example", state=SendingDomain.State.VERIFIED, verified_at=NOW
    )
    domain = add_domain(account.pk, name="In.Acme.example", by=None, now=NOW)
    assert domain.verified_at == NOW
    assert find_owner("anything@in.acme.example") == Owner(account.pk)


async def test_a_record_in_the_dns_proves_a_domain() -> None:
    from dynamail.inbound.models import InboundDomain

    with DnsServer() as dns:
        domain = InboundDomain(name="acme.example", token="0123456789abcdef")
        resolver = Resolver((dns.address,))
        assert await find_proof(domain, resolver) is False
        dns.publish(proof_name(domain), "TXT", "something else")
        resolver.forget()
        assert await find_proof(domain, resolver) is False
        dns.publish(proof_name(domain), "TXT", domain.token)
        resolver.forget()
        assert await find_proof(domain, resolver) is True


def test_a_domain_is_one_accounts_alone(account: Account, other_account: Account) -> None:
    first = add_domain(account.pk, name="acme.example", by=None, now=NOW)
    second = add_domain(other_account.pk, name="acme.example", by=None, now=NOW)
    assert find_owner("x@acme.example") is None
    note_proof(first, is_proved=False, by=None, now=NOW)
    assert find_owner("x@acme.example") is None
    note_proof(second, is_proved=True, by=None, now=NOW)
    assert find_owner("x@acme.example") == Owner(other_account.pk)
    with pytest.raises(InboundError, match="Another account"):
        note_proof(first, is_proved=True, by=None, now=NOW)


@pytest.mark.parametrize("name", ["localhost.localdomain", HOME, f"x.{HOME}", "no dots", "", "1.2.3.4"])
def test_names_of_this_server_and_nonsense_are_refused(account: Account, name: str) -> None:
    with pytest.raises(InboundError):
        add_domain(account.pk, name=name, by=None, now=NOW)
