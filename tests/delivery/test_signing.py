from __future__ import annotations

from datetime import timedelta

import dkim

from dynamail.accounts.models import Account
from dynamail.delivery.identities import list_parents
from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from dynamail.protocols.dkim import DkimAlgorithm, format_public_record
from dynamail.senders.models import DkimKey, SendingDomain
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import FakeMx
from tests.support.sending_domains import SELECTORS, add_verified_domain, private_key_of

ALGORITHMS = {selector: algorithm for algorithm, selector in SELECTORS.items()}


def answer_dns(name: bytes, timeout: int = 5) -> bytes:
    algorithm = ALGORITHMS[name.decode().partition("._domainkey.")[0]]
    return format_public_record(private_key_of(algorithm)).encode()


def find_signing_domains(body: bytes) -> list[str]:
    """The domains whose signatures dkimpy accepts."""
    message, found = dkim.DKIM(body), []
    for index in range(body.count(b"DKIM-Signature:")):
        assert message.verify(idx=index, dnsfunc=answer_dns)
        found.append(message.domain.decode())
    return found


def accept(account_id: int, from_email: str) -> None:
    accept_message(
        account_id,
        source_kind=SourceKind.API,
        recipient="ann@example.com",
        content=Content(from_email, "Hello", text="Hi\n"),
        now=utc_now(),
    )


def change_domain(account_id: int, **values: object) -> None:
    SendingDomain.objects.for_account(account_id).update(**values)


def deliver_one(stage: Stage, account_id: int, from_email: str, mx: FakeMx) -> tuple[str, list[str]]:
    """MAIL FROM's domain and the domains that signed."""
    accept(account_id, from_email)
    stage.deliver()
    message = mx.accepted[-1]
    return message.sender.rpartition("@")[2], find_signing_domains(message.body)


def test_campaigns_and_single_messages_carry_both_signatures(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        add_verified_domain(Account.objects.get(pk=account_id), "roastery.example")
        stage.campaign(account_id, addresses(5))
        accept(account_id, "news@roastery.example")
        stage.deliver()
    assert len(mx.accepted) == 6
    assert all(find_signing_domains(message.body) == ["roastery.example"] * 2 for message in mx.accepted)


def test_the_nearest_verified_domain_of_the_account_signs(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id, other_id = stage.account(mx.port), stage.account(mx.port)
        account, other = Account.objects.get(pk=account_id), Account.objects.get(pk=other_id)
        add_verified_domain(account, "acme.example")
        add_verified_domain(account, "mail.acme.example")
        add_verified_domain(other, "b.mail.acme.example")
        assert deliver_one(stage, account_id, "a@b.mail.acme.example", mx)[1] == ["mail.acme.example"] * 2
        assert deliver_one(stage, account_id, "a@acme.example", mx)[1] == ["acme.example"] * 2
        assert deliver_one(stage, account_id, "a@notacme.example", mx)[1] == []
        assert deliver_one(stage, other_id, "a@acme.example", mx)[1] == []


def test_only_verified_domains_and_active_keys_sign(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        add_verified_domain(Account.objects.get(pk=account_id), "acme.example")
        DkimKey.objects.for_account(account_id).filter(algorithm=DkimAlgorithm.RSA).update(state="retired")
        assert deliver_one(stage, account_id, "a@acme.example", mx)[1] == ["acme.example"]
        change_domain(account_id, state="lost")
        assert deliver_one(stage, account_id, "a@acme.example", mx)[1] == []


def test_bounces_return_to_the_senders_own_host_once_it_is_verified(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        add_verified_domain(Account.objects.get(pk=account_id), "acme.example", with_keys=False)
        usual = stage.settings.composing.return_path_domain
        assert deliver_one(stage, account_id, "a@acme.example", mx) == (usual, [])
        change_domain(account_id, return_path_verified_at=utc_now(), return_path_label="returns")
        assert deliver_one(stage, account_id, "a@acme.example", mx) == ("returns.acme.example", [])


def test_mail_whose_key_cannot_be_opened_waits_and_says_why(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        add_verified_domain(Account.objects.get(pk=account_id), "roastery.example")
        DkimKey.objects.for_account(account_id).update(private_key_sealed=b"moved from elsewhere")
        campaign = stage.campaign(account_id, addresses(3))
        accept(account_id, "news@roastery.example")
        worker = stage.start()
        stage.wait_until(
            lambda: stage.rows(
                "SELECT 1 FROM campaign WHERE uid = %s AND problem LIKE %s",
                campaign.source_id,
                "%DKIM key%cannot be used%",
            )
        )
        stage.wait_until(lambda: stage.rows("SELECT 1 FROM outbox WHERE run_at > %s", utc_now()))
        worker.stop()
    assert mx.accepted == []
    assert stage.rows("SELECT attempts FROM outbox") == [(0,)]


def test_parents_end_before_the_top_level() -> None:
    assert list_parents("a.b.example.com") == ["a.b.example.com", "b.example.com", "example.com"]


def test_the_clock_of_the_signature_is_that_of_the_attempt(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        add_verified_domain(Account.objects.get(pk=account_id), "acme.example")
        before = utc_now() - timedelta(seconds=1)
        accept(account_id, "a@acme.example")
        stage.deliver()
    tags = dkim.util.parse_tag_value(mx.accepted[0].body.split(b":", 1)[1].split(b"DKIM-Signature", 1)[0])
    assert before.timestamp() <= int(tags[b"t"]) <= utc_now().timestamp()
