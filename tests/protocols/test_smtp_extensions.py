"""Servers that offer an extension and then break it: nothing is lost or doubled, and the next connection knows better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.lessons import LESSONS, SUSPECTED_FOR, Lesson, Lessons
from dynamail.protocols.smtp.next_hop import (
    Credentials,
    Limits,
    NextHop,
    Timeouts,
    TlsMode,
    parse_capabilities,
)
from dynamail.protocols.smtp.replies import SmtpError
from tests.support.fake_mx import ALL_EXTENSIONS, Close, Correct, FakeMx, Raw, Reply, _Session

DELIVERED, DEFERRED, BOUNCED, UNKNOWN = OutcomeKind
BODY = b"Subject: x\r\n\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nboo\r\n"
IMPATIENT = Timeouts(rcpt=1)
MOST_CONNECTIONS = 60


def hop_to(mx: FakeMx, **changes: object) -> NextHop:
    return replace(NextHop(mx.host, mx.port), **changes)  # type: ignore[arg-type]


def knows(mx: FakeMx, lesson: Lesson) -> bool:
    return LESSONS.open_book(mx.host, mx.port).holds(lesson)


class Campaign:
    """Sends everything, over as many connections as it takes, as a worker does: what only a connection is to blame for is
    sent again."""

    def __init__(self, mx: FakeMx, recipients: Sequence[str], body: bytes = BODY, **changes: object) -> None:
        self.hop = hop_to(mx, **changes)
        self.waiting = [Envelope("a@sender.example", one, body, token=n) for n, one in enumerate(recipients)]
        self.ended: dict[object, Outcome] = {}
        self.tries: Counter[object] = Counter()
        self.connections = 0

    async def run(self) -> Campaign:
        while self.waiting:
            self.connections += 1
            assert self.connections < MOST_CONNECTIONS, "no end"
            connection = await open_connection(self.hop)
            await connection.deliver(
                lambda: self.waiting.pop(0) if self.waiting else None,
                on_final_dot=lambda _: None,
                on_outcome=self.take_outcome,
            )
            await connection.quit()
        return self

    def take_outcome(self, envelope: Envelope, outcome: Outcome) -> None:
        assert envelope.token not in self.ended
        self.tries[envelope.token] += 1
        if outcome.retry_elsewhere:
            assert outcome.kind is DEFERRED
            self.waiting.append(envelope)
        else:
            self.ended[envelope.token] = outcome

    @property
    def kinds(self) -> list[OutcomeKind]:
        return [self.ended[token].kind for token in sorted(self.ended, key=str)]


PEOPLE = [f"user{n}@example.com" for n in range(5)]


def arrived(mx: FakeMx) -> list[str]:
    return sorted(message.recipient for message in mx.messages)


# --- PIPELINING ------------------------------------------------------------------------------------------------------


class Dropping(FakeMx):
    """Reads one command and throws away what came with it."""

    async def _take_mail(self, session: _Session, line: str) -> None:
        await super()._take_mail(session, line)
        session.buffer.clear()


async def test_a_server_that_drops_pipelined_commands_is_spoken_to_one_by_one_in_the_end() -> None:
    with Dropping() as mx:
        campaign = await Campaign(mx, PEOPLE, timeouts=IMPATIENT).run()
        assert campaign.kinds == [DELIVERED] * 5
        assert arrived(mx) == PEOPLE
        assert campaign.connections == 3  # one that made suspicious, one that proved it, one that works
        assert knows(mx, Lesson.NO_PIPELINING)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("extra", ["250 2.0.0 queued already", "354 and go", "550 no"])
async def test_answers_out_of_step_deliver_nothing(stage: str, extra: str) -> None:
    answer = Raw(f"{354 if stage == 'data' else 250} ok\r\n{extra}\r\n".encode())
    with FakeMx(script={stage: answer}) as mx:
        connection = await open_connection(hop_to(mx))
        outcome = await connection.send(Envelope("a@sender.example", PEOPLE[0], BODY))
        await connection.quit()
        assert outcome.kind is not DELIVERED
        assert not connection.is_usable or outcome.kind is BOUNCED
        # A 354 that comes too early lets the body go, and then nobody knows.
        assert mx.messages == [] or outcome.kind is UNKNOWN


async def test_two_answers_to_rcpt_do_not_accept_a_chunk() -> None:
    extensions = (*ALL_EXTENSIONS, "CHUNKING")
    with FakeMx(extensions=extensions, script={"rcpt": Raw(b"250 ok\r\n250 queued already\r\n")}) as mx:
        connection = await open_connection(hop_to(mx))
        outcome = await connection.send(Envelope("a@sender.example", PEOPLE[0], BODY))
        await connection.quit()
        assert (outcome.kind, outcome.retry_elsewhere) == (DEFERRED, True)
        assert knows(mx, Lesson.NO_PIPELINING)
        assert mx.messages == []


async def test_a_farewell_behind_354_is_a_farewell() -> None:
    with FakeMx(script={"data": Raw(b"354 go\r\n421 4.3.2 shutting down\r\n")}) as mx:
        connection = await open_connection(hop_to(mx))
        outcome = await connection.send(Envelope("a@sender.example", PEOPLE[0], BODY))
        await connection.quit()
        assert (outcome.kind, outcome.text) == (DEFERRED, "421 4.3.2 shutting down")
        assert not knows(mx, Lesson.NO_PIPELINING)
        assert mx.messages == []


@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, (*ALL_EXTENSIONS, "CHUNKING")], ids=["DATA", "BDAT"])
async def test_a_connection_that_worked_and_then_broke_teaches_nothing(extensions: tuple[str, ...]) -> None:
    with FakeMx(extensions=extensions) as mx:
        for _ in range(3):
            connection = await open_connection(hop_to(mx))
            for recipient, kind in (("b@example.com", DELIVERED), ("drop-after-dot@example.com", UNKNOWN)):
                outcome = await connection.send(Envelope("a@sender.example", recipient, BODY))
                assert outcome.kind is kind
        assert not knows(mx, Lesson.NO_PIPELINING)
        assert not knows(mx, Lesson.NO_CHUNKING)


# --- CHUNKING --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["500 5.5.2", "501", "502 5.5.1", "503 5.5.1", "504"])
@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_server_that_does_not_know_bdat_gets_data(code: str, pipelining: bool) -> None:
    extensions = (*(ALL_EXTENSIONS if pipelining else ALL_EXTENSIONS[1:]), "CHUNKING")
    with FakeMx(extensions=extensions, script={"bdat": Reply(f"{code} what?")}) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [DELIVERED] * 5
        assert arrived(mx) == PEOPLE
        assert campaign.connections == 2
        assert max(campaign.tries.values()) == 2
        assert knows(mx, Lesson.NO_CHUNKING)
        assert not any(message.by_bdat for message in mx.messages)


async def test_a_refusal_of_the_message_is_no_fault_of_bdat() -> None:
    extensions = (*ALL_EXTENSIONS, "CHUNKING")
    with FakeMx(extensions=extensions, script={"dot": [Reply("501 5.6.0 bad headers"), Correct()]}) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [BOUNCED, *[DELIVERED] * 4]
        assert campaign.connections == 1
        assert not knows(mx, Lesson.NO_CHUNKING)


async def test_a_server_that_hangs_up_at_bdat_gets_data_after_the_second_time() -> None:
    with FakeMx(extensions=(*ALL_EXTENSIONS, "CHUNKING"), script={"bdat": Close()}) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        # Nobody knows what a server has done that was given the whole message and hung up.
        assert Counter(campaign.kinds) == {UNKNOWN: 2, DELIVERED: 3}
        assert len(arrived(mx)) == 3
        assert knows(mx, Lesson.NO_CHUNKING)


# --- parameters of MAIL: SIZE, 8BITMIME, SMTPUTF8 --------------------------------------------------------------------


class Plain(FakeMx):
    """Offers everything and knows no parameter."""

    refusal = "555 5.5.4 unsupported parameter"

    async def _take_mail(self, session: _Session, line: str) -> None:
        if line.endswith(">"):
            await super()._take_mail(session, line)
        else:
            await self._say(session, self.refusal)


@pytest.mark.parametrize(
    "refusal", ["555 5.5.4 unsupported", "501 syntax error", "504 5.5.4 no such parameter"]
)
async def test_a_server_that_refuses_parameters_gets_none(refusal: str) -> None:
    with Plain() as mx:
        mx.refusal = refusal
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [DELIVERED] * 5
        assert arrived(mx) == PEOPLE
        assert campaign.connections <= 2
        assert knows(mx, Lesson.NO_PARAMETERS)
        campaign = await Campaign(mx, PEOPLE).run()
        assert (campaign.connections, max(campaign.tries.values())) == (1, 1)


async def test_what_needs_a_parameter_is_refused_in_the_end() -> None:
    for recipient, body, enhanced in (
        ("jörg@example.com", BODY, "5.6.7"),
        ("b@example.com", "Subject: ж\r\n\r\nx\r\n".encode(), "5.6.3"),
    ):
        with Plain() as mx:
            campaign = await Campaign(mx, [recipient], body).run()
            assert campaign.kinds == [BOUNCED]
            assert campaign.ended[0].stage is Stage.LOCAL
            assert campaign.ended[0].text.split()[1] == enhanced
            assert mx.messages == []


async def test_eight_bits_become_seven_where_eight_are_refused() -> None:
    text = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n.ж\r\n"
    for server in (Plain(), FakeMx(extensions=("PIPELINING",)), FakeMx(extensions=("CHUNKING",))):
        with server as mx:
            campaign = await Campaign(mx, PEOPLE, text.encode()).run()
            assert campaign.kinds == [DELIVERED] * 5
            assert arrived(mx) == PEOPLE
            assert {message.parameters for message in mx.messages} == {""}
            parsed = message_from_bytes(mx.messages[0].body, policy=policy.default)
            assert mx.messages[0].body.isascii()
            assert parsed.get_content() == ".ж\r\n"  # type: ignore[attr-defined]


async def test_a_refused_sender_is_no_fault_of_the_parameters() -> None:
    with FakeMx(script={"mail": Reply("501 5.1.7 bad sender")}) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [BOUNCED] * 5
        assert not knows(mx, Lesson.NO_PARAMETERS)


async def test_smtputf8_that_is_refused_after_all_bounces() -> None:
    with FakeMx(script={"mail": [Reply("550 5.6.7 not really"), Correct()]}) as mx:
        campaign = await Campaign(mx, ["jörg@example.com", "b@example.com"]).run()
        assert campaign.kinds == [BOUNCED, DELIVERED]


@pytest.mark.parametrize(
    "script", [{"dot": Reply("552 5.3.4 too big")}, {"data": Reply("552 5.3.4 too big")}]
)
async def test_a_size_that_was_a_lie_bounces_with_the_server_s_words(script: dict) -> None:
    with FakeMx(extensions=("SIZE 100000000", "PIPELINING"), script=script) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [BOUNCED] * 5
        assert campaign.ended[0].text == "552 5.3.4 too big"
        assert campaign.connections == 1


async def test_a_message_beyond_the_offered_size_is_never_written() -> None:
    with FakeMx(extensions=("SIZE 50", "PIPELINING")) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [BOUNCED] * 5
        assert [command.split()[0] for command in mx.commands] == ["EHLO", "QUIT"]


# --- STARTTLS and AUTH -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", ["454 4.7.0 not now", "502 5.5.1 no", "554 5.7.3 no"])
async def test_starttls_that_is_refused_leaves_the_connection_in_the_clear(refusal: str) -> None:
    with FakeMx(starttls=True, script={"starttls": Reply(refusal)}) as mx:
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [DELIVERED] * 5
        assert campaign.connections == mx.connections == 1
        with pytest.raises(SmtpError) as caught:
            await open_connection(hop_to(mx, tls=TlsMode.STARTTLS))
        assert caught.value.permanent is refusal.startswith("5")


@pytest.mark.parametrize(
    "answer",
    [
        Raw(b"220 go\r\nthis is no handshake\r\n"),
        Raw(b"220 go\r\n\x15\x03\x01\x00\x02\x02\x28"),  # a TLS alert
        Close("220 go"),
    ],
    ids=["garbage", "alert", "closed"],
)
async def test_a_handshake_that_fails_is_followed_by_a_connection_in_the_clear(answer: Raw | Close) -> None:
    with FakeMx(starttls=True, script={"starttls": answer}) as mx:
        mx._certificate = None  # after its 220 it goes on in the clear
        campaign = await Campaign(mx, PEOPLE).run()
        assert campaign.kinds == [DELIVERED] * 5
        assert (campaign.connections, mx.connections) == (1, 2)
        await Campaign(mx, PEOPLE).run()
        assert mx.connections == 3  # known by now
        for demanding in ({"tls": TlsMode.STARTTLS}, {"verify_tls": True}):
            with pytest.raises(SmtpError) as caught:
                await open_connection(hop_to(mx, **demanding))
            assert not caught.value.permanent


async def test_a_password_does_not_follow_into_the_clear() -> None:
    with FakeMx(starttls=True, users={"ann": "secret"}, script={"starttls": Raw(b"220 go\r\nno\r\n")}) as mx:
        mx._certificate = None
        with pytest.raises(SmtpError, match="not encrypted"):
            await open_connection(hop_to(mx, credentials=Credentials("ann", "secret")))
        assert not any("AUTH" in command for command in mx.commands)


@pytest.mark.parametrize("refusal", ["504 5.5.4 unknown mechanism", "500 what", "534 5.7.9 too weak"])
async def test_a_mechanism_that_is_not_known_after_all_is_followed_by_the_next(refusal: str) -> None:
    with FakeMx(users={"ann": "secret"}, script={"auth": [Reply(refusal), Correct()]}) as mx:
        hop = hop_to(mx, credentials=Credentials("ann", "secret"), allow_plaintext_auth=True)
        await (await open_connection(hop)).quit()
        assert [c.split()[1] for c in mx.commands if c.startswith("AUTH")] == ["PLAIN", "LOGIN"]


async def test_a_wrong_password_is_tried_once_and_504_for_all_is_an_error() -> None:
    for script, commands in (({"auth": Reply("535 5.7.8 wrong")}, 1), ({"auth": Reply("504 no")}, 2)):
        with FakeMx(users={"ann": "secret"}, script=script) as mx:
            hop = hop_to(mx, credentials=Credentials("ann", "secret"), allow_plaintext_auth=True)
            with pytest.raises(SmtpError) as caught:
                await open_connection(hop)
            assert caught.value.command == "AUTH"
            assert sum(command.startswith("AUTH") for command in mx.commands) == commands


# --- LIMITS (RFC 9422) -----------------------------------------------------------------------------------------------


class Limited(FakeMx):
    """Ends the session when its limits are exceeded."""

    mails, domains = 1_000, 1_000

    async def _take_mail(self, session: _Session, line: str) -> None:
        session.mails = getattr(session, "mails", 0) + 1  # type: ignore[attr-defined]
        if session.mails > self.mails:  # type: ignore[attr-defined]
            await self._say(session, "421 4.7.0 I told you")
        else:
            await super()._take_mail(session, line)

    async def _take_rcpt(self, session: _Session, line: str) -> None:
        domains = session.__dict__.setdefault("domains", set())
        domains.add(line.partition("@")[2])
        if len(domains) > self.domains:
            await self._say(session, "421 4.7.0 I told you")
        else:
            await super()._take_rcpt(session, line)


@pytest.mark.parametrize("chunking", [True, False])
async def test_no_more_messages_than_the_server_takes_go_over_one_connection(chunking: bool) -> None:
    extensions = (*ALL_EXTENSIONS, "LIMITS MAILMAX=3 RCPTMAX=1", *(["CHUNKING"] if chunking else []))
    with Limited(extensions=extensions) as mx:
        mx.mails = 3
        people = [f"user{n}@example.com" for n in range(10)]
        campaign = await Campaign(mx, people).run()
        assert campaign.kinds == [DELIVERED] * 10
        assert arrived(mx) == people
        assert campaign.connections == mx.connections == 4
        assert max(campaign.tries.values()) == 1
        assert sum(command == "QUIT" for command in mx.commands) == 4


async def test_no_more_domains_than_the_server_takes_go_over_one_connection() -> None:
    with Limited(extensions=(*ALL_EXTENSIONS, "LIMITS RCPTDOMAINMAX=2")) as mx:
        mx.domains = 2
        people = [f"user{n}@d{n % 5}.example" for n in range(10)]
        campaign = await Campaign(mx, people).run()
        assert campaign.kinds == [DELIVERED] * 10
        assert sorted(arrived(mx)) == sorted(people)


async def test_a_connection_at_its_limit_says_so() -> None:
    with FakeMx(extensions=(*ALL_EXTENSIONS, "LIMITS MAILMAX=1")) as mx:
        connection = await open_connection(hop_to(mx))
        letter = Envelope("a@sender.example", PEOPLE[0], BODY)
        assert (await connection.send(letter)).kind is DELIVERED
        again = await connection.send(letter)
        await connection.quit()
    assert (again.kind, again.retry_elsewhere) == (DEFERRED, True)
    assert "1 messages" in again.detail
    assert len(mx.messages) == 1


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        ("MAILMAX=20 RCPTMAX=100 RCPTDOMAINMAX=1", Limits(20, 100, 1)),
        ("mailmax=7", Limits(7)),
        ("MAILMAX=0 RCPTMAX=-1 RCPTDOMAINMAX=x", Limits()),
        ("MAILMAX=99999999999999999999", Limits()),
        ("MAILMAX= RCPTMAX", Limits()),
        ("", Limits()),
    ],
)
def test_limits_are_read(words: str, limits: Limits) -> None:
    assert parse_capabilities([b"250-hello", b"250 LIMITS " + words.encode()]).limits == limits


# --- the memory ------------------------------------------------------------------------------------------------------


def test_lessons_end_and_are_bounded() -> None:
    clock = [0.0]
    lessons = Lessons(most=3, now=lambda: clock[0])
    books = [lessons.open_book(f"mx{n}.example", 25) for n in range(5)]
    for book in books:
        book.note(Lesson.NO_STARTTLS)
    assert [book.holds(Lesson.NO_STARTTLS) for book in books] == [False, False, True, True, True]
    assert not books[4].holds(Lesson.NO_CHUNKING)
    clock[0] = 700
    assert not any(book.holds(Lesson.NO_STARTTLS) for book in books)


def test_a_suspicion_needs_a_second_connection_that_began_later() -> None:
    clock = [0.0]
    lessons = Lessons(now=lambda: clock[0])
    first, second = lessons.open_book("mx.example", 25), lessons.open_book("mx.example", 25)
    clock[0] = 1
    first.suspect(Lesson.NO_PIPELINING)
    second.suspect(Lesson.NO_PIPELINING)  # both were open when the server went away
    assert not first.holds(Lesson.NO_PIPELINING)
    clock[0] = 2
    third = lessons.open_book("mx.example", 25)
    third.suspect(Lesson.NO_PIPELINING)
    assert third.holds(Lesson.NO_PIPELINING)
    lessons.forget("mx.example", 25)
    third.suspect(Lesson.NO_PIPELINING)
    third.acquit(Lesson.NO_PIPELINING)
    clock[0] = 3
    lessons.open_book("mx.example", 25).suspect(Lesson.NO_PIPELINING)
    clock[0] += SUSPECTED_FOR + 1
    lessons.open_book("mx.example", 25).suspect(Lesson.NO_PIPELINING)
    assert not third.holds(Lesson.NO_PIPELINING)
