from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dynamail.accounts.models import Account, AuditEntry, Member, User
from dynamail.senders.credentials import open_password
from dynamail.senders.models import Transport
from dynamail.senders.relays import RelaySettings, save_relay, try_relay
from dynamail.senders.transports import record_check, use_transport
from tests.support.fake_mx import FakeMx, Reply

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def owner(account: Account, alice: User) -> Member:
    return Member.objects.for_account(account).get(user=alice)


def describe(mx: FakeMx | None = None, **changes: object) -> RelaySettings:
    values: dict[str, object] = {
        "name": "Company server",
        "host": "127.0.0.1",
        "port": mx.port if mx else 1,
        "security": "none",
        "verify_certificate": False,
        "username": "",
        "password": "",
        "connections": 2,
        "rate_per_second": None,
    }
    return RelaySettings(**(values | changes))  # type: ignore[arg-type]


def test_a_password_is_sealed_and_kept_when_the_field_stays_empty(account: Account, owner: Member) -> None:
    relay = save_relay(account, describe(username="acme", password="pä$$word"), relay=None, by=owner, now=NOW)
    assert b"word" not in bytes(relay.password_sealed)
    changed = save_relay(
        account, describe(username="acme", password=None, port=26), relay=relay, by=owner, now=NOW
    )
    assert (changed.port, open_password(changed)) == (26, "pä$$word")


@pytest.mark.promise("P2.2")
def test_a_sealed_password_does_not_open_on_another_relay(account: Account, owner: Member) -> None:
    first = save_relay(account, describe(password="secret"), relay=None, by=owner, now=NOW)
    second = save_relay(account, describe(password="other"), relay=None, by=owner, now=NOW)
    second.password_sealed = first.password_sealed
    assert "Enter it again" in try_relay(second)[0].text


@pytest.mark.promise("P7.1")
def test_handing_mail_to_a_relay_is_authorized_by_a_person_and_audited(
    account: Account, owner: Member
) -> None:
    relay = save_relay(account, describe(), relay=None, by=owner, now=NOW)
    assert (relay.authorized_by, relay.authorized_at) == (owner.user, NOW)
    assert (
        AuditEntry.objects.for_account(account)
        .filter(action="transport.added", subject_id=relay.public_id)
        .exists()
    )


def test_only_one_transport_is_in_use(account: Account, owner: Member) -> None:
    first = save_relay(account, describe(), relay=None, by=owner, now=NOW)
    second = save_relay(account, describe(), relay=None, by=owner, now=NOW)
    use_transport(account, first, by=owner)
    use_transport(account, second, by=owner)
    in_use = Transport.objects.for_account(account).filter(is_default=True)
    assert list(in_use) == [second]
    use_transport(account, None, by=owner)
    assert not in_use.all().exists()


def test_a_check_says_what_the_relay_offers(account: Account, owner: Member) -> None:
    with FakeMx() as mx:
        relay = save_relay(account, describe(mx), relay=None, by=owner, now=NOW)
        steps = try_relay(relay)
        record_check(relay, steps, now=NOW)
    relay.refresh_from_db()
    assert relay.check_result["ok"] is True
    assert any("PIPELINING" in step.text for step in steps)


def test_a_check_names_what_is_wrong(account: Account, owner: Member) -> None:
    with FakeMx(script={"connect": Reply("554 5.7.1 go away")}) as mx:
        refused = try_relay(save_relay(account, describe(mx), relay=None, by=owner, now=NOW))
    nobody = try_relay(save_relay(account, describe(port=1), relay=None, by=owner, now=NOW))
    assert not refused[-1].ok
    assert "go away" in refused[-1].text
    assert "Check host and port" in nobody[-1].text
