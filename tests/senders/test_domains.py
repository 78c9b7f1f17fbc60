from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import transaction

from dynamail.accounts.models import Account, AuditEntry, Member, User
from dynamail.accounts.roles import Role
from dynamail.accounts.tenancy import account_scope
from dynamail.protocols.dkim import DkimSigner
from dynamail.senders.dkim_keys import open_private_key
from dynamail.senders.domain_checks import Finding, RecordState
from dynamail.senders.domain_recording import record_findings
from dynamail.senders.domain_records import Names, keep_until, list_records, read_installation_names
from dynamail.senders.domain_rounds import check_domains, check_due_domains
from dynamail.senders.domain_states import is_being_checked
from dynamail.senders.domains import (
    add_domain,
    change_labels,
    claim_due_domains,
    list_current_keys,
    list_retired_keys,
    list_senders_at,
    may_leave,
    may_stand_in_from,
    remove_domain,
    rotate_keys,
    start_check,
)
from dynamail.senders.errors import SenderError
from dynamail.senders.identities import add_sender
from dynamail.senders.models import DkimKey, Pool, RoutingRule, Sender, SendingDomain, Transport
from tests.support.dns_server import DnsServer, Failure
from tests.support.personas import NOW, make_member
from tests.support.sending_domains import (
    add_verified_domain,
    private_key_of,
    publish_installation,
    publish_records,
)

RIGHT, MISSING, DIFFERENT, UNKNOWN = (Finding(state) for state in RecordState)
NAMES = Names("mail.dynamail.example", "")
State = SendingDomain.State


@pytest.fixture(autouse=True)
def keys_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An RSA key takes up to a second; every domain here gets the same two."""
    monkeypatch.setattr("dynamail.senders.domains.generate_private_key", private_key_of)


@pytest.fixture
def owner(account: Account, alice: User) -> Member:
    return Member.objects.for_account(account).get(user=alice)


@pytest.fixture
def domain(account: Account, owner: Member) -> SendingDomain:
    return add_domain(account, name="Acme.example", by=owner, now=NOW)


@pytest.fixture
def server(settings: object) -> Iterator[DnsServer]:
    with DnsServer() as server:
        settings.DNS_SERVERS = (server.address,)  # type: ignore[attr-defined]
        settings.RETURN_PATH_DOMAIN = settings.HELO_NAME = NAMES.return_path  # type: ignore[attr-defined]
        publish_installation(server, Names(NAMES.return_path, "app.dynamail.example"))
        yield server


def publish(server: DnsServer, domain: SendingDomain) -> None:
    publish_records(server, list_records(domain, list_current_keys(domain), read_installation_names()))


def record(domain: SendingDomain, now: datetime, **findings: Finding) -> SendingDomain:
    """One check, with a finding for ownership and for each kind of key."""
    keys = {
        f"dkim:{key.selector}": findings.get(key.selector[3], MISSING) for key in list_current_keys(domain)
    }
    found = record_findings(domain, {"ownership": findings.get("ownership", MISSING), **keys}, now=now)
    assert found is not None
    domain.refresh_from_db()
    return domain


# ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_new_domain_has_two_keys_that_can_sign_and_is_checked_at_once(
    account: Account, domain: SendingDomain
) -> None:
    keys = list_current_keys(domain)
    assert [key.algorithm for key in keys] == ["rsa-sha256", "ed25519-sha256"]
    for key in keys:
        private = open_private_key(account.pk, domain.name, key.selector, bytes(key.private_key_sealed))
        assert (
            DkimSigner(domain=domain.name, selector=key.selector, private_key=private).algorithm
            == key.algorithm
        )
    assert (domain.name, domain.state) == ("acme.example", State.PENDING)
    assert is_being_checked(domain, now=NOW)


def test_a_domain_is_added_once(account: Account, owner: Member, domain: SendingDomain) -> None:
    with pytest.raises(SenderError) as refused:
        add_domain(account, name="ACME.example", by=owner, now=NOW)
    assert refused.value.code == "domain_exists"


def test_the_servers_own_name_is_for_those_who_operate_it(
    account: Account, owner: Member, settings: object
) -> None:
    settings.PUBLIC_HOST = "mail.host.example"  # type: ignore[attr-defined]
    with pytest.raises(SenderError) as refused:
        add_domain(account, name="shop.mail.host.example", by=owner, now=NOW)
    assert refused.value.code == "domain_of_installation"
    owner.user.is_staff = True
    assert add_domain(account, name="mail.host.example", by=owner, now=NOW).pk


def test_two_accounts_have_other_tokens_and_other_selectors_for_one_domain(
    account: Account, other_account: Account, charlie: User, domain: SendingDomain
) -> None:
    theirs = add_domain(
        other_account,
        name=domain.name,
        by=Member.objects.for_account(other_account).get(user=charlie),
        now=NOW,
    )
    ours = list_records(domain, list_current_keys(domain), NAMES)
    others = list_records(theirs, list_current_keys(theirs), NAMES)
    shared = {(one.name, one.kind) for one in ours} & {(one.name, one.kind) for one in others}
    assert shared == {
        ("_dynamail.acme.example", "TXT"),
        ("bounce.acme.example", "CNAME"),
        ("acme.example", "TXT"),
        ("_dmarc.acme.example", "TXT"),
    }
    assert ours[0].value != others[0].value


@pytest.mark.promise("P2.1")
def test_records_of_one_account_do_not_verify_the_domain_for_another(
    account: Account, other_account: Account, charlie: User, domain: SendingDomain, server: DnsServer
) -> None:
    by = Member.objects.for_account(other_account).get(user=charlie)
    theirs = add_domain(other_account, name=domain.name, by=by, now=NOW)
    below = add_domain(other_account, name=f"shop.{domain.name}", by=by, now=NOW)
    publish(server, domain)
    check_domains([(row.account_id, row.pk) for row in (domain, theirs, below)])
    for row in (domain, theirs, below):
        row.refresh_from_db()
    assert [row.state for row in (domain, theirs, below)] == [State.VERIFIED, State.PENDING, State.PENDING]
    assert not may_stand_in_from(other_account.pk, f"a@shop.{domain.name}", leaves=True)


def test_an_installation_without_a_public_name_asks_for_nothing_that_could_not_work(
    domain: SendingDomain,
) -> None:
    purposes = [one.purpose for one in list_records(domain, list_current_keys(domain), Names("", ""))]
    assert purposes == ["ownership", "dkim", "dkim", "dmarc"]


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_published_records_verify_the_domain_its_hosts_and_its_senders(
    account: Account, owner: Member, domain: SendingDomain, server: DnsServer
) -> None:
    sender = add_sender(account, email="news@shop.acme.example", name="News", by=owner, now=NOW)
    other = add_sender(account, email="news@notacme.example", name="News", by=owner, now=NOW)
    publish(server, domain)
    check_domains([(account.pk, domain.pk)])
    domain.refresh_from_db()
    assert (domain.state, domain.failing_since) == (State.VERIFIED, None)
    assert domain.return_path_verified_at is not None
    assert domain.tracking_verified_at is None
    assert {key.state for key in list_current_keys(domain)} == {"active"}
    sender.refresh_from_db()
    other.refresh_from_db()
    assert (sender.verified_at is not None, other.verified_at) == (True, None)
    later = add_sender(account, email="hello@acme.example", name="Hello", by=owner, now=NOW)
    assert later.verified_at is not None
    actions = AuditEntry.objects.for_account(account).values_list("action", flat=True)
    assert "sending_domain.verified" in actions


def test_one_key_is_enough_and_the_other_one_does_not_sign(domain: SendingDomain) -> None:
    record(domain, NOW, ownership=RIGHT, e=RIGHT)
    assert domain.state == State.VERIFIED
    assert {key.algorithm: key.state for key in list_current_keys(domain)} == {
        "rsa-sha256": "upcoming",
        "ed25519-sha256": "active",
    }


@pytest.mark.parametrize("findings", [{"ownership": RIGHT}, {"r": RIGHT, "e": RIGHT}, {}])
def test_half_of_the_proof_is_none(domain: SendingDomain, findings: dict[str, Finding]) -> None:
    assert record(domain, NOW, **findings).state == State.PENDING


def test_a_mishap_of_less_than_three_days_stops_nothing_and_a_longer_one_does(
    account: Account, domain: SendingDomain
) -> None:
    make_member(account, User.objects.create_user("ann@acme.example", "x"), Role.ADMIN)
    record(domain, NOW, ownership=RIGHT, r=RIGHT, e=RIGHT)
    record(domain, NOW + timedelta(days=1))
    assert (domain.state, domain.failing_since) == (State.VERIFIED, NOW + timedelta(days=1))
    assert may_stand_in_from(account.pk, "a@acme.example", leaves=True)
    record(domain, NOW + timedelta(days=3, hours=23))
    assert domain.state == State.VERIFIED
    assert [message.subject for message in mail.outbox] == ["The DNS records of acme.example are missing"]
    record(domain, NOW + timedelta(days=4))
    assert domain.state == State.LOST
    assert not may_stand_in_from(account.pk, "a@acme.example", leaves=True)
    assert [message.to for message in mail.outbox] == [["alice@acme.example"]] * 2
    assert f"/settings/domains/{domain.public_id}/" in mail.outbox[1].body
    record(domain, NOW + timedelta(days=9), ownership=RIGHT, r=RIGHT)
    assert (domain.state, domain.failing_since) == (State.VERIFIED, None)
    assert domain.verified_at == NOW + timedelta(days=9)


def test_the_owner_is_told_in_the_transaction_of_the_change(
    account: Account, domain: SendingDomain, server: DnsServer, settings: object
) -> None:
    """Through the installation's own outbox, from inside the account's walls."""
    settings.EMAIL_BACKEND = "dynamail.messages.system_mail.SystemMailBackend"  # type: ignore[attr-defined]
    publish(server, domain)
    check_domains([(account.pk, domain.pk)])
    server.remove("_dynamail.acme.example")
    check_domains([(account.pk, domain.pk)])
    domain.refresh_from_db()
    assert domain.failing_since is not None
    from dynamail.messages.models import Outbox

    queued = Outbox.objects.across_accounts(reason="the installation's own mail")
    assert queued.filter(account_id=0, recipient="alice@acme.example").count() == 1


def test_a_silent_dns_takes_nothing_away_however_long(account: Account, domain: SendingDomain) -> None:
    record(domain, NOW, ownership=RIGHT, r=RIGHT, e=RIGHT)
    for day in range(1, 9):
        record(domain, NOW + timedelta(days=day), ownership=UNKNOWN, r=UNKNOWN, e=UNKNOWN)
        assert (domain.state, domain.failing_since) == (State.VERIFIED, None)
    record(domain, NOW + timedelta(days=9), ownership=MISSING, r=UNKNOWN, e=UNKNOWN)
    record(domain, NOW + timedelta(days=20), ownership=UNKNOWN, r=UNKNOWN, e=UNKNOWN)
    assert domain.state == State.VERIFIED


def test_an_outage_of_the_dns_server_changes_no_state(
    account: Account, domain: SendingDomain, server: DnsServer
) -> None:
    publish(server, domain)
    check_domains([(account.pk, domain.pk)])
    before = SendingDomain.objects.for_account(account).get()
    for one in list_records(domain, list_current_keys(domain), NAMES):
        server.fail(one.name, "ANY", Failure.SERVFAIL)
    check_domains([(account.pk, domain.pk)])
    domain.refresh_from_db()
    assert (domain.state, domain.return_path_verified_at) == (State.VERIFIED, before.return_path_verified_at)
    assert {value["state"] for value in domain.check_result["findings"].values()} == {"right"}
    assert all(value["is_stale"] for value in domain.check_result["findings"].values())


def test_the_clock_of_checks(domain: SendingDomain) -> None:
    def wait_after(passed: timedelta, **findings: Finding) -> timedelta:
        now = NOW + passed
        due = record(domain, now, **findings).check_due_at
        assert due is not None
        return due - now

    assert wait_after(timedelta(minutes=5)) == timedelta(minutes=1)
    assert wait_after(timedelta(hours=2)) == timedelta(minutes=10)
    assert wait_after(timedelta(days=2)) == timedelta(hours=1)
    assert wait_after(timedelta(days=9)) == timedelta(days=1)
    start_check(domain, now=NOW + timedelta(days=10))
    assert wait_after(timedelta(days=10, minutes=1)) == timedelta(minutes=1)
    proved = {"ownership": RIGHT, "r": RIGHT, "e": RIGHT}
    assert wait_after(timedelta(days=10, minutes=2), **proved) == timedelta(days=1)
    assert wait_after(timedelta(days=12)) == timedelta(hours=1)


def test_due_domains_are_claimed_once(account: Account, domain: SendingDomain, server: DnsServer) -> None:
    publish(server, domain)
    assert claim_due_domains(now=NOW - timedelta(minutes=1), limit=10) == []
    assert claim_due_domains(now=NOW, limit=10) == [(account.pk, domain.pk)]
    assert claim_due_domains(now=NOW, limit=10) == []
    SendingDomain.objects.for_account(account).update(check_due_at=NOW - timedelta(days=900))
    check_due_domains()
    domain.refresh_from_db()
    assert domain.state == State.VERIFIED


def test_a_worker_sees_the_due_domains_of_all_accounts(
    account: Account, domain: SendingDomain, django_db_setup: None
) -> None:
    from django.db import connection

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE dynamail_work")
        assert claim_due_domains(now=NOW, limit=10) == [(account.pk, domain.pk)]


def test_a_domain_that_was_removed_or_changed_during_the_check_is_left_alone(
    account: Account, owner: Member, domain: SendingDomain
) -> None:
    stale = SendingDomain.objects.for_account(account).get()
    change_labels(domain, return_path="returns", tracking="go", by=owner, now=NOW)
    assert record_findings(stale, {"ownership": RIGHT}, now=NOW) is None
    remove_domain(domain, by=owner)
    assert record_findings(stale, {"ownership": RIGHT}, now=NOW) is None


def test_a_check_that_is_under_way_is_not_started_twice(account: Account, domain: SendingDomain) -> None:
    asked = domain.check_result["asked_at"]
    start_check(domain, now=NOW + timedelta(minutes=1))
    assert domain.check_result["asked_at"] == asked
    start_check(domain, now=NOW + timedelta(minutes=3))
    assert domain.check_result["asked_at"] != asked


# ── rotating ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_new_keys_sign_only_when_they_are_published_and_the_old_ones_stay_for_two_weeks(
    account: Account, owner: Member, domain: SendingDomain
) -> None:
    record(domain, NOW, ownership=RIGHT, r=RIGHT, e=RIGHT)
    old = {key.selector for key in list_current_keys(domain)}
    later = NOW + timedelta(days=30)
    rotate_keys(domain, by=owner, now=later)
    fresh = {key.selector for key in list_current_keys(domain)} - old
    assert {selector[:4] for selector in fresh} == {"dm2r", "dm2e"}
    check = {"ownership": RIGHT, **{f"dkim:{selector}": RIGHT for selector in old}}
    record_findings(domain, {**check, **{f"dkim:{selector}": MISSING for selector in fresh}}, now=later)
    assert {key.selector for key in list_current_keys(domain) if key.state == "active"} == old
    record_findings(domain, {**check, **{f"dkim:{selector}": RIGHT for selector in fresh}}, now=later)
    assert {key.selector for key in list_current_keys(domain)} == fresh
    domain.refresh_from_db()
    assert set(domain.check_result["findings"]) == {"ownership", *(f"dkim:{selector}" for selector in fresh)}
    assert {key.selector for key in list_retired_keys(domain)} == old
    assert {keep_until(key) for key in list_retired_keys(domain)} == {later + timedelta(days=14)}
    record_findings(
        domain,
        {"ownership": RIGHT, **{f"dkim:{selector}": RIGHT for selector in fresh}},
        now=later + timedelta(days=29),
    )
    assert list_retired_keys(domain) == []


def test_a_second_rotation_waits_for_the_first(
    account: Account, owner: Member, domain: SendingDomain
) -> None:
    with pytest.raises(SenderError) as refused:
        rotate_keys(domain, by=owner, now=NOW)
    assert refused.value.code == "domain_not_verified"
    record(domain, NOW, ownership=RIGHT, r=RIGHT, e=RIGHT)
    rotate_keys(domain, by=owner, now=NOW)
    with pytest.raises(SenderError) as refused:
        rotate_keys(domain, by=owner, now=NOW)
    assert refused.value.code == "rotation_under_way"


def test_a_key_whose_record_is_gone_stops_signing_while_the_other_one_can(domain: SendingDomain) -> None:
    record(domain, NOW, ownership=RIGHT, r=RIGHT, e=RIGHT)
    record(domain, NOW, ownership=RIGHT, r=MISSING, e=RIGHT)
    assert {key.algorithm: key.state for key in list_current_keys(domain)}["rsa-sha256"] == "upcoming"
    record(domain, NOW, ownership=RIGHT, r=RIGHT, e=RIGHT)
    assert {key.state for key in list_current_keys(domain)} == {"active"}
    record(domain, NOW, ownership=MISSING)
    assert {key.state for key in list_current_keys(domain)} == {"active"}, "in the days of grace all goes on"


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_other_names_for_the_hosts_are_verified_anew(
    account: Account, owner: Member, domain: SendingDomain, server: DnsServer
) -> None:
    publish(server, domain)
    check_domains([(account.pk, domain.pk)])
    domain.refresh_from_db()
    change_labels(domain, return_path="Returns", tracking="click", by=owner, now=NOW)
    assert (domain.return_path_label, domain.return_path_verified_at) == ("returns", None)
    assert domain.state == State.VERIFIED


@pytest.mark.parametrize(
    ("return_path", "tracking", "code"),
    [
        ("two words", "click", "label_invalid"),
        ("a.b", "click", "label_invalid"),
        ("_x", "click", "label_invalid"),
        ("", "click", "label_invalid"),
        ("www", "click", "label_reserved"),
        ("same", "SAME", "labels_equal"),
    ],
)
def test_a_label_that_cannot_be_is_refused(
    owner: Member, domain: SendingDomain, return_path: str, tracking: str, code: str
) -> None:
    with pytest.raises(SenderError) as refused:
        change_labels(domain, return_path=return_path, tracking=tracking, by=owner, now=NOW)
    assert refused.value.code == code


# ── standing in From ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_may_stand_in_from(account: Account, other_account: Account) -> None:
    add_verified_domain(account, "acme.example", with_keys=False)
    SendingDomain.objects.add(account, name="waiting.example")
    Sender.objects.add(account, email="Me@waiting.example", verified_at=NOW)
    Sender.objects.add(account, email="unproved@waiting.example")

    def ask(email: str, *, leaves: bool, of: Account = account) -> bool:
        return may_stand_in_from(of.pk, email, leaves=leaves)

    for leaves in (True, False):
        assert ask("anyone@acme.example", leaves=leaves)
        assert ask("anyone@deep.news.ACME.example", leaves=leaves)
        assert not ask("anyone@notacme.example", leaves=leaves)
        assert not ask("anyone@example", leaves=leaves)
        assert not ask("unproved@waiting.example", leaves=leaves)
        assert not ask("anyone@acme.example", leaves=leaves, of=other_account)
    assert ask("me@waiting.example", leaves=False)
    assert not ask("me@waiting.example", leaves=True)


def test_mail_may_leave_when_some_way_out_could_carry_it(account: Account) -> None:
    assert not may_leave(account.pk)
    transport = Transport.objects.add(account, name="Relay", is_default=True, is_enabled=False)
    assert not may_leave(account.pk)
    Transport.objects.for_account(account).update(is_enabled=True)
    assert may_leave(account.pk)
    Transport.objects.for_account(account).update(is_default=False)
    assert not may_leave(account.pk)
    RoutingRule.objects.add(account, transport=transport)
    assert may_leave(account.pk)
    assert not Pool.objects.for_account(account).exists()


def test_senders_at_a_domain_are_found_in_both_spellings(account: Account) -> None:
    domain = add_verified_domain(account, "xn--e1afmkfd.example", with_keys=False)
    for email in ("a@пример.example", "b@xn--e1afmkfd.example", "c@news.пример.example", "d@other.example"):
        Sender.objects.add(account, email=email)
    assert [sender.email[0] for sender in list_senders_at(domain)] == ["a", "b", "c"]


@pytest.mark.promise("P2.2")
def test_a_removed_domain_takes_its_keys_along(
    account: Account, owner: Member, domain: SendingDomain
) -> None:
    with account_scope(account):
        remove_domain(domain, by=owner)
    assert not DkimKey.objects.for_account(account).exists()
    assert not SendingDomain.objects.for_account(account).exists()
