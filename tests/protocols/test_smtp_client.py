"""The client against a server that misbehaves at every stage."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

import pytest
import uvloop

from dynamail.protocols.smtp.client import SmtpConnection, open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.next_hop import AuthMechanism, Credentials, NextHop, Timeouts, TlsMode
from dynamail.protocols.smtp.replies import SmtpError
from tests.support.fake_mx import (
    ALL_EXTENSIONS,
    Act,
    AfterInput,
    Close,
    Correct,
    FakeMx,
    Raw,
    Reply,
    Stall,
    flood,
    garbage,
)

DELIVERED, DEFERRED, BOUNCED, UNKNOWN = OutcomeKind
BODY = b"Subject: x\r\n\r\nHello\r\n"
CHUNKING = (*ALL_EXTENSIONS, "CHUNKING")
SLOW_AND_PLAIN = tuple(name for name in ALL_EXTENSIONS if name != "PIPELINING")
MODES = {
    "pipelined": ALL_EXTENSIONS,
    "one by one": SLOW_AND_PLAIN,
    "bdat": CHUNKING,
    "bdat one by one": (*SLOW_AND_PLAIN, "CHUNKING"),
}
SHORT = Timeouts(
    connect=5, greeting=0.2, ehlo=0.2, mail=0.2, rcpt=0.2, data=0.2, block=0.2, dot=0.2, quit=0.2
)


def hop_to(mx: FakeMx, **changes: object) -> NextHop:
    return replace(NextHop(mx.host, mx.port), **changes)  # type: ignore[arg-type]


def letters(*recipients: str) -> list[Envelope]:
    return [
        Envelope(f"b+{number}@bounce.example.com", recipient, BODY, token=number)
        for number, recipient in enumerate(recipients)
    ]


class Diary:
    """What a caller is told, in order."""

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self.waiting = list(envelopes)
        self.events: list[tuple[str, object]] = []
        self.outcomes: dict[object, Outcome] = {}

    def next_envelope(self) -> Envelope | None:
        return self.waiting.pop(0) if self.waiting else None

    def on_final_dot(self, envelope: Envelope) -> None:
        self.events.append(("dot", envelope.token))

    def on_outcome(self, envelope: Envelope, outcome: Outcome) -> None:
        assert envelope.token not in self.outcomes, "two outcomes for one envelope"
        self.events.append((outcome.kind.value, envelope.token))
        self.outcomes[envelope.token] = outcome

    @property
    def kinds(self) -> list[OutcomeKind]:
        return [self.outcomes[token].kind for token in sorted(self.outcomes, key=str)]

    async def deliver_over(self, connection: SmtpConnection) -> None:
        await connection.deliver(
            self.next_envelope, on_final_dot=self.on_final_dot, on_outcome=self.on_outcome
        )


async def deliver(mx: FakeMx, *recipients: str, **changes: object) -> Diary:
    diary = Diary(letters(*recipients))
    connection = await open_connection(hop_to(mx, **changes))
    await diary.deliver_over(connection)
    await connection.quit()
    return diary


@pytest.fixture(params=MODES)
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return MODES[request.param]


async def test_messages_arrive_with_their_envelopes(extensions: tuple[str, ...]) -> None:
    with FakeMx(extensions=extensions) as mx:
        diary = await deliver(mx, *(f"user{number}@example.com" for number in range(20)))
    assert diary.kinds == [DELIVERED] * 20
    assert [(m.sender, m.recipient, m.body) for m in mx.accepted] == [
        (f"b+{number}@bounce.example.com", f"user{number}@example.com", BODY) for number in range(20)
    ]
    assert [token for kind, token in diary.events if kind == "dot"] == list(range(20))
    assert mx.connections == 1
    assert mx.commands[-1] == "QUIT"


def test_messages_arrive_under_uvloop() -> None:
    with FakeMx(extensions=ALL_EXTENSIONS) as mx:
        diary = uvloop.run(deliver(mx, "a@example.com", "bounce-550-5.1.1@example.com", "b@example.com"))
    assert diary.kinds == [DELIVERED, BOUNCED, DELIVERED]


async def test_the_next_envelope_travels_with_the_body() -> None:
    with FakeMx(script={"dot": [AfterInput(), Correct()]}) as mx:
        diary = await deliver(mx, "a@example.com", "b@example.com")
    assert diary.kinds == [DELIVERED, DELIVERED]


async def test_after_bdat_the_next_envelope_begins_with_rset() -> None:
    with FakeMx(extensions=CHUNKING, script={"dot": [AfterInput(), Correct()]}) as mx:
        diary = await deliver(mx, "a@example.com", "b@example.com")
    assert diary.kinds == [DELIVERED, DELIVERED]
    assert all(message.by_bdat for message in mx.accepted)
    verbs = [command.split()[0] for command in mx.commands]
    assert verbs == ["EHLO", "MAIL", "RCPT", "BDAT", "RSET", "MAIL", "RCPT", "BDAT", "QUIT"]


async def test_without_pipelining_every_command_waits_for_its_reply() -> None:
    with FakeMx(extensions=SLOW_AND_PLAIN, script={"mail": AfterInput()}) as mx:
        diary = await deliver(mx, "a@example.com", timeouts=SHORT)
    assert diary.kinds == [DEFERRED]
    assert [command.split()[0] for command in mx.commands] == ["EHLO", "MAIL"]


REFUSALS = {
    "bounce-550-5.1.1@example.com": (BOUNCED, Stage.RCPT, "5.1.1"),
    "defer-451-4.7.1@example.com": (DEFERRED, Stage.RCPT, "4.7.1"),
    "dot-554-5.7.1@example.com": (BOUNCED, Stage.DOT, "5.7.1"),
    "dot-452-4.3.1@example.com": (DEFERRED, Stage.DOT, "4.3.1"),
}


async def test_a_refused_recipient_does_not_disturb_the_others(extensions: tuple[str, ...]) -> None:
    recipients = [one for refused in REFUSALS for one in (refused, "good@example.com")]
    with FakeMx(extensions=extensions) as mx:
        diary = await deliver(mx, *recipients)
    for number, recipient in enumerate(recipients):
        outcome = diary.outcomes[number]
        if recipient in REFUSALS:
            assert outcome.reply is not None
            assert (outcome.kind, outcome.stage, outcome.reply.enhanced) == REFUSALS[recipient]
            assert not outcome.retry_elsewhere
        else:
            assert outcome.kind is DELIVERED
    good = [(m.sender, m.recipient) for m in mx.accepted]
    assert good == [(f"b+{n}@bounce.example.com", "good@example.com") for n in (1, 3, 5, 7)]


MODES_AND_STAGES = [
    (mode, stage)
    for mode in MODES
    for stage in ("mail", "rcpt", "data", "dot")
    if not (stage == "data" and mode.startswith("bdat"))
]


@pytest.mark.parametrize(("mode", "stage"), MODES_AND_STAGES)
@pytest.mark.parametrize(("text", "kind"), [("451 4.3.0 later", DEFERRED), ("554 5.7.1 never", BOUNCED)])
async def test_a_refusal_at_every_stage_is_reported_and_the_next_message_goes_on(
    mode: str, stage: str, text: str, kind: OutcomeKind
) -> None:
    with FakeMx(extensions=MODES[mode], script={stage: [Reply(text), Correct()]}) as mx:
        diary = await deliver(mx, "a@example.com", "b@example.com")
    assert (diary.outcomes[0].kind, diary.outcomes[0].stage) == (kind, Stage(stage))
    assert str(diary.outcomes[0].reply) == text
    assert diary.kinds[1] is DELIVERED
    assert [(m.sender, m.recipient) for m in mx.accepted] == [("b+1@bounce.example.com", "b@example.com")]


@pytest.mark.parametrize(("mode", "stage"), MODES_AND_STAGES)
@pytest.mark.parametrize(
    "act",
    [Close(), garbage(), flood(300_000), Stall(), Close("421 4.3.2 shutting down")],
    ids=lambda act: type(act).__name__,
)
async def test_a_server_that_breaks_off_leaves_no_message_without_outcome(
    mode: str, stage: str, act: Act
) -> None:
    with FakeMx(extensions=MODES[mode], script={stage: act}) as mx:
        diary = await deliver(mx, "a@example.com", "b@example.com", timeouts=SHORT)
    first = diary.outcomes[0]
    said_no = isinstance(act, Close) and act.last_words
    assert first.kind is (UNKNOWN if stage == "dot" and not said_no else DEFERRED)
    assert first.retry_elsewhere is (first.kind is DEFERRED)
    assert first.text
    if said_no:
        assert first.reply is not None
        assert first.reply.code == 421
    assert set(diary.kinds[1:]) <= {DEFERRED}
    assert len(diary.outcomes) + len(diary.waiting) == 2
    assert mx.accepted == []


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [
        ("drop-in-data@example.com", UNKNOWN),  # The body was written; how much of it arrived, nobody knows.
        ("drop-after-dot@example.com", UNKNOWN),
        ("stall-after-dot@example.com", UNKNOWN),
        ("stall@example.com", DEFERRED),
    ],
)
async def test_after_the_final_dot_silence_is_unknown_and_before_it_is_deferred(
    extensions: tuple[str, ...], recipient: str, kind: OutcomeKind
) -> None:
    with FakeMx(extensions=extensions) as mx:
        diary = await deliver(mx, "good@example.com", recipient, "later@example.com", timeouts=SHORT)
    assert diary.kinds[:2] == [DELIVERED, kind]
    assert set(diary.kinds[2:]) <= {DEFERRED}
    assert ("dot", 1) in diary.events or kind is DEFERRED
    assert ("dot", 2) not in diary.events


@pytest.mark.parametrize("starttls", [False, True])
async def test_a_body_that_nobody_reads_is_deferred_because_its_dot_never_left(starttls: bool) -> None:
    with FakeMx(extensions=("PIPELINING",), starttls=starttls) as mx:
        body = (b"x" * 78 + b"\r\n") * 200_000
        diary = Diary(
            [Envelope("a@example.com", "stop-reading@example.com", body), *letters("b@example.com")]
        )
        connection = await open_connection(hop_to(mx, timeouts=replace(SHORT, dot=60)))
        await diary.deliver_over(connection)
    assert diary.kinds == [DEFERRED, DEFERRED]
    assert diary.outcomes[None].detail == "The server stopped reading the message."
    assert mx.messages == []


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, CHUNKING], ids=["DATA", "BDAT"])
def test_a_body_that_is_cut_off_is_deferred_while_its_end_is_still_with_us(
    extensions: tuple[str, ...], runner: Callable[[Coroutine[object, object, None]], None]
) -> None:
    async def send() -> None:
        body = (b"x" * 78 + b"\r\n") * 100_000
        diary = Diary(
            [Envelope("a@example.com", "drop-in-data@example.com", body), *letters("b@example.com")]
        )
        connection = await open_connection(hop_to(mx))
        await diary.deliver_over(connection)
        assert [diary.outcomes[None].kind, diary.outcomes[0].kind] == [DEFERRED, DEFERRED]
        assert diary.outcomes[None].retry_elsewhere

    with FakeMx(extensions=extensions) as mx:
        runner(send())
    assert mx.messages == []


async def test_data_accepted_without_a_recipient_gets_a_single_dot() -> None:
    with FakeMx(script={"data": Reply("354 go"), "dot": Reply("250 ok, whatever")}) as mx:
        diary = await deliver(mx, "bounce-550-5.1.1@example.com", "good@example.com")
    assert diary.kinds == [BOUNCED, DELIVERED]
    assert [m.recipient for m in mx.messages] == ["good@example.com"]
    assert ("dot", 0) not in diary.events


async def test_a_server_that_forgets_pipelined_commands_only_costs_time() -> None:
    class Forgetful(FakeMx):
        async def _take_mail(self, session, line):  # type: ignore[no-untyped-def]
            await super()._take_mail(session, line)
            session.buffer.clear()

    with Forgetful() as mx:
        diary = await deliver(mx, "a@example.com", timeouts=SHORT)
        assert (diary.outcomes[0].kind, diary.outcomes[0].stage) == (DEFERRED, Stage.RCPT)
        diary = await deliver(mx, "a@example.com", timeouts=SHORT, pipelining=False)
        assert diary.kinds == [DELIVERED]


@pytest.mark.parametrize("stage", ["connect", "ehlo"])
@pytest.mark.parametrize(
    "act", [Close(), garbage(), flood(300_000), Stall(), Reply("421 busy"), Reply("554 5.7.1 go away")]
)
async def test_a_server_that_does_not_greet_raises(stage: str, act: Act) -> None:
    with FakeMx(script={stage: act}) as mx, pytest.raises(SmtpError) as caught:
        await open_connection(hop_to(mx, timeouts=SHORT))
    assert caught.value.command == {"connect": "connect", "ehlo": "EHLO"}[stage]
    assert caught.value.permanent is (isinstance(act, Reply) and act.text.startswith("5"))


async def test_nobody_listens() -> None:
    with FakeMx() as mx:
        hop = hop_to(mx)
    with pytest.raises(SmtpError) as caught:
        await open_connection(hop)
    assert (caught.value.command, caught.value.code, caught.value.permanent) == ("connect", 0, False)


async def test_an_old_server_is_greeted_with_helo() -> None:
    with FakeMx(script={"ehlo": Reply("502 5.5.1 what?")}) as mx:
        diary = await deliver(mx, "a@example.com", "b@example.com")
    assert diary.kinds == [DELIVERED, DELIVERED]
    assert mx.commands[:2] == ["EHLO localhost", "HELO localhost"]


# --- TLS and sign-in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [TlsMode.OPPORTUNISTIC, TlsMode.STARTTLS])
async def test_starttls_encrypts_what_follows(tls: TlsMode, extensions: tuple[str, ...]) -> None:
    with FakeMx(extensions=extensions, starttls=True) as mx:
        diary = await deliver(mx, "a@example.com", "b@example.com", tls=tls)
    assert diary.kinds == [DELIVERED, DELIVERED]
    assert all(message.is_encrypted for message in mx.accepted)
    assert [command.split()[0] for command in mx.commands[:3]] == ["EHLO", "STARTTLS", "EHLO"]


def test_starttls_works_under_uvloop() -> None:
    with FakeMx(starttls=True) as mx:
        diary = uvloop.run(deliver(mx, "a@example.com", "b@example.com", tls=TlsMode.STARTTLS))
    assert diary.kinds == [DELIVERED, DELIVERED]
    assert all(message.is_encrypted for message in mx.accepted)


async def test_implicit_tls_verifies_the_certificate_when_asked() -> None:
    with FakeMx(implicit_tls=True) as mx:
        trusted = mx.certificate_authority
        diary = await deliver(mx, "a@example.com", tls=TlsMode.IMPLICIT, verify_tls=True, tls_context=trusted)
        assert diary.kinds == [DELIVERED]
        for changes in ({}, {"tls_context": trusted, "tls_name": "other.example"}):
            with pytest.raises(SmtpError) as caught:
                await open_connection(hop_to(mx, tls=TlsMode.IMPLICIT, verify_tls=True, **changes))
            assert "certificate" in caught.value.text.lower()


async def test_starttls_verifies_the_certificate_when_asked() -> None:
    with FakeMx(starttls=True) as mx:
        with pytest.raises(SmtpError) as caught:
            await open_connection(hop_to(mx, tls=TlsMode.STARTTLS, verify_tls=True))
        assert caught.value.command == "STARTTLS"
        context = mx.certificate_authority
        connection = await open_connection(hop_to(mx, tls=TlsMode.STARTTLS, tls_context=context))
        assert connection.is_encrypted
        await connection.quit()


async def test_a_stripped_starttls_is_noticed_when_demanded() -> None:
    with FakeMx() as mx, pytest.raises(SmtpError) as caught:
        await open_connection(hop_to(mx, tls=TlsMode.STARTTLS))
    assert caught.value.permanent
    assert mx.commands == ["EHLO localhost"]


async def test_replies_injected_before_tls_are_forgotten() -> None:
    injected = Raw(b"220 go\r\n250-evil.example\r\n250 AUTH PLAIN\r\n")
    with FakeMx(starttls=True, script={"starttls": injected}) as mx:
        connection = await open_connection(hop_to(mx, tls=TlsMode.STARTTLS))
        assert connection.is_encrypted
        assert not connection.offered.auth
        outcome = await connection.send(letters("a@example.com")[0])
        await connection.quit()
    assert outcome.kind is DELIVERED


@pytest.mark.parametrize("mechanism", list(AuthMechanism))
async def test_every_way_to_sign_in(mechanism: AuthMechanism) -> None:
    with FakeMx(starttls=True, users={"ann": "пароль"}) as mx:
        good = Credentials("ann", "пароль", mechanism)
        diary = await deliver(mx, "a@example.com", credentials=good)
        assert diary.kinds == [DELIVERED]
        with pytest.raises(SmtpError) as caught:
            await open_connection(hop_to(mx, credentials=Credentials("ann", "wrong", mechanism)))
    assert (caught.value.command, caught.value.code, caught.value.permanent) == ("AUTH", 535, True)
    assert "пароль" not in repr(good)


async def test_a_password_is_never_sent_in_the_clear_unasked() -> None:
    credentials = Credentials("ann", "secret")
    with FakeMx(users={"ann": "secret"}) as mx:
        with pytest.raises(SmtpError, match="not encrypted"):
            await open_connection(hop_to(mx, credentials=credentials))
        assert mx.commands == ["EHLO localhost"]
        diary = await deliver(mx, "a@example.com", credentials=credentials, allow_plaintext_auth=True)
    assert diary.kinds == [DELIVERED]


async def test_signing_in_where_nobody_asks_says_so() -> None:
    with FakeMx(starttls=True) as mx, pytest.raises(SmtpError, match="does not offer"):
        await open_connection(hop_to(mx, credentials=Credentials("ann", "secret")))


# --- bodies and addresses --------------------------------------------------------------------------------------------

SMUGGLED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n"
LINE_ENDS = (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r")
SEQUENCES = [before + b"." + after for before in LINE_ENDS for after in LINE_ENDS] + [b"\r\n..\r\n"]


@pytest.mark.parametrize("mode", ["pipelined", "bdat"])
async def test_a_smuggled_message_arrives_as_text_of_the_first(mode: str) -> None:
    bodies = [b"Subject: x\r\n\r\nhello" + sequence + SMUGGLED for sequence in SEQUENCES]
    bodies += [b"." + SMUGGLED, b".\r\n" + SMUGGLED, b"\r\n.\r\n" + SMUGGLED]
    diary = Diary(
        [Envelope("a@example.com", "b@example.com", body, token=n) for n, body in enumerate(bodies)]
    )
    with FakeMx(extensions=MODES[mode]) as mx:
        connection = await open_connection(hop_to(mx))
        await diary.deliver_over(connection)
        await connection.quit()
    assert set(diary.kinds) == {DELIVERED}
    assert len(mx.messages) == len(bodies)
    for body, message in zip(bodies, mx.messages, strict=True):
        assert message.recipient == "b@example.com"
        assert message.body == re.sub(rb"\r\n|\r|\n", b"\r\n", body)


async def test_a_body_in_pieces_arrives_whole(extensions: tuple[str, ...]) -> None:
    pieces = [b"Subject: x\r\n", b"\r\n", b"one\r\n", b"", b"two\r\n"]
    envelopes = [
        Envelope("a@example.com", "b@example.com", pieces, token=number, wire_safe=number == 0)
        for number in range(2)
    ]
    with FakeMx(extensions=extensions) as mx:
        diary = Diary(envelopes)
        connection = await open_connection(hop_to(mx))
        await diary.deliver_over(connection)
        await connection.quit()
    assert [message.body for message in mx.accepted] == [b"".join(pieces)] * 2


async def test_an_international_address_travels_only_by_smtputf8() -> None:
    with FakeMx() as mx:
        diary = await deliver(mx, "jörg@example.com")
        assert diary.kinds == [DELIVERED]
        assert mx.accepted[0].recipient == "jörg@example.com"
        assert "SMTPUTF8" in mx.accepted[0].parameters
    with FakeMx(extensions=("PIPELINING",)) as mx:
        diary = await deliver(mx, "jörg@example.com", "good@example.com")
    assert diary.kinds == [BOUNCED, DELIVERED]
    assert diary.outcomes[0].text.startswith("550 5.6.7")
    assert not any("rg@" in command for command in mx.commands)


# --- what the caller does --------------------------------------------------------------------------------------------


async def test_the_journal_hears_of_the_dot_before_it_is_written() -> None:
    with FakeMx() as mx:
        diary = Diary(letters("a@example.com", "b@example.com"))
        arrived_at_dot: list[int] = []
        note = diary.on_final_dot

        def on_final_dot(envelope: Envelope) -> None:
            arrived_at_dot.append(len(mx.messages))
            note(envelope)

        diary.on_final_dot = on_final_dot  # type: ignore[method-assign]
        connection = await open_connection(hop_to(mx))
        await diary.deliver_over(connection)
        await connection.quit()
    assert arrived_at_dot == [0, 1]
    assert diary.events == [("dot", 0), ("delivered", 0), ("dot", 1), ("delivered", 1)]


async def test_when_the_journal_fails_nothing_of_the_body_is_written(extensions: tuple[str, ...]) -> None:
    def full_disk(envelope: Envelope) -> None:
        raise OSError("disk full")

    with FakeMx(extensions=extensions) as mx:
        diary = Diary(letters("a@example.com", "b@example.com"))
        diary.on_final_dot = full_disk  # type: ignore[method-assign]
        connection = await open_connection(hop_to(mx))
        with pytest.raises(OSError, match="disk full"):
            await diary.deliver_over(connection)
    assert set(diary.kinds) == {DEFERRED}
    assert len(diary.outcomes) + len(diary.waiting) == 2
    assert not connection.is_usable
    assert mx.messages == []


async def test_an_error_while_recording_leaves_no_other_message_without_outcome() -> None:
    with FakeMx() as mx:
        diary = Diary(letters("a@example.com", "b@example.com", "c@example.com"))
        record = diary.on_outcome

        def on_outcome(envelope: Envelope, outcome: Outcome) -> None:
            record(envelope, outcome)
            if envelope.token == 0:
                raise RuntimeError("no database")

        diary.on_outcome = on_outcome  # type: ignore[method-assign]
        connection = await open_connection(hop_to(mx))
        with pytest.raises(RuntimeError, match="no database"):
            await diary.deliver_over(connection)
    assert diary.kinds == [DELIVERED, DEFERRED]
    assert len(diary.waiting) == 1


async def test_a_canceled_delivery_says_what_it_knows() -> None:
    with FakeMx() as mx:
        diary = Diary(letters("stall-after-dot@example.com", "b@example.com"))
        connection = await open_connection(hop_to(mx))
        dotted = asyncio.Event()
        diary.on_final_dot = lambda envelope: dotted.set()  # type: ignore[method-assign]
        task = asyncio.create_task(diary.deliver_over(connection))
        await dotted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert diary.kinds == [UNKNOWN, DEFERRED]
    assert not connection.is_usable


async def test_a_connection_serves_again_after_a_pause_and_after_a_refusal(
    extensions: tuple[str, ...],
) -> None:
    with FakeMx(extensions=extensions) as mx:
        connection = await open_connection(hop_to(mx))
        recipients = ("a@example.com", "bounce-550-5.1.1@example.com", "b@example.com")
        outcomes = [await connection.send(letter) for letter in letters(*recipients)]
        await connection.reset()
        outcomes.append(await connection.send(letters("c@example.com")[0]))
        await connection.quit()
    assert [outcome.kind for outcome in outcomes] == [DELIVERED, BOUNCED, DELIVERED, DELIVERED]
    assert mx.connections == 1


async def test_a_connection_that_died_while_idle_pulls_nothing() -> None:
    with FakeMx(script={"rset": Close("421 4.4.2 idle too long")}) as mx:
        connection = await open_connection(hop_to(mx))
        with pytest.raises(SmtpError):
            await connection.reset()
        await connection._stream.closed.wait()
        assert not connection.is_usable
        diary = Diary(letters("a@example.com"))
        await diary.deliver_over(connection)
        assert len(diary.waiting) == 1
        outcome = await connection.send(letters("a@example.com")[0])
        await connection.quit()
    assert (outcome.kind, outcome.stage, outcome.retry_elsewhere) == (DEFERRED, Stage.CONNECT, True)


async def test_two_deliveries_at_once_over_one_connection_are_refused() -> None:
    with FakeMx() as mx:
        connection = await open_connection(hop_to(mx))
        slow = asyncio.create_task(connection.send(letters("slow@example.com")[0]))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already delivering"):
            await connection.send(letters("b@example.com")[0])
        assert (await slow).kind is DELIVERED
        await connection.quit()


async def test_many_connections_lose_nothing() -> None:
    with FakeMx() as mx:
        names = ("good", "bounce-550-5.1.1", "defer-451", "drop-in-data", "drop-after-dot", "good")
        diary = Diary(letters(*(f"{names[n % 6]}@example.com" for n in range(120))))

        async def work() -> None:
            while diary.waiting:
                connection = await open_connection(hop_to(mx))
                await diary.deliver_over(connection)
                await connection.quit()

        await asyncio.gather(*(work() for _ in range(4)))
    assert len(diary.outcomes) == 120
    delivered = {token for token, outcome in diary.outcomes.items() if outcome.kind is DELIVERED}
    assert {f"b+{token}@bounce.example.com" for token in delivered} == {m.sender for m in mx.accepted}
    unknown = [token for token, outcome in diary.outcomes.items() if outcome.kind is UNKNOWN]
    assert {names[token % 6] for token in unknown} <= {"drop-in-data", "drop-after-dot"}  # type: ignore[operator]
