from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dynamail.accounts.models import Account, AuditEntry, Member, User
from dynamail.protocols.address import AddressError
from dynamail.senders.errors import SenderError
from dynamail.senders.models import Pool, PoolMember, RoutingRule, Transport
from dynamail.senders.pools import Membership, list_memberships, remove_pool, save_pool
from dynamail.senders.routing import (
    RuleSettings,
    explain_route,
    find_domain,
    list_rules,
    move_rule,
    remove_rule,
    save_rule,
)
from dynamail.senders.transports import find_uses, remove_transport, switch_transport, use_transport
from tests.support.dns_server import DnsServer

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def owner(account: Account, alice: User) -> Member:
    return Member.objects.for_account(account).get(user=alice)


def add_transport(account: Account, name: str) -> Transport:
    return Transport.objects.add(account, name=name, host=f"{name}.example")


def add_rule(
    account: Account, owner: Member, to: Pool | Transport, *, stream: str = "", **conditions: str
) -> RoutingRule:
    entered = RuleSettings(
        stream,
        conditions.get("sender_domain", ""),
        conditions.get("recipient_domain", ""),
        to if isinstance(to, Pool) else None,
        to if isinstance(to, Transport) else None,
    )
    return save_rule(account, entered, rule=None, by=owner, now=NOW)


@pytest.fixture
def fast(account: Account) -> Transport:
    return add_transport(account, "fast")


@pytest.fixture
def calm(account: Account) -> Transport:
    return add_transport(account, "calm")


@pytest.fixture
def pool(account: Account, owner: Member, fast: Transport, calm: Transport) -> Pool:
    members = [Membership(calm, 1), Membership(fast, 3)]
    return save_pool(account, name="Campaigns", members=members, pool=None, by=owner, now=NOW)


def test_a_pool_keeps_its_members_heaviest_first_and_its_change_is_audited(
    account: Account, owner: Member, pool: Pool, fast: Transport, calm: Transport
) -> None:
    assert [(one.transport.name, one.weight) for one in list_memberships(pool)] == [("fast", 3), ("calm", 1)]
    save_pool(account, name="All", members=[Membership(calm, 2)], pool=pool, by=owner, now=NOW)
    pool.refresh_from_db()
    assert pool.name == "All"
    assert list(PoolMember.objects.for_account(account).values_list("transport__name", "weight")) == [
        ("calm", 2)
    ]
    actions = AuditEntry.objects.for_account(account).values_list("action", flat=True)
    assert {"pool.added", "pool.changed"} <= set(actions)


def test_a_pool_needs_a_name_of_its_own_and_somebody_who_works(
    account: Account, owner: Member, pool: Pool, fast: Transport
) -> None:
    for name, members, code in (
        ("campaigns", [Membership(fast, 1)], "name_taken"),
        ("Empty", [], "no_members"),
        ("Asleep", [Membership(fast, 0)], "only_standby"),
    ):
        with pytest.raises(SenderError) as refused:
            save_pool(account, name=name, members=members, pool=None, by=owner, now=NOW)
        assert refused.value.code == code


def test_what_a_rule_needs_is_not_removed_and_the_sentence_names_it(
    account: Account, owner: Member, pool: Pool, fast: Transport, calm: Transport
) -> None:
    rule = add_rule(account, owner, pool)
    with pytest.raises(SenderError, match="“Campaigns”"):
        remove_pool(pool, by=owner)
    with pytest.raises(SenderError, match="“Campaigns”"):
        remove_transport(fast, by=owner)
    direct = add_rule(account, owner, calm)
    with pytest.raises(SenderError, match="routing rules"):
        remove_transport(calm, by=owner)
    assert find_uses(calm).rules == 1
    for one in (rule, direct):
        remove_rule(one, by=owner)
    remove_pool(pool, by=owner)
    remove_transport(fast, by=owner)
    remove_transport(calm, by=owner)
    assert not Transport.objects.for_account(account).exists()


def test_rules_change_places_and_stay_numbered(account: Account, owner: Member, fast: Transport) -> None:
    first, second, third = (
        add_rule(account, owner, fast, sender_domain=name) for name in ("a.by", "b.by", "c.by")
    )
    move_rule(third, up=True, by=owner)
    assert [rule.pk for rule in list_rules(account.pk)] == [first.pk, third.pk, second.pk]
    move_rule(first, up=True, by=owner)
    move_rule(first, up=False, by=owner)
    assert [rule.pk for rule in list_rules(account.pk)] == [third.pk, first.pk, second.pk]
    assert [rule.position for rule in list_rules(account.pk)] == [1, 2, 3]
    changed = RuleSettings("transactional", "", "", None, fast)
    save_rule(account, changed, rule=first, by=owner, now=NOW)
    assert [rule.stream for rule in list_rules(account.pk)] == ["", "transactional", ""]


@pytest.fixture
def dns_server(settings: Any) -> Iterator[DnsServer]:
    with DnsServer(
        {("company.example", "MX"): "1 aspmx.l.google.com", ("aspmx.l.google.com", "A"): "142.250.0.1"}
    ) as server:
        settings.DNS_SERVERS = (server.address,)
        yield server


def test_a_rule_for_a_site_holds_for_the_companies_whose_mail_is_there(
    account: Account, owner: Member, fast: Transport, dns_server: DnsServer
) -> None:
    add_rule(account, owner, fast, recipient_domain="google.com")
    found = explain_route(account.pk, stream="marketing", sender_domain="", recipient="ann@company.example")
    assert (found.rule, found.transports, found.site) == (1, ("fast",), "google.com")
    nowhere = explain_route(account.pk, stream="marketing", sender_domain="", recipient="ann@nowhere.example")
    assert (nowhere.rule, nowhere.site) == (None, "")


def test_the_dns_is_not_asked_where_no_rule_needs_it(
    account: Account, owner: Member, fast: Transport, dns_server: DnsServer
) -> None:
    add_rule(account, owner, fast, stream="marketing")
    add_rule(account, owner, fast, recipient_domain="google.com")
    explain_route(account.pk, stream="marketing", sender_domain="", recipient="ann@company.example")
    assert dns_server.count("company.example", "MX") == 0


def test_the_way_of_a_message_is_explained_by_the_rules_the_worker_asks(
    account: Account, owner: Member, pool: Pool, fast: Transport, calm: Transport, dns_server: DnsServer
) -> None:
    def ask(
        stream: str = "marketing", sender: str = "acme.example", to: str = "anna@gmail.com"
    ) -> tuple[object, ...]:
        found = explain_route(account.pk, stream=stream, sender_domain=sender, recipient=to)
        return found.rule, found.transports, found.standby

    assert ask() == (None, ("Mailbox",), ())
    use_transport(account, calm, by=owner)
    assert ask() == (None, ("calm",), ())
    add_rule(account, owner, fast, stream="transactional")
    add_rule(account, owner, pool, stream="marketing", recipient_domain="gmail.com")
    assert ask() == (2, ("fast", "calm"), ())
    assert ask(to="gmail.com") == (2, ("fast", "calm"), ())
    assert ask(stream="transactional") == (1, ("fast",), ())
    assert ask(to="anna@mail.example") == (None, ("calm",), ())


def test_a_transport_that_is_off_is_not_said_to_carry_anything(
    account: Account, owner: Member, pool: Pool, fast: Transport, calm: Transport
) -> None:
    add_rule(account, owner, pool, stream="marketing")
    add_rule(account, owner, fast)
    switch_transport(fast, on=False, by=owner)
    kept = explain_route(account.pk, stream="marketing", sender_domain="", recipient="")
    assert kept.transports == ("calm",)
    off = explain_route(account.pk, stream="transactional", sender_domain="", recipient="")
    assert (off.transports, "waits" in off.sentence) == ((), True)
    switch_transport(calm, on=False, by=owner)
    assert explain_route(account.pk, stream="marketing", sender_domain="", recipient="").transports == ()


def test_the_default_is_on_and_what_is_off_is_not_the_default(
    account: Account, owner: Member, fast: Transport, calm: Transport
) -> None:
    use_transport(account, fast, by=owner)
    fast.refresh_from_db()
    with pytest.raises(SenderError, match="another default"):
        switch_transport(fast, on=False, by=owner)
    switch_transport(calm, on=False, by=owner)
    calm.refresh_from_db()
    with pytest.raises(SenderError, match="Switch"):
        use_transport(account, calm, by=owner)


@pytest.mark.parametrize(
    ("text", "domain"),
    [("Gmail.com", "gmail.com"), ("anna@Пошта.укр", "xn--80a1acn3a.xn--j1amh"), (" mail.ru. ", "mail.ru")],
)
def test_domains_are_read_in_any_spelling(text: str, domain: str) -> None:
    assert find_domain(text) == domain


@pytest.mark.parametrize("text", ["nonsense", "a b.example", "a@b@c.example", "*.example.com", "x\r\n.by"])
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        find_domain(text)
