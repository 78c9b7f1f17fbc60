"""Every reply at every stage and at every pace: one true outcome for every message, in bounded time and memory.

- Whoever was pulled gets exactly one outcome.
- `delivered` only when the sink had the whole message and answered 2xx to its end.
- `unknown` only when the end was written and no answer to it was read.
- `deferred` and `bounced` never for a message that the sink has acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.lessons import Lessons
from dynamail.protocols.smtp.next_hop import Credentials, NextHop, Timeouts
from dynamail.protocols.smtp.replies import MAX_REPLY_TEXT, SmtpError
from tests.support.scripted_sink import STAGES, Line, Pace, ScriptedSink
from tests.support.tls_authority import make_certificate

HASTY = Timeouts(
    connect=5,
    greeting=0.2,
    ehlo=0.2,
    tls=0.2,
    auth=0.2,
    mail=0.2,
    rcpt=0.2,
    data=0.2,
    block=0.2,
    dot=0.2,
    quit=0.2,
)
CODES = (
    "200 211 214 220 221 235 250 251 252 299 300 334 354 399 400 421 432 450 451 452 454 455 499"
    " 500 501 502 503 504 521 523 530 534 535 538 550 551 552 553 554 555 556 599"
)
STRANGE = {
    "first digit 0": b"000 nothing\r\n",
    "first digit 1": b"150 wait\r\n",
    "first digit 6": b"650 more\r\n",
    "two digits": b"25 ok\r\n",
    "no text": b"250\r\n",
    "bare LF": b"250 ok\n",
    "no line end": b"250 ok",
    "empty line": b"\r\n",
    "nothing": b"",
    "letters": b"OK, go on\r\n",
    "HTML": b"550 <script>alert(1)</script><img src=x onerror=alert(1)>\r\n",
    "control characters": b"550 \x1b[2J\x07\x08\xe2\x80\xae evil \x9b31m\r\n",
    "NUL": b"250 o\x00k\r\n",
    "NUL first": b"\x00\x00\x00\r\n",
    "not UTF-8": b"451 \xff\xfe\xd0\r\n",
    "several lines": b"250-one\r\n250-two\r\n250 three\r\n",
    "several lines of refusal": b"550-5.7.1 one\r\n550 5.7.1 two\r\n",
    "lines that disagree": b"250-one\r\n550 two\r\n",
    "lines without end": b"250-one\r\n250-two\r\n",
    "two replies": b"250 ok\r\n250 ok\r\n",
    "yes and no": b"250 ok\r\n550 no\r\n",
    "no and farewell": b"450 no\r\n421 bye\r\n",
    "wrong enhanced code": b"250 5.1.1 no such user\r\n",
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x28",
}
ENORMOUS = {
    "10 MB line": b"250 " + b"x" * 10_000_000 + b"\r\n",
    "10 MB without line end": b"x" * 10_000_000,
    "10 MB of lines": b"250-and so on\r\n" * 700_000,
}
REPLIES = {code: f"{code} said\r\n".encode() for code in CODES.split()} | STRANGE
MODES = [
    (("SIZE 1000000", "8BITMIME", *pipelining, *chunking), bool(chunking))
    for pipelining, chunking in product((("PIPELINING",), ()), (("CHUNKING",), ()))
]
CERTIFICATE = make_certificate().server_context()
PEOPLE = [f"user{n}@example.com" for n in range(3)]
AT_THE_SAME_TIME = 24


@dataclass
class Story:
    """One connection and what the client said about it."""

    outcomes: dict[str, Outcome]
    pulled: list[str]
    dotted: list[str]
    sink: ScriptedSink


async def tell(
    script: Sequence[Line],
    extensions: Sequence[str] = MODES[0][0],
    *,
    timeouts: Timeouts = HASTY,
    tls: bool = False,
    auth: bool = False,
) -> Story:
    """Three messages over one connection; with a script for RSET the first recipient is refused, so that one is sent."""
    story = Story({}, [], [], ScriptedSink())
    if any(line.stage == "rset" for line in script):
        script = [*script, Line("rcpt", b"450 later\r\n")]
    extensions = [*extensions, *(["AUTH PLAIN LOGIN"] if auth else [])]
    sink = ScriptedSink(script, extensions=extensions, context=CERTIFICATE if tls else None)
    story.sink = sink
    waiting = list(PEOPLE)

    def next_envelope() -> Envelope | None:
        if not waiting:
            return None
        story.pulled.append(waiting.pop(0))
        return Envelope("a@sender.example", story.pulled[-1], b"Subject: x\r\n\r\nHello\r\n.\r\n")

    def take_outcome(envelope: Envelope, outcome: Outcome) -> None:
        assert envelope.recipient not in story.outcomes, "two outcomes"
        story.outcomes[envelope.recipient] = outcome

    async with sink:
        hop = NextHop(
            sink.host,
            sink.port,
            timeouts=timeouts,
            credentials=Credentials("ann", "secret") if auth else None,
            allow_plaintext_auth=True,
        )
        try:
            connection = await open_connection(hop, lessons=Lessons())
        except SmtpError as error:
            assert_harmless(str(error))
        else:
            await connection.deliver(
                next_envelope,
                on_final_dot=lambda envelope: story.dotted.append(envelope.recipient),
                on_outcome=take_outcome,
            )
            await connection.quit()
    return story


def check(story: Story) -> None:
    assert sorted(story.outcomes) == sorted(story.pulled)
    acknowledged = Counter(story.sink.acknowledged)
    for recipient, outcome in story.outcomes.items():
        assert_harmless(outcome.text)
        if outcome.kind is OutcomeKind.DELIVERED:
            assert acknowledged[recipient] == 1
            assert outcome.reply is not None
            assert outcome.reply.code // 100 == 2
        elif outcome.kind is OutcomeKind.UNKNOWN:
            assert recipient in story.dotted
            assert outcome.reply is None
            assert outcome.stage is Stage.DOT
        else:
            assert acknowledged[recipient] == 0
            assert outcome.kind is OutcomeKind.DEFERRED or outcome.reply is not None
        if outcome.retry_elsewhere:
            assert outcome.kind is OutcomeKind.DEFERRED
    assert sum(outcome.kind is OutcomeKind.UNKNOWN for outcome in story.outcomes.values()) <= 1
    assert max(Counter(story.sink.received).values(), default=0) <= 1


def assert_harmless(text: str) -> None:
    assert len(text) <= MAX_REPLY_TEXT + 300
    assert all(character == " " or character.isprintable() or ord(character) > 0xFF for character in text)


async def tell_all(scripts: Iterator[tuple[Line, tuple[str, ...], bool, bool]]) -> int:
    """Many stories side by side. How many there were."""
    free = asyncio.Semaphore(AT_THE_SAME_TIME)
    count = 0

    async def tell_one(line: Line, extensions: tuple[str, ...], tls: bool, auth: bool) -> None:
        async with free:
            try:
                check(await tell([line], extensions, tls=tls, auth=auth))
            except BaseException as error:
                error.add_note(f"{line.stage} {line.reply[:60]!r} {line.pace} {line.occurrence} {extensions}")
                raise

    async with asyncio.TaskGroup() as group:
        for story in scripts:
            group.create_task(tell_one(*story))
            count += 1
    return count


def make_scripts(
    stage: str, replies: dict[str, bytes], paces: Sequence[Pace]
) -> Iterator[tuple[Line, tuple[str, ...], bool, bool]]:
    """The modes and the first or second occurrence take turns, so that every pair of stage and reply meets several."""
    occurrences = 2 if stage in ("mail", "rcpt", "data", "bdat", "dot") else 1
    for index, (reply, pace) in enumerate(product(replies.values(), paces)):
        modes = [mode for mode, is_chunking in MODES if is_chunking == (stage == "bdat")]
        if stage not in ("data", "dot", "bdat"):
            modes = [mode for mode, _ in MODES]
        mode = modes[(index + index // len(paces)) % len(modes)]
        yield Line(stage, reply, pace, index % occurrences), mode, stage == "starttls", stage == "auth"


@pytest.mark.parametrize("stage", STAGES)
async def test_every_reply_at_every_stage_and_pace_has_one_true_outcome(stage: str) -> None:
    count = await tell_all(make_scripts(stage, REPLIES, list(Pace)))
    assert count == len(REPLIES) * len(Pace)


@pytest.mark.parametrize("stage", STAGES)
async def test_ten_megabytes_of_reply_are_read_in_part_only(stage: str) -> None:
    await tell_all(make_scripts(stage, ENORMOUS, [Pace.AT_ONCE, Pace.TRICKLED]))


LINES = st.builds(
    Line,
    stage=st.sampled_from(STAGES),
    reply=st.sampled_from(list(REPLIES.values())),
    pace=st.sampled_from(
        [Pace.AT_ONCE, Pace.AT_ONCE, Pace.TRICKLED, Pace.THEN_CLOSED, Pace.HALF_THEN_CLOSED]
    ),
    occurrence=st.integers(0, 2),
)


@given(st.lists(LINES, max_size=6), st.sampled_from(MODES), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_mixture_of_faults_has_one_true_outcome(
    script: list[Line], mode: tuple[tuple[str, ...], bool], auth: bool
) -> None:
    check(asyncio.run(tell(script, mode[0], auth=auth)))


@pytest.mark.parametrize("mode", [mode for mode, _ in MODES], ids=" ".join)
@pytest.mark.parametrize("pace", [Pace.AT_ONCE, Pace.TRICKLED])
async def test_a_sink_that_does_everything_right_gets_everything(mode: tuple[str, ...], pace: Pace) -> None:
    usual = {
        "connect": "220",
        "ehlo": "250",
        "mail": "250",
        "rcpt": "250",
        "data": "354",
        "bdat": "250",
        "dot": "250",
    }
    script = [
        Line(stage, f"{code} fine\r\n".encode(), pace, occurrence)
        for (stage, code), occurrence in product(usual.items(), range(3))
        if stage != "ehlo"
    ]
    story = await tell(script, mode, timeouts=Timeouts(), tls=True, auth=True)
    check(story)
    assert [outcome.kind for outcome in story.outcomes.values()] == [OutcomeKind.DELIVERED] * 3
    assert story.sink.acknowledged == PEOPLE
