from __future__ import annotations

import email
import email.policy
from datetime import timedelta

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import FakeMx

HELLO = Content("news@acme.example", "Hello", from_name="Acme", text="Hi\n", headers=(("X-Order", "17"),))


def accept(stage: Stage, account_id: int, recipient: str = "ann@example.com") -> object:
    return accept_message(
        account_id, source_kind=SourceKind.API, recipient=recipient, content=HELLO, now=utc_now()
    )


def test_an_accepted_message_goes_out_and_into_the_log(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        message_id = accept(stage, account_id)
        stage.deliver()
        (message,) = mx.accepted
    parsed = email.message_from_bytes(message.body, policy=email.policy.default)
    assert (parsed["Subject"], parsed["X-Order"], parsed.get_content()) == ("Hello", "17", "Hi\r\n")
    assert stage.rows("SELECT id, state, source_kind, recipient FROM message") == [
        (message_id, "delivered", "api", "ann@example.com")
    ]
    assert stage.outbox() == []


def test_a_running_worker_hears_of_a_message_at_once(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        worker = stage.start()
        stage.wait_until(lambda: stage.rows("SELECT 1 FROM deliver_worker"))
        accept(stage, account_id)
        stage.wait_until(lambda: mx.accepted)
        stage.wait_until(lambda: stage.outbox() == [])
        worker.stop()


def test_single_messages_overtake_a_campaign(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port, connections=1, rate=50)
        stage.campaign(account_id, addresses(200))
        worker = stage.start()
        stage.wait_until(lambda: mx.accepted)
        accept(stage, account_id)
        stage.wait_until(lambda: any(m.recipient == "ann@example.com" for m in mx.accepted))
        before = [message.recipient for message in mx.accepted].index("ann@example.com")
        worker.stop()
    assert before < 190


def test_the_installations_own_mail_goes_into_the_mailbox(stage: Stage, settings: object) -> None:
    from dynamail.senders.capture import capture_password

    with FakeMx(users={"0": capture_password(0)}) as mx:
        settings.CAPTURE_PORT = mx.port  # type: ignore[attr-defined]
        accept(stage, 0)
        stage.deliver()
        assert [message.recipient for message in mx.accepted] == ["ann@example.com"]
    assert stage.rows("SELECT account_id, state FROM message") == [(0, "delivered")]


def test_a_message_in_doubt_is_sent_again_under_its_own_id(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        message_id = accept(stage, account_id, "drop-after-dot@example.com")
        stage.deliver()
        ((_, attempts, run_at, in_doubt, _, worker),) = stage.outbox()
        assert (attempts, in_doubt, worker) == (1, True, None)
        assert run_at > utc_now() + timedelta(minutes=10)
        stage.change("UPDATE outbox SET run_at = now(), recipient = 'ann@example.com'")
        stage.deliver()
        (again,) = mx.accepted
    assert f"<{message_id.hex}@".encode() in again.body  # type: ignore[attr-defined]
    assert stage.rows("SELECT id, state, attempts FROM message") == [(message_id, "delivered", 2)]


def test_a_dead_address_is_suppressed_for_its_account(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        accept(stage, account_id, "bounce-550-5.1.1@example.com")
        stage.deliver()
    assert stage.rows("SELECT state, bounce_class FROM message") == [("bounced", "invalid_recipient")]
    assert stage.rows("SELECT account_id, email FROM suppression") == [
        (account_id, "bounce-550-5.1.1@example.com")
    ]


def test_an_address_suppressed_after_acceptance_gets_nothing(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        accept(stage, account_id)
        suppress_address(account_id, "ann@example.com", reason=SuppressionReason.COMPLAINT, now=utc_now())
        stage.deliver()
        assert mx.messages == []
    assert stage.rows("SELECT state FROM message") == [("suppressed",)]


def test_a_suppression_of_marketing_does_not_stop_a_single_message(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        suppress_address(
            account_id,
            "ann@example.com",
            reason=SuppressionReason.UNSUBSCRIBE,
            scope="marketing",
            now=utc_now(),
        )
        accept(stage, account_id)
        stage.deliver()
        assert len(mx.accepted) == 1


def test_mail_of_a_suspended_account_waits(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        accept(stage, account_id)
        stage.change("UPDATE account SET state = 'suspended'")
        stage.deliver()
        assert mx.messages == []
    ((_, attempts, run_at, *_),) = stage.outbox()
    assert attempts == 0
    assert run_at > utc_now()


def test_a_row_whose_address_is_broken_bounces_and_the_rest_goes_on(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        accept(stage, account_id, "ann@example.com")
        accept(stage, account_id, "bob@example.com")
        stage.change("UPDATE outbox SET recipient = 'not an address' WHERE recipient LIKE 'bob%%'")
        stage.deliver()
        assert [message.recipient for message in mx.accepted] == ["ann@example.com"]
    assert sorted(stage.rows("SELECT state FROM message")) == [("bounced",), ("delivered",)]
