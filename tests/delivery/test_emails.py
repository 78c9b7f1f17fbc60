"""Single emails through whole workers: what arrives, what the log says, what the events tell."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.one_time import Rendered
from dynamail.messages.stored_emails import EmailTexts
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import FakeMx, Reply
from tests.support.single_emails import Letter, Sent, add_stream, attach, post


def send(stage: Stage, account_id: int, **values: Any) -> Sent:
    return post(stage.connection, account_id, Letter(**values), utc_now())


def read(body: bytes) -> EmailMessage:
    return email.message_from_bytes(body, policy=email.policy.default)  # type: ignore[return-value]


def events(stage: Stage, kind: str = "") -> list[tuple[Any, ...]]:
    return stage.rows(
        "SELECT kind, message_id, source_id, data FROM event WHERE kind LIKE %s ORDER BY id",
        f"message.{kind}%",
    )


def test_an_email_arrives_and_the_log_and_the_events_say_so(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        sent = send(stage, account_id)
        stage.deliver()
        (message,) = mx.accepted
    parsed = read(message.body)
    assert (parsed["From"], parsed["To"], parsed["Subject"]) == (
        "Acme <shop@acme.example>",
        "ann@example.com",
        "Your order",
    )
    assert parsed.get_body(("html",)).get_content() == "<p>Thanks</p>"  # type: ignore[union-attr]
    assert stage.rows("SELECT id, state, email_id, stream, source_kind FROM message") == [
        (sent.id, "delivered", sent.id, "transactional", "api")
    ]
    stream_uid = add_stream(stage.connection, account_id, utc_now())
    ((kind, message_id, source_id, data),) = events(stage)
    assert (kind, message_id, source_id) == ("message.delivered", sent.id, stream_uid)
    assert (data["code"], data["attempt"], data["host"], data["ip"]) == (250, 1, "127.0.0.1", "127.0.0.1")
    said = [said for said, _ in data["dialog"]]
    assert said[2].startswith("MAIL FROM:<b+")
    assert said[3] == "RCPT TO:<ann@example.com>"
    assert stage.rows("SELECT source_id, kind, n FROM rollup_hour") == [(stream_uid, "delivered", 1)]
    assert stage.outbox() == []


def test_every_recipient_gets_a_copy_that_names_to_and_cc_and_no_bcc(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        to = (("ann@example.com", "to"), ("bob@example.com", "cc"), ("eve@example.com", "bcc"))
        sent = send(stage, account_id, to=to)
        stage.deliver()
        copies = {message.recipient: message.body for message in mx.accepted}
    assert set(copies) == {"ann@example.com", "bob@example.com", "eve@example.com"}
    for body in copies.values():
        parsed = read(body)
        assert (parsed["To"], parsed["Cc"], parsed["Bcc"]) == ("ann@example.com", "bob@example.com", None)
        assert b"eve@" not in body
        assert parsed["Message-ID"].startswith(f"<{sent.id.hex}@")
    assert stage.value("SELECT count(DISTINCT message_id) FROM event WHERE kind = 'message.delivered'") == 3


def test_a_text_that_was_left_to_us_is_made_from_the_html(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        asked = EmailTexts("<h1>Bill</h1><p><a href='https://a.example/'>Pay</a></p>", text_from_html=True)
        send(stage, account_id, texts=asked, to=(("ann@example.com", "to"), ("bob@example.com", "cc")))
        send(stage, account_id, texts=EmailTexts("<p>No text</p>"), to=(("eve@example.com", "to"),))
        stage.deliver()
        copies = {message.recipient: read(message.body) for message in mx.accepted}
    for name in ("ann", "bob"):
        parsed = copies[f"{name}@example.com"]
        assert parsed.get_content_type() == "multipart/alternative"
        text = parsed.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert text.split() == ["Bill", "====", "Pay", "(https://a.example/)"]
    assert copies["eve@example.com"].get_content_type() == "text/html"


def test_attachments_arrive_octet_for_octet(stage: Stage) -> None:
    data = bytes(range(256)) * 50
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        file = attach(stage.connection, account_id, data, utc_now())
        send(stage, account_id, texts=EmailTexts("<p>Bill</p>", "Bill", [("X-Order", "17")], [file]))
        stage.deliver()
        (message,) = mx.accepted
    (part,) = read(message.body).iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_content()) == (
        "bill.pdf",
        "application/pdf",
        data,
    )


def test_one_time_values_go_out_and_stay_nowhere(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        hidden = EmailTexts("<p>Code [one-time value]</p>", "Code [one-time value]")
        secret = Rendered("Your code", "<p>Code 918273</p>", "Code 918273")
        send(stage, account_id, texts=hidden, one_time=secret)
        stage.deliver()
        (message,) = mx.accepted
    assert "918273" in read(message.body).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert stage.value("SELECT count(*) FROM email_body WHERE content::text LIKE '%%918273%%'") == 0
    assert stage.value("SELECT count(*) FROM event WHERE data::text LIKE '%%918273%%'") == 0
    assert stage.outbox() == []


def test_a_wrong_seal_bounces_with_a_sentence_and_the_rest_goes_on(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        bad = send(stage, account_id, one_time=Rendered("Your code", "", "1234"))
        stage.change(r"UPDATE outbox SET one_time_sealed = '\x0102030405' WHERE id = %s", bad.id)
        good = send(stage, account_id)
        stage.deliver()
        assert len(mx.accepted) == 1
    states = dict(stage.rows("SELECT id, state FROM message"))
    assert states == {bad.id: "bounced", good.id: "delivered"}
    assert "Send it again" in stage.value("SELECT reply FROM message WHERE id = %s", bad.id)


def test_content_that_is_gone_ends_its_message_with_a_sentence(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        send(stage, account_id)
        stage.change("DELETE FROM email_body")
        stage.deliver()
        assert mx.messages == []
    assert stage.rows("SELECT state, reply FROM message") == [
        ("bounced", "The message could not be written: its content is not kept any more.")
    ]
    ((kind, _, _, data),) = events(stage)
    assert (kind, data["hard"]) == ("message.bounced", False)


def test_a_temporary_failure_is_an_event_for_each_attempt(stage: Stage) -> None:
    with FakeMx(script={"rcpt": [Reply("451 4.7.1 later")] * 2}) as mx:
        account_id = stage.account(mx.port)
        sent = send(stage, account_id)
        for _ in range(2):
            stage.deliver()
            stage.change("UPDATE outbox SET run_at = now()")
        found = events(stage)
    assert [(kind, message_id) for kind, message_id, _, _ in found] == [("message.delayed", sent.id)] * 2
    assert [data["attempt"] for *_, data in found] == [1, 2]
    assert found[0][3]["dialog"][-1][0] in ("RCPT TO:<ann@example.com>", "DATA")
    assert "451 4.7.1 later" in [answered for _, answered in found[0][3]["dialog"]]


def test_a_bounce_tells_what_the_server_said(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        sent = send(stage, account_id, to=(("bounce-550-5.1.1@example.com", "to"),))
        stage.deliver()
    ((kind, message_id, source_id, data),) = events(stage)
    assert (kind, message_id, data["code"], data["hard"], data["class"]) == (
        "message.bounced",
        sent.id,
        550,
        True,
        "invalid_recipient",
    )
    assert source_id == add_stream(stage.connection, account_id, utc_now())
    assert data["dialog"]
    assert stage.value("SELECT count(*) FROM suppression") == 1


def test_the_gate_is_asked_again_for_the_topic(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, ["ann@example.com"])
        stage.change("DELETE FROM chunk")
        (contact_id,) = campaign.contact_ids
        sent = send(stage, account_id, topic_id=campaign.topic_id, contact_id=contact_id, stream="marketing")
        stage.change("UPDATE subscription SET state = 'unsubscribed'")
        stage.deliver()
        assert mx.messages == []
    ((kind, message_id, _, data),) = events(stage)
    assert (kind, message_id, data["reason"]) == ("message.suppressed", sent.id, "unsubscribed")


def test_a_suppression_stops_the_streams_of_its_kind_alone(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        now = utc_now()
        for scope, name in (("transactional", "ann"), ("marketing", "bob"), ("all", "eve")):
            suppress_address(
                account_id, f"{name}@example.com", reason=SuppressionReason.MANUAL, scope=scope, now=now
            )
        for stream in ("transactional", "marketing"):
            for name in ("ann", "bob", "eve"):
                send(stage, account_id, to=((f"{name}@example.com", "to"),), stream=stream)
        stage.deliver()
        assert sorted(message.recipient for message in mx.accepted) == ["ann@example.com", "bob@example.com"]
    passed = stage.rows("SELECT recipient, stream FROM message WHERE state = 'delivered' ORDER BY recipient")
    assert passed == [("ann@example.com", "marketing"), ("bob@example.com", "transactional")]


def test_mail_on_a_topic_stops_at_suppressions_of_marketing_whatever_its_stream(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, ["ann@example.com"])
        stage.change("DELETE FROM chunk")
        (contact_id,) = campaign.contact_ids
        sent = send(
            stage, account_id, topic_id=campaign.topic_id, contact_id=contact_id, stream="transactional"
        )
        suppress_address(
            account_id,
            "ann@example.com",
            reason=SuppressionReason.UNSUBSCRIBE,
            scope="marketing",
            now=utc_now(),
        )
        stage.deliver()
        assert mx.messages == []
    assert stage.rows("SELECT id, state FROM message") == [(sent.id, "suppressed")]


def test_who_became_a_contact_and_was_restricted_meanwhile_gets_nothing(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        send(stage, account_id, to=(("ANN@example.com", "to"),))
        send(stage, account_id, to=(("old@example.com", "to"),))
        campaign = stage.campaign(account_id, ["ann@example.com"])
        stage.change("DELETE FROM chunk")
        stage.change("UPDATE contact SET state = 'restricted'")
        stage.change(
            "INSERT INTO contact_alias (account_id, id, email, email_key, contact_id, merged_at, snapshot, rule)"
            " VALUES (%s, %s, 'old@example.com', 'old@example.com', %s, now(), '{}', '')",
            account_id,
            new_id(),
            campaign.contact_ids[0],
        )
        stage.deliver()
        assert mx.messages == []
    reasons = stage.rows("SELECT data ->> 'reason' FROM event WHERE kind = 'message.suppressed'")
    assert reasons == [("restricted",)] * 2


def test_mail_of_a_domain_that_was_lost_waits_until_it_is_proved_again(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        sent = send(stage, account_id)
        stage.change("UPDATE sending_domain SET state = 'lost'")
        stage.deliver()
        assert mx.messages == []
        ((attempts, worker, waits),) = stage.rows("SELECT attempts, worker, run_at > now() FROM outbox")
        assert (attempts, worker, waits) == (0, None, True)
        stage.change("UPDATE sending_domain SET state = 'verified'")
        stage.change("UPDATE outbox SET run_at = now()")
        stage.deliver()
        assert len(mx.accepted) == 1
    assert stage.rows("SELECT id, state FROM message") == [(sent.id, "delivered")]


def test_mail_of_a_domain_that_stays_lost_expires_and_says_why(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        send(stage, account_id)
        stage.change("DELETE FROM sending_domain")
        stage.change("UPDATE outbox SET created_at = now() - interval '5 days'")
        stage.deliver()
        assert mx.messages == []
    ((state, reply),) = stage.rows("SELECT state, reply FROM message")
    assert (state, "acme.example is none any more" in reply) == ("expired", True)


def test_an_email_on_a_topic_carries_the_one_click_unsubscribe(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, ["ann@example.com"])
        stage.change("DELETE FROM chunk")
        (contact_id,) = campaign.contact_ids
        send(stage, account_id, topic_id=campaign.topic_id, contact_id=contact_id, stream="marketing")
        stage.deliver()
        (message,) = mx.accepted
    parsed = read(message.body)
    assert "/u/" in parsed["List-Unsubscribe"]
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Feedback-ID"].startswith("marketing:")


def test_test_mail_goes_to_the_mailbox_whatever_the_transports_are(stage: Stage, settings: Any) -> None:
    from dynamail.senders.capture import capture_password

    with FakeMx() as relay:
        account_id = stage.account(relay.port)
        with FakeMx(users={str(account_id): capture_password(account_id)}) as mailbox:
            settings.CAPTURE_PORT = mailbox.port
            to = (("bounce-550-5.1.1@example.com", "to"), ("ann@example.com", "cc"))
            send(stage, account_id, to_mailbox=True, to=to)
            send(stage, account_id, to=(("bob@example.com", "to"),))
            stage.deliver()
            assert [message.recipient for message in mailbox.accepted] == ["ann@example.com"]
        assert [message.recipient for message in relay.accepted] == ["bob@example.com"]
    # What the Mailbox plays suppresses nobody.
    assert stage.value("SELECT count(*) FROM suppression") == 0
    assert stage.value("SELECT count(*) FROM message WHERE state = 'bounced'") == 1


def test_test_mail_does_not_wait_for_a_relay_that_is_down(stage: Stage, settings: Any) -> None:
    from dynamail.senders.capture import capture_password

    account_id = stage.account(1)  # nobody listens there
    with FakeMx(users={str(account_id): capture_password(account_id)}) as mailbox:
        settings.CAPTURE_PORT = mailbox.port
        send(stage, account_id, to=(("bob@example.com", "to"),))
        worker = stage.start()
        stage.wait_until(lambda: any(outlet.is_closed for outlet in worker.worker.ways.list_outlets()))
        send(stage, account_id, to_mailbox=True)
        stage.wait_until(lambda: mailbox.accepted)
        worker.stop()


def test_a_rule_may_name_a_streams_key_or_its_kind(stage: Stage) -> None:
    with FakeMx() as default, FakeMx() as receipts, FakeMx() as marketing:
        account_id = stage.account(default.port)
        add_stream(stage.connection, account_id, utc_now(), key="receipts", kind="transactional")
        add_stream(stage.connection, account_id, utc_now(), key="digest", kind="marketing")
        stage.rule(account_id, transport=stage.relay(account_id, receipts.port), stream="receipts")
        stage.rule(account_id, transport=stage.relay(account_id, marketing.port), stream="marketing")
        for stream in ("receipts", "digest", "transactional"):
            send(stage, account_id, stream=stream, to=((f"{stream}@example.com", "to"),))
        stage.deliver()
        got = [[message.recipient for message in mx.accepted] for mx in (receipts, marketing, default)]
    assert got == [["receipts@example.com"], ["digest@example.com"], ["transactional@example.com"]]


def test_a_receipt_overtakes_a_campaign_and_the_emails_of_a_marketing_stream(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port, connections=1, rate=50)
        stage.campaign(account_id, addresses(200))
        worker = stage.start()
        stage.wait_until(lambda: mx.accepted)
        for number in range(50):
            to = ((f"digest{number}@example.com", "to"),)
            send(stage, account_id, stream="marketing", priority=2, to=to)
        send(stage, account_id)
        stage.wait_until(lambda: any(m.recipient == "ann@example.com" for m in mx.accepted))
        before = [message.recipient for message in mx.accepted].index("ann@example.com")
        worker.stop()
    assert before < 190


def test_large_contents_are_read_in_portions(stage: Stage, monkeypatch: Any) -> None:
    from dynamail.delivery import outbox_lane

    monkeypatch.setattr(outbox_lane, "MOST_OCTETS", 1_000)
    texts = EmailTexts("", "x" * 800 + "\n")
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        for number in range(4):
            send(stage, account_id, texts=texts, to=((f"p{number}@example.com", "to"),))
        worker = stage.start()
        stage.wait_until(lambda: len(mx.accepted) == 4)
        worker.stop()
    assert stage.value("SELECT max(attempts) FROM message") == 1


def test_a_campaigns_deliveries_are_events_where_the_account_wants_them(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        silent = stage.account(mx.port)
        stage.change("UPDATE account SET records_deliveries = true WHERE id = %s", account_id)
        told = stage.campaign(account_id, ["ann@example.com", "defer-451@example.com"])
        stage.campaign(silent, ["bob@example.com"])
        stage.deliver()
    assert stage.rows("SELECT account_id, kind, source_id FROM event WHERE kind LIKE 'message.%%'") == [
        (account_id, "message.delivered", told.source_id)
    ]


def test_a_raw_message_goes_out_as_it_came(stage: Stage) -> None:
    raw = (
        b"Received: from here\r\nFrom: Acme <shop@acme.example>\r\nTo: ann@example.com\r\nBcc: eve@example.com\r\n"
        b"Subject: Raw\r\nMessage-ID: <one@acme.example>\r\nX-Mine: kept\r\n\r\n.dot\r\nbody\r\n"
    )
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        send(stage, account_id, raw=raw, header_id="one@acme.example")
        stage.deliver()
        (message,) = mx.accepted
    parsed = read(message.body)
    assert (parsed["Message-ID"], parsed["X-Mine"], parsed["Bcc"], parsed["Received"]) == (
        "<one@acme.example>",
        "kept",
        None,
        None,
    )
    assert parsed["Date"]
    assert message.body.endswith(b"\r\n\r\n.dot\r\nbody\r\n")
