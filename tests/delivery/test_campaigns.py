from __future__ import annotations

import email
import email.policy
from datetime import timedelta

import pytest

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.clock import utc_now
from dynamail.messages.freezing import RETRY, FrozenSource, cancel_chunks, pause_chunks, resume_chunks
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import FakeMx


def test_everybody_gets_the_campaign_once_and_it_is_finished(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), addresses(130), chunk_size=50)
        stage.deliver()
        received = [message.recipient for message in mx.accepted]
    assert sorted(received) == sorted(addresses(130))
    assert stage.count(campaign).delivered == 130
    assert stage.campaign_state(campaign) == "finished"
    assert stage.value("SELECT count(*) FROM event WHERE kind = 'campaign.finished'") == 1
    assert stage.rows("SELECT DISTINCT sent FROM engagement") == [(1,)]
    assert stage.value("SELECT count(*) FROM engagement") == 130
    assert stage.rows("SELECT state, done, started, worker FROM chunk ORDER BY tag") == [
        (3, 50, 50, None)
    ] * 2 + [(3, 30, 30, None)]


def test_the_message_is_this_recipients_own(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), ["ann@example.com"])
        stage.deliver()
        (message,) = mx.accepted
    parsed = email.message_from_bytes(message.body, policy=email.policy.default)
    assert "Dear Person 0 of Grodno." in parsed.get_content()
    assert b"Subject: Hello Person 0\r\n" in message.body
    message_id = campaign.message_id(campaign.contact_ids[0])
    assert f"Message-ID: <{message_id.hex}@".encode() in message.body
    row = stage.rows("SELECT id, smtp_code, domain, attempts, size_bytes FROM message")[0]
    assert row == (message_id, 250, "example.com", 1, row[4])
    assert row[4] == pytest.approx(len(message.body), abs=5)


def test_several_workers_share_a_campaign_without_a_coordinator(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), addresses(400), chunk_size=25)
        workers = [stage.start(once=True) for _ in range(3)]
        for worker in workers:
            worker.join()
        received = [message.recipient for message in mx.accepted]
    assert len(received) == len(set(received)) == 400
    assert stage.count(campaign).delivered == 400


def test_who_may_not_be_mailed_any_more_is_suppressed_not_sent(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, addresses(8))
        ids = campaign.contact_ids
        stage.change("UPDATE subscription SET state = 'unsubscribed' WHERE contact_id = %s", ids[0])
        stage.change("UPDATE contact SET state = 'restricted' WHERE id = %s", ids[1])
        stage.change("DELETE FROM contact WHERE id = %s", ids[2])
        stage.change("DELETE FROM subscription WHERE contact_id = %s", ids[3])
        suppress_address(
            account_id, "p4@example.com", reason=SuppressionReason.COMPLAINT, scope="marketing", now=utc_now()
        )
        stage.deliver()
        received = sorted(message.recipient for message in mx.accepted)
    assert received == [f"p{number}@example.com" for number in (5, 6, 7)]
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.suppressed) == (3, 5)
    reasons = {reply for (reply,) in stage.rows("SELECT reply FROM message WHERE state = 'suppressed'")}
    assert reasons == {
        "The person unsubscribed from this topic.",
        "Processing of this person's data is restricted; nothing is sent to them.",
        "There is no such contact any more.",
        "The person never agreed to this topic.",
        "The address is suppressed and must not be mailed.",
    }


@pytest.mark.promise("P8.4")
def test_who_leaves_while_the_window_is_on_its_way_gets_nothing(stage: Stage) -> None:
    """The relay is slow, so later recipients of the declared window wait; they leave in the meantime."""
    with FakeMx(slow_seconds=0.4) as mx:
        campaign = stage.campaign(stage.account(mx.port, connections=1), ["slow@example.com", *addresses(10)])
        slow = stage.value("SELECT id FROM contact WHERE email LIKE 'slow@%%'")
        worker = stage.start()
        stage.wait_until(lambda: any(line.startswith("RCPT") for line in mx.commands))
        assert stage.value("SELECT started FROM chunk") == 11
        stage.change("UPDATE subscription SET state = 'unsubscribed' WHERE contact_id <> %s", slow)
        left_at = utc_now()
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = [message.recipient for message in mx.accepted]
    late = stage.rows(
        "SELECT recipient FROM message WHERE state = 'delivered' AND at > %s", left_at + timedelta(seconds=2)
    )
    accounting = stage.count(campaign)
    assert len(received) == accounting.delivered
    assert accounting.suppressed >= 9, "at most the one that was already on the wire went out"
    assert {recipient for (recipient,) in late} <= {"slow@example.com"}


def test_a_bounce_is_recorded_and_a_dead_address_suppressed(stage: Stage) -> None:
    emails = [
        "bounce-550-5.1.1@one.example",
        "bounce-552-5.2.2@two.example",
        "dot-554-5.7.1@three.example",
        "ok@four.example",
    ]
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), emails)
        stage.deliver()
    accounting = stage.count(campaign)
    assert (accounting.bounced, accounting.delivered) == (3, 1)
    assert stage.rows("SELECT email, reason, source_kind FROM suppression") == [
        ("bounce-550-5.1.1@one.example", "hard_bounce", "message")
    ]
    assert stage.rows("SELECT email FROM contact WHERE state = 'suppressed'") == [
        ("bounce-550-5.1.1@one.example",)
    ]
    assert stage.value("SELECT count(*) FROM event WHERE kind = 'message.bounced'") == 3
    assert stage.value("SELECT count(*) FROM event WHERE kind = 'contact.suppressed'") == 1
    classes = dict(stage.rows("SELECT recipient, bounce_class FROM message WHERE state = 'bounced'"))
    assert classes["bounce-550-5.1.1@one.example"] == "invalid_recipient"


def test_a_temporary_failure_waits_and_is_tried_again(stage: Stage) -> None:
    with FakeMx(script=None) as mx:
        campaign = stage.campaign(stage.account(mx.port), ["defer-451-4.2.1@example.com", "ok@example.com"])
        stage.deliver()
        accounting = stage.count(campaign)
        assert (accounting.delivered, accounting.deferred) == (1, 1)
        assert stage.campaign_state(campaign) == "running"
        ((_, attempts, run_at, _, code, worker),) = stage.outbox()
        assert (attempts, code, worker) == (1, 451, None)
        assert run_at > utc_now() + timedelta(minutes=4)
        stage.change("UPDATE contact SET email = 'later@example.com' WHERE email LIKE 'defer%%'")
        stage.change("UPDATE outbox SET run_at = now()")
        stage.deliver()
        assert sorted(message.recipient for message in mx.accepted) == ["later@example.com", "ok@example.com"]
    assert stage.count(campaign).delivered == 2
    assert stage.campaign_state(campaign) == "finished"
    assert stage.value("SELECT attempts FROM message WHERE recipient = 'later@example.com'") == 2


def test_after_four_days_of_attempts_a_message_expires(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), ["defer-451-4.2.1@example.com"])
        stage.deliver()
        stage.change("UPDATE outbox SET run_at = now(), created_at = now() - interval '4 days'")
        stage.deliver()
        assert len(mx.commands) == len([line for line in mx.commands if "expired" not in line])
    assert stage.count(campaign).expired == 1
    assert stage.campaign_state(campaign) == "finished"
    assert stage.rows("SELECT smtp_code FROM message") == [(451,)]


def test_a_lost_reply_is_in_doubt_and_held_for_a_decision(stage: Stage) -> None:
    from dynamail.messages.deciding import resend_unknown

    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, ["drop-after-dot@example.com", "ok@example.com"])
        stage.deliver()
        accounting = stage.count(campaign)
        assert (accounting.unknown, accounting.delivered) == (1, 1)
        assert stage.campaign_state(campaign) == "finished"
        before = stage.value("SELECT id FROM message WHERE state = 'unknown'")
        stage.change("UPDATE contact SET email = 'back@example.com' WHERE email LIKE 'drop%%'")
        assert resend_unknown(account_id, source_id=campaign.source_id, now=utc_now()) == 1
        assert stage.count(campaign).deferred == 1
        stage.deliver()
    assert stage.count(campaign).delivered == 2
    assert stage.value("SELECT id FROM message WHERE recipient = 'back@example.com'") == before


def test_pausing_stops_within_a_window_and_resuming_goes_on(stage: Stage) -> None:
    with FakeMx(slow_seconds=0.05) as mx:
        account_id = stage.account(mx.port, connections=1, rate=40)
        campaign = stage.campaign(account_id, addresses(150))
        worker = stage.start()
        stage.wait_until(lambda: stage.delivered(campaign))
        stage.change("UPDATE campaign SET state = 'paused'")
        pause_chunks(account_id, source_id=campaign.source_id)
        stage.wait_until(lambda: stage.value("SELECT worker IS NULL FROM chunk"))
        paused = stage.count(campaign)
        assert 0 < paused.delivered < 150
        assert paused.remaining + paused.deferred == 150 - paused.delivered
        assert stage.value("SELECT started - done FROM chunk") == 0
        assert len(mx.accepted) == paused.delivered
        stage.change("UPDATE campaign SET state = 'running'")
        stage.change("UPDATE transport SET rate_per_second = NULL")
        resume_chunks(account_id, source_id=campaign.source_id)
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = [message.recipient for message in mx.accepted]
    assert len(received) == len(set(received)) == 150


def test_nobody_stays_held_when_a_campaign_resumes_before_its_worker_let_go(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, ["stall@example.com", *addresses(5)])
        worker = stage.start()
        stage.wait_until(lambda: len(mx.accepted) == 5)
        stage.change("UPDATE campaign SET state = 'paused'")
        pause_chunks(account_id, source_id=campaign.source_id)
        stage.wait_until(
            lambda: any(parcel.stopped for way in worker.worker.ways for parcel in way.list_aged(9e9))
        )
        stage.change("UPDATE campaign SET state = 'running'")
        resume_chunks(account_id, source_id=campaign.source_id)
        stage.wait_until(lambda: stage.value("SELECT state = 3 FROM chunk"))
        worker.stop()
    assert stage.rows("SELECT recipient, priority FROM outbox") == [("stall@example.com", RETRY)]


def test_canceling_ends_it_and_the_numbers_say_for_whom(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port, connections=1, rate=40)
        campaign = stage.campaign(account_id, ["defer-451-4.2.1@example.com", *addresses(150)])
        worker = stage.start()
        stage.wait_until(lambda: stage.delivered(campaign))
        stage.change("UPDATE campaign SET state = 'canceled'")
        cancel_chunks(account_id, source_id=campaign.source_id, now=utc_now())
        stage.wait_until(lambda: stage.value("SELECT worker IS NULL FROM chunk"))
        worker.stop()
        accounting = stage.count(campaign)
        assert accounting.canceled > 0
        assert accounting.remaining == 0
        assert accounting.delivered == len(mx.accepted)
    assert stage.campaign_state(campaign) == "canceled"


def test_a_suspended_account_sends_nothing_and_loses_nothing(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, addresses(30))
        stage.change("UPDATE account SET state = 'suspended'")
        stage.deliver()
        assert mx.messages == []
        assert stage.count(campaign).remaining == 30
        stage.change("UPDATE account SET state = 'active'")
        stage.change("UPDATE chunk SET run_at = now()")
        stage.deliver()
    assert stage.count(campaign).delivered == 30


def test_one_contact_whose_copy_cannot_be_written_does_not_stop_the_rest(stage: Stage) -> None:
    source = FrozenSource(
        "text",
        "Hi",
        "{% if contact.card == '00000001' %}{{ contact.points | divided_by: 0 }}{% endif %}Hello\n",
    )
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), addresses(3), source=source)
        stage.deliver()
    accounting = stage.count(campaign)
    assert accounting.delivered + accounting.bounced == 3
    assert accounting.delivered >= 2


def test_content_that_does_not_compile_pauses_the_campaign_with_the_reason(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(
            stage.account(mx.port), addresses(3), source=FrozenSource("text", "Hi", "{% if %}")
        )
        stage.deliver()
        assert mx.messages == []
    assert stage.campaign_state(campaign) == "paused"
    assert "cannot be written" in stage.value("SELECT problem FROM campaign")
    assert stage.count(campaign).remaining == 3


def test_an_international_address_is_refused_clearly_where_it_is_not_supported(stage: Stage) -> None:
    with FakeMx(extensions=("PIPELINING", "8BITMIME")) as mx:
        campaign = stage.campaign(stage.account(mx.port), ["анна@example.com", "ann@example.com"])
        stage.deliver()
    assert stage.states(campaign) == {"анна@example.com": "bounced", "ann@example.com": "delivered"}
    assert "SMTPUTF8" in stage.value("SELECT reply FROM message WHERE state = 'bounced'")


def test_the_rate_of_a_relay_is_kept(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, rate=20), addresses(40))
        started = utc_now()
        stage.deliver()
        assert len(mx.accepted) == 40
    assert stage.count(campaign).delivered == 40
    last = stage.value("SELECT max(at) FROM message")
    assert (last - started).total_seconds() > 0.9, (
        "the first second's burst is 20, the rest follows at 20 a second"
    )


def test_small_campaigns_are_served_before_the_rest_of_a_large_one(stage: Stage) -> None:
    with FakeMx() as mx:
        large = stage.campaign(stage.account(mx.port), addresses(300, domain="large.example"), chunk_size=20)
        small = stage.campaign(stage.account(mx.port), addresses(5, domain="small.example"))
        stage.change("UPDATE chunk SET tag = 50 WHERE source_id = %s", small.source_id)
        stage.deliver()
        order = [message.recipient.partition("@")[2] for message in mx.accepted]
    assert order.index("small.example") < 200
    assert stage.count(large).delivered == 300
