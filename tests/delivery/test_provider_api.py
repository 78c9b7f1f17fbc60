"""Messages through provider APIs: a real HTTP server on loopback speaks the providers' shapes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from dynamail.delivery.outcomes import judge_outcome
from dynamail.delivery.provider_api import ApiHop, make_api_hop, open_api
from dynamail.delivery.provider_messages import ID_KEY
from dynamail.delivery.records import BOUNCED, DEFERRED, UNKNOWN
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind
from dynamail.protocols.smtp.replies import SmtpError
from dynamail.senders.credentials import seal_provider_settings
from dynamail.senders.providers import PROVIDERS, find_provider
from tests.delivery.stage import Stage, addresses, ids_of
from tests.support.provider_server import (
    MAILGUN,
    POSTMARK,
    SENDGRID,
    Act,
    Answer,
    ProviderServer,
    Silence,
    Stall,
)

MESSAGE_ID = UUID("0193590c-0000-7000-8000-00000000abcd")
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
RAW = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=a; b=AAAA\r\n"
    b"Message-ID: <0193590c00007000800000000000abcd@acme.example>\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    b"From: =?utf-8?q?=D0=90=D0=BD=D0=BD=D0=B0=2C_Acme?= <anna@acme.example>\r\n"
    b"To: =?utf-8?q?Zo=C3=AB?= <zoe@mail.example>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_Minsk?=\r\n"
    b"Reply-To: help@acme.example\r\n"
    b"List-Unsubscribe:\r\n <https://acme.example/u/AAAA>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"List-Id: =?utf-8?q?=D0=9D=D0=BE=D0=B2=D0=BE=D1=81=D1=82=D0=B8?= <topic-1.acme.example>\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n'
    b'--m\r\nContent-Type: multipart/related; boundary="r"\r\n\r\n'
    b'--r\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n'
    b"--a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Hello =E2=9C=93\r\n..two dots\r\n"
    b'--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello <img src=3D"cid:logo@acme"></p>\r\n--a--\r\n'
    b"--r\r\nContent-Type: image/png\r\nContent-ID: <logo@acme>\r\nContent-Disposition: inline; filename=logo.png\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(PNG) + b"\r\n--r--\r\n"
    b'--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="price list.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"%PDF-1.7") + b"\r\n--m--\r\n"
)
PLAIN = (
    b"Message-ID: <0193590c00007000800000000000abcd@acme.example>\r\nFrom: anna@acme.example\r\nTo: zoe@mail.example\r\n"
    b"Subject: hi\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
)
INACTIVE = (
    "You tried to send to a recipient that has been marked as inactive. Found inactive addresses: zoe@mail.example. Inactive "
    "recipients are ones that have generated a hard bounce."
)
INVALID = "Invalid 'To' address: 'p1@example.com'."
VALUES: dict[str, dict[str, str]] = {
    "postmark": {"server_token": "secret-token"},
    "mailgun": {"api_key": "secret-token", "sender_domain": "mg.acme.example"},
    "mailjet": {"api_key": "secret-token", "secret_key": "other-secret"},
    "mailtrap": {"api_token": "secret-token"},
    "scaleway": {"secret_key": "secret-token", "project_id": "00000000-0000-0000-0000-000000000000"},
}
Deliver = Callable[..., list[Outcome]]


def envelope(raw: bytes = PLAIN, to: str = "zoe@mail.example") -> Envelope:
    return Envelope("bounce@acme.example", to, raw, token=MESSAGE_ID)


def make_hop(name: str, **changes: Any) -> ApiHop:
    hop = make_api_hop(name, VALUES.get(name, {"api_key": "secret-token"}))
    return ApiHop(hop.provider, hop.values, **changes)


@pytest.fixture
def deliver(settings: Any) -> Deliver:
    """Send envelopes through a provider's API on loopback; returns each one's outcome, in order."""

    def run(
        server: ProviderServer,
        name: str = "postmark",
        envelopes: Sequence[Envelope] | None = None,
        **hop: Any,
    ) -> list[Outcome]:
        settings.PROVIDER_URLS = {name: server.url}
        return asyncio.run(_deliver(make_hop(name, **hop), list(envelopes or [envelope()])))

    return run


async def _deliver(hop: ApiHop, waiting: list[Envelope]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with await open_api(hop) as sender:
        await sender.deliver(
            lambda: waiting.pop(0) if waiting else None,
            on_final_dot=lambda _: None,
            on_outcome=lambda _, outcome: outcomes.append(outcome),
        )
    return outcomes


# ── what arrives ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_message_arrives_whole_at_postmark(deliver: Deliver) -> None:
    with ProviderServer(POSTMARK) as server:
        (outcome,) = deliver(server, envelopes=[envelope(RAW)])
    (request,) = server.requests
    sent = request.json
    assert request.headers["x-postmark-server-token"] == "secret-token"
    assert sent["From"].replace("\\", "") == '"Анна, Acme" <anna@acme.example>'
    assert (sent["To"], sent["Subject"]) == ("Zoë <zoe@mail.example>", "Grüße aus Minsk")
    assert sent["ReplyTo"] == "help@acme.example"
    assert sent["TextBody"].splitlines() == ["Hello ✓", "..two dots"]
    assert "cid:logo@acme" in sent["HtmlBody"]
    assert sent["Metadata"] == {ID_KEY: MESSAGE_ID.hex}
    assert (sent["TrackOpens"], sent["TrackLinks"]) == (False, "None")
    names = [one["Name"] for one in sent["Attachments"]]
    assert names == ["logo.png", "price list.pdf"]
    assert base64.b64decode(sent["Attachments"][0]["Content"]) == PNG
    assert sent["Attachments"][0]["ContentID"] == "cid:logo@acme"
    assert (outcome.kind, "pm-1" in outcome.text) == (OutcomeKind.DELIVERED, True)


def test_header_fields_travel_as_they_are_and_our_signature_stays_behind(deliver: Deliver) -> None:
    with ProviderServer(POSTMARK) as server:
        deliver(server, envelopes=[envelope(RAW)])
    fields = {one["Name"]: one["Value"] for one in server.requests[0].json["Headers"]}
    assert fields["List-Unsubscribe"] == "<https://acme.example/u/AAAA>"
    assert fields["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (
        fields["List-Id"] == "=?utf-8?q?=D0=9D=D0=BE=D0=B2=D0=BE=D1=81=D1=82=D0=B8?= <topic-1.acme.example>"
    )
    assert fields["Message-ID"] == f"<{MESSAGE_ID.hex}@acme.example>"
    assert fields["X-PM-KeepID"] == "true"
    assert not {"DKIM-Signature", "Date", "MIME-Version", "Content-Type"} & set(fields)


def test_a_message_arrives_whole_at_mailgun(deliver: Deliver) -> None:
    with ProviderServer(MAILGUN) as server:
        (outcome,) = deliver(server, "mailgun", [envelope(RAW)])
    (request,) = server.requests
    assert request.path == "/mg.acme.example/messages"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"api:secret-token"
    fields = {name: content.decode() for name, file, content in request.form if not file}
    files = {file: (name, content) for name, file, content in request.form if file}
    assert fields["subject"] == "Grüße aus Minsk"
    assert fields["to"] == "Zoë <zoe@mail.example>"
    assert fields["text"].splitlines() == ["Hello ✓", "..two dots"]
    assert fields["h:Message-Id"] == f"<{MESSAGE_ID.hex}@acme.example>"
    assert fields["h:List-Unsubscribe"] == "<https://acme.example/u/AAAA>"
    assert fields[f"v:{ID_KEY}"] == MESSAGE_ID.hex
    assert fields["o:tracking-clicks"] == "no"
    assert files["price list.pdf"] == ("attachment", b"%PDF-1.7")
    assert files["logo@acme"] == ("inline", PNG)
    assert "mg-1@mg.acme.example" in outcome.text


def test_a_message_arrives_whole_at_sendgrid(deliver: Deliver) -> None:
    with ProviderServer(SENDGRID) as server:
        (outcome,) = deliver(server, "sendgrid", [envelope(RAW)])
    (request,) = server.requests
    sent = request.json
    assert (request.path, request.headers["authorization"]) == ("/mail/send", "Bearer secret-token")
    assert sent["from"] == {"email": "anna@acme.example", "name": "Анна, Acme"}
    assert sent["personalizations"][0]["to"] == [{"email": "zoe@mail.example", "name": "Zoë"}]
    assert [one["type"] for one in sent["content"]] == ["text/plain", "text/html"]
    assert sent["custom_args"][ID_KEY] == MESSAGE_ID.hex
    assert sent["headers"]["Message-ID"] == f"<{MESSAGE_ID.hex}@acme.example>"
    assert sent["tracking_settings"]["click_tracking"] == {"enable": False}
    assert [one["filename"] for one in sent["attachments"]] == ["logo.png", "price list.pdf"]
    assert outcome.kind is OutcomeKind.DELIVERED


@pytest.mark.parametrize("name", [provider.name for provider in PROVIDERS])
def test_every_provider_gets_our_id_and_the_way_to_unsubscribe(deliver: Deliver, name: str) -> None:
    """What its API answers is not looked at here: a 400 tells it apart from a request that could not be written."""
    raw = RAW.replace(b"inline; filename=logo.png", b"attachment; filename=logo.png")
    with ProviderServer(Answer(400, {"message": "refused"})) as server:
        (outcome,) = deliver(server, name, [envelope(raw)])
    (request,) = server.requests
    assert MESSAGE_ID.hex.encode() in request.body
    assert b"https://acme.example/u/AAAA" in request.body
    assert b"dkim-signature" not in request.body.lower()
    assert "refused" in outcome.text
    provider = find_provider(name)
    assert provider is not None
    assert not any(field.encode() in request.body.lower() for field in provider.refused_headers)


def test_a_copy_is_named_by_its_own_id_whatever_message_id_it_shares(deliver: Deliver) -> None:
    copy = UUID("0193590c-0000-7000-8000-00000000beef")
    with ProviderServer(POSTMARK) as server:
        deliver(server, envelopes=[replace(envelope(), message_id=copy)])
    assert server.requests[0].json["Metadata"] == {ID_KEY: copy.hex}


def test_the_recipient_is_the_envelopes_whatever_the_header_says(deliver: Deliver) -> None:
    with ProviderServer(POSTMARK) as server:
        deliver(server, envelopes=[envelope(to="copy@mail.example")])
    assert server.requests[0].json["To"] == "copy@mail.example"


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("act", "state", "hard", "words"),
    [
        (
            Answer(429, {"message": "Too many requests"}, {"Retry-After": "7"}),
            DEFERRED,
            False,
            "again after 7",
        ),
        (Answer(500, {"message": "oops"}), DEFERRED, False, "HTTP 500"),
        (Answer(503, b"<html>maintenance</html>"), DEFERRED, False, "maintenance"),
        (Answer(504, b""), UNKNOWN, False, "HTTP 504"),
        (Answer(200, b"this is no JSON"), UNKNOWN, False, "HTTP 200"),
        (Answer(200, [[[[[]]]]]), UNKNOWN, False, "Postmark"),
        (
            Answer(200, {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "To": "<<>>"}),
            UNKNOWN,
            False,
            "understood",
        ),
        (
            Answer(422, {"ErrorCode": 406, "Message": INACTIVE}),
            BOUNCED,
            False,
            "inactive recipient",
        ),
        (Answer(413, {"message": "Payload too large"}), BOUNCED, False, "HTTP 413"),
        (
            Answer(422, {"ErrorCode": 300, "Message": "Invalid 'From' address: 'x'."}),
            BOUNCED,
            False,
            "Invalid 'From'",
        ),
        (
            Answer(422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'zoe@mail.example'."}),
            BOUNCED,
            True,
            "not a valid",
        ),
        (Answer(400, {"message": "no such user, unknown mailbox"}), BOUNCED, False, "no such user"),
        (Silence(), UNKNOWN, False, "Remote end closed"),
    ],
)
def test_what_a_provider_answers_becomes_an_outcome(
    deliver: Deliver, act: Act, state: str, hard: bool, words: str
) -> None:
    with ProviderServer(act) as server:
        (outcome,) = deliver(server)
    result = judge_outcome(outcome)
    assert (result.state, result.is_hard) == (state, hard), outcome
    assert words in result.reply


def test_no_answer_in_time_is_unknown_and_the_session_is_not_used_again(deliver: Deliver) -> None:
    with ProviderServer(Stall()) as server:
        outcomes = deliver(server, envelopes=[envelope(), envelope()], read_seconds=0.2)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.UNKNOWN]
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_refused_key_blames_the_way_and_keeps_every_message(deliver: Deliver, status: int) -> None:
    with ProviderServer(Answer(status, {"message": "bad secret-token"})) as server:
        outcomes = deliver(server, envelopes=[envelope(), envelope()])
    (outcome,) = outcomes
    assert (outcome.kind, outcome.retry_elsewhere) == (OutcomeKind.DEFERRED, True)
    assert f"HTTP {status}" in outcome.detail
    assert "secret-token" not in outcome.detail


def test_redirects_are_not_followed(deliver: Deliver) -> None:
    with (
        ProviderServer(POSTMARK) as elsewhere,
        ProviderServer(Answer(307, None, {"Location": elsewhere.url})) as server,
    ):
        (outcome,) = deliver(server)
    assert (outcome.kind, outcome.retry_elsewhere) == (OutcomeKind.DEFERRED, True)
    assert elsewhere.requests == []


def test_a_huge_hostile_answer_is_bounded_and_shown_as_harmless_text(deliver: Deliver) -> None:
    hostile = "<script>alert(1)</script>\x00\u202e" + "x" * 5_000_000
    with ProviderServer(Answer(400, {"message": hostile})) as server:
        (outcome,) = deliver(server)
    assert len(outcome.text) < 600
    assert not {"\x00", "\u202e"} & set(outcome.text)


def test_nobody_at_the_address_means_that_nothing_was_sent(deliver: Deliver) -> None:
    with ProviderServer() as server:
        pass
    (outcome,) = deliver(server)
    assert (outcome.kind, outcome.retry_elsewhere) == (OutcomeKind.DEFERRED, True)
    assert "was not reached" in outcome.detail


def test_many_messages_share_one_session(deliver: Deliver) -> None:
    with ProviderServer([Answer(429, {"message": "slow"}), POSTMARK]) as server:
        outcomes = deliver(server, envelopes=[envelope() for _ in range(4)])
    kinds = [outcome.kind for outcome in outcomes]
    assert kinds == [OutcomeKind.DEFERRED] + [OutcomeKind.DELIVERED] * 3


def test_what_a_provider_cannot_carry_is_refused_before_anything_is_sent(deliver: Deliver) -> None:
    with ProviderServer() as server:
        (outcome,) = deliver(server, "brevo", [envelope(RAW)])  # Brevo takes no inline images
    assert server.requests == []
    result = judge_outcome(outcome)
    assert (result.state, result.bounce_class, result.is_hard) == (BOUNCED, "content", False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff",
        b"Subject: x\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nx",
        b"From: <>\r\nTo: @\r\n\r\nx",
    ],
)
def test_odd_bytes_get_an_outcome_and_never_break_the_worker(deliver: Deliver, raw: bytes) -> None:
    with ProviderServer() as server:
        assert len(deliver(server, envelopes=[envelope(raw)])) == 1


# ── the contract of deliver ──────────────────────────────────────────────────────────────────────────────────────────
def test_the_final_dot_is_noted_before_the_request_is_written_and_may_stop_it(settings: Any) -> None:
    class GateClosed(Exception):
        pass

    def close_gate(_: Envelope) -> None:
        assert server.requests == []
        raise GateClosed

    outcomes: list[Outcome] = []

    async def run() -> None:
        waiting = [envelope()]
        async with await open_api(make_hop("postmark")) as sender:
            with pytest.raises(GateClosed):
                await sender.deliver(
                    lambda: waiting.pop() if waiting else None,
                    on_final_dot=close_gate,
                    on_outcome=lambda _, outcome: outcomes.append(outcome),
                )
            assert not sender.is_usable

    with ProviderServer() as server:
        settings.PROVIDER_URLS = {"postmark": server.url}
        asyncio.run(run())
    assert [(outcome.kind, outcome.retry_elsewhere) for outcome in outcomes] == [(OutcomeKind.DEFERRED, True)]
    assert server.requests == []


def test_a_canceled_task_leaves_no_message_without_an_outcome(settings: Any) -> None:
    outcomes: list[Outcome] = []

    async def run() -> None:
        dotted = asyncio.Event()
        waiting = [envelope()]
        async with await open_api(make_hop("postmark")) as sender:
            task = asyncio.create_task(
                sender.deliver(
                    lambda: waiting.pop() if waiting else None,
                    on_final_dot=lambda _: dotted.set(),
                    on_outcome=lambda _, outcome: outcomes.append(outcome),
                )
            )
            await dotted.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    with ProviderServer(Stall()) as server:
        settings.PROVIDER_URLS = {"postmark": server.url}
        asyncio.run(run())
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.UNKNOWN]


@pytest.mark.parametrize(
    ("name", "values"),
    [("nobody", {}), ("postmark", {}), ("mailgun", {"api_key": "k"}), ("mailjet", {"api_key": "k"})],
)
def test_without_its_settings_an_api_is_not_opened(name: str, values: Mapping[str, str]) -> None:
    with pytest.raises(SmtpError) as refused:
        asyncio.run(open_api(make_api_hop(name, values)))
    assert refused.value.permanent


def test_an_account_cannot_choose_whom_this_server_calls() -> None:
    """No provider has a field for an address; its regions are ours."""
    for provider in PROVIDERS:
        assert not any("url" in field.name or "host" in field.name for field in provider.fields)
        assert all(region.url.startswith("https://") for region in provider.regions)


# ── in the worker ────────────────────────────────────────────────────────────────────────────────────────────────────
def use_api(stage: Stage, account_id: int, name: str = "postmark") -> None:
    """Make the account's transport a provider's API, as saving its form does."""
    transport_id = stage.value("SELECT id FROM transport WHERE account_id = %s", account_id)
    sealed = seal_provider_settings(account_id, transport_id, VALUES[name])
    stage.change(
        "UPDATE transport SET kind = 'api', host = '', provider = %s, provider_settings_sealed = %s WHERE id = %s",
        name,
        sealed,
        transport_id,
    )


def test_a_campaign_goes_through_a_provider_and_every_answer_is_recorded(stage: Stage, settings: Any) -> None:
    acts: list[Act] = [
        Answer(429, {"message": "slow down"}),
        Answer(422, {"ErrorCode": 300, "Message": INVALID}),
    ]
    with ProviderServer([*acts, POSTMARK]) as server:
        settings.PROVIDER_URLS = {"postmark": server.url}
        account_id = stage.account(1, connections=1)
        use_api(stage, account_id)
        campaign = stage.campaign(account_id, addresses(6))
        worker = stage.start()
        stage.wait_until(lambda: stage.delivered(campaign) == 4)
        worker.stop()
    counted = stage.count(campaign)
    assert (counted.delivered, counted.bounced, counted.deferred) == (4, 1, 1)
    ids = {request.json["Metadata"][ID_KEY] for request in server.requests}
    assert ids == {message_id.hex for message_id in ids_of(campaign)}
    replies = dict(
        stage.rows(
            "SELECT state, min(reply) FROM message WHERE source_id = %s GROUP BY state", campaign.source_id
        )
    )
    assert "Postmark took it" in replies["delivered"]


def test_a_refused_key_closes_the_way_and_bounces_nobody(stage: Stage, settings: Any) -> None:
    with ProviderServer(Answer(401, {"Message": "bad token"})) as server:
        settings.PROVIDER_URLS = {"postmark": server.url}
        account_id = stage.account(1)
        use_api(stage, account_id)
        campaign = stage.campaign(account_id, addresses(5))
        worker = stage.start()
        stage.wait_until(lambda: any("bad token" in way.problem for way in worker.worker.ways))
        worker.stop()
    counted = stage.count(campaign)
    assert (counted.bounced, counted.delivered) == (0, 0)
