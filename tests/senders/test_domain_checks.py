from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from dynamail.accounts.models import Account
from dynamail.protocols.dkim import DkimAlgorithm
from dynamail.protocols.dns import Resolver
from dynamail.senders.domain_checks import Finding, RecordState, check_records
from dynamail.senders.domain_records import DnsRecord, Names, list_records, make_ownership_token
from dynamail.senders.models import SendingDomain
from tests.support.dns_server import DnsServer, Failure
from tests.support.sending_domains import add_key, private_key_of, publish_installation, publish_records

NAMES = Names("mail.dynamail.example", "app.dynamail.example")
RIGHT, MISSING, DIFFERENT, UNKNOWN = RecordState


@pytest.fixture
def server(settings: object) -> Iterator[DnsServer]:
    settings.HELO_NAME = "mail.dynamail.example"  # type: ignore[attr-defined]
    settings.IS_SECURE = True  # type: ignore[attr-defined]
    with DnsServer() as server:
        publish_installation(server, NAMES)
        yield server


@pytest.fixture
def records(account: Account) -> dict[str, DnsRecord]:
    domain = SendingDomain.objects.add(account, name="acme.example")
    keys = [add_key(domain, algorithm, state="upcoming") for algorithm in DkimAlgorithm]
    return {record.key: record for record in list_records(domain, keys, NAMES)}


async def answers(host: str, addresses: Sequence[object]) -> bool:
    return True


async def does_not_answer(host: str, addresses: Sequence[object]) -> bool:
    return False


def check(server: DnsServer, records: dict[str, DnsRecord], *, https: bool = True) -> dict[str, Finding]:
    resolver = Resolver([server.address], timeout=0.3, lifetime=0.5)
    probe = answers if https else does_not_answer
    return asyncio.run(check_records(resolver, "acme.example", records.values(), NAMES, probe=probe))


def check_one(server: DnsServer, records: dict[str, DnsRecord], key: str) -> Finding:
    return check(server, {key: records[key]})[key]


def test_before_anything_is_published_everything_is_missing(
    server: DnsServer, records: dict[str, DnsRecord]
) -> None:
    assert {finding.state for finding in check(server, records).values()} == {MISSING}


def test_published_as_told_everything_is_right(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    publish_records(server, records.values())
    assert {finding.state for finding in check(server, records).values()} == {RIGHT}


def test_a_silent_dns_says_nothing_about_any_record(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    publish_records(server, records.values())
    for record in records.values():
        server.fail(record.name, "ANY", Failure.SERVFAIL)
    server.fail("_dmarc.acme.example", "TXT", Failure.SERVFAIL)
    assert {finding.state for finding in check(server, records).values()} == {UNKNOWN}


def test_a_token_of_another_account_proves_nothing(
    server: DnsServer, records: dict[str, DnsRecord], other_account: Account
) -> None:
    record = records["ownership"]
    theirs = f"dynamail-verify={make_ownership_token(other_account.pk, 'acme.example')}"
    server.publish(record.name, "TXT", theirs)
    found = check_one(server, records, "ownership")
    assert (found.state, found.code, found.found) == (DIFFERENT, "other_token", (theirs,))
    server.publish(record.name, "TXT", [theirs, f'  "{record.value.upper()}" '])
    assert check_one(server, records, "ownership").is_right


def test_a_name_that_got_the_domain_twice_is_recognized(
    server: DnsServer, records: dict[str, DnsRecord]
) -> None:
    for key in ("ownership", "return_path"):
        record = records[key]
        server.publish(f"{record.name}.acme.example", record.kind, record.value)
        found = check_one(server, records, key)
        assert (found.state, found.code) == (DIFFERENT, "doubled_name")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda value: f'"{value}"', "unreadable"),
        (lambda value: value[:-40], "unreadable"),
        (lambda value: value.replace("v=DKIM1;", "v=DKIM1; t=y;"), "testing"),
        (lambda value: [value, "v=DKIM1; p="], "several"),
        (lambda value: "v=DKIM1; k=rsa; p=", "other_key"),
    ],
)
def test_a_spoiled_key_is_named(
    server: DnsServer, records: dict[str, DnsRecord], spoil: object, code: str
) -> None:
    record = records["dkim:dm1r"]
    server.publish(record.name, "TXT", spoil(record.value))  # type: ignore[operator]
    found = check_one(server, records, record.key)
    assert (found.state, found.code) == (DIFFERENT, code)
    assert found.found


def test_white_space_and_cut_strings_in_a_key_do_not_matter(
    server: DnsServer, records: dict[str, DnsRecord]
) -> None:
    record = records["dkim:dm1r"]
    head, tail = record.value[:150], record.value[150:]
    server.publish(record.name, "TXT", f" {head.replace('; ', ' ;  ')} {tail} ")
    assert check_one(server, records, record.key).is_right


def test_the_key_of_somebody_else_is_not_ours(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    server.publish(records["dkim:dm1r"].name, "TXT", records["dkim:dm1e"].value)
    assert check_one(server, records, "dkim:dm1r").code == "other_key"
    assert private_key_of(DkimAlgorithm.RSA) != private_key_of(DkimAlgorithm.ED25519)


def test_the_return_path_may_be_an_alias_of_an_alias_or_mx_and_spf(
    server: DnsServer, records: dict[str, DnsRecord]
) -> None:
    host = "bounce.acme.example"
    server.publish(host, "CNAME", "other.acme.example.")
    server.publish("other.acme.example", "CNAME", "Mail.DynaMail.example.")
    assert check_one(server, records, "return_path").is_right
    server.remove(host)
    server.publish(host, "MX", "10 mail.dynamail.example.")
    found = check_one(server, records, "return_path")
    assert (found.state, found.code) == (RIGHT, "mx_without_spf")
    server.publish(host, "TXT", "v=spf1 include:mail.dynamail.example -all")
    assert check_one(server, records, "return_path") == Finding(RIGHT)
    server.publish(host, "MX", "10 mx.elsewhere.example.")
    found = check_one(server, records, "return_path")
    assert (found.state, found.found) == (DIFFERENT, ("MX mx.elsewhere.example",))


def test_links_need_a_certificate_for_their_host(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    publish_records(server, [records["tracking"]])
    without = check(server, {"tracking": records["tracking"]}, https=False)["tracking"]
    assert (without.state, without.code) == (DIFFERENT, "no_https")
    server.remove("click.acme.example")
    server.publish("click.acme.example", "A", "192.0.2.10")  # an alias that the DNS provider flattened
    assert check_one(server, records, "tracking").is_right
    server.publish("click.acme.example", "A", "203.0.113.5")
    assert check_one(server, records, "tracking").found == ("203.0.113.5",)


def test_an_spf_record_is_completed_not_replaced(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    server.publish("acme.example", "TXT", ["google-site-verification=1", "v=spf1 mx -all"])
    found = check_one(server, records, "spf")
    assert (found.state, found.code) == (DIFFERENT, "spf_without_us")
    assert found.advice == "v=spf1 mx include:mail.dynamail.example -all"
    server.publish("acme.example", "TXT", found.advice)
    assert check_one(server, records, "spf").is_right


def test_a_record_without_spf_is_never_to_be_included(
    server: DnsServer, records: dict[str, DnsRecord]
) -> None:
    server.remove("mail.dynamail.example", "TXT")
    assert check_one(server, records, "spf").advice == "v=spf1 a:mail.dynamail.example ~all"
    server.publish("acme.example", "TXT", "v=spf1 include:mail.dynamail.example ~all")
    found = check_one(server, records, "spf")
    assert (found.code, found.about) == ("spf_broken_include", "mail.dynamail.example")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("v=DMARC1; p=none", "dmarc_without_reports"),
        ("v=DMARC1; p=reject; rua=mailto:a@acme.example", "dmarc_good"),
        ("v=DMARC1; p=reject; adkim=s", "dmarc_strict_dkim"),
        ("v=DMARC1; p=reject; aspf=s", "dmarc_strict_spf"),
    ],
)
def test_a_dmarc_policy_is_judged(
    server: DnsServer, records: dict[str, DnsRecord], record: str, code: str
) -> None:
    server.publish("_dmarc.acme.example", "TXT", record)
    found = check_one(server, records, "dmarc")
    assert (found.state, found.code, found.found) == (RIGHT, code, (record,))


def test_a_dmarc_policy_above_counts(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    server.publish("_dmarc.example", "TXT", "v=DMARC1; p=reject")
    found = check_one(server, records, "dmarc")
    assert (found.state, found.code, found.about) == (RIGHT, "dmarc_above", "example")


def test_control_characters_are_replaced(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    server.publish("_dynamail.acme.example", "TXT", "dynamail-verify=\x00\x1b[31m\u202e")
    server.publish("acme.example", "TXT", "v=spf1 \x00\x07 -all")
    found = check(server, {key: records[key] for key in ("ownership", "spf")})
    assert found["ownership"].found == ("dynamail-verify=��[31m�",)
    assert (found["spf"].code, found["spf"].about) == ("spf_syntax", "��")


def test_hostile_records_are_shortened(server: DnsServer, records: dict[str, DnsRecord]) -> None:
    server.publish(
        "_dynamail.acme.example", "TXT", [f"dynamail-verify={number}" + "x" * 2000 for number in range(20)]
    )
    found = check_one(server, records, "ownership")
    assert len(found.found) == 5
    assert max(map(len, found.found)) == 600
