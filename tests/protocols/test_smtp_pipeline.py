"""Whatever a server says, in whatever order: the promises of the pipeline hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st

from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.lessons import Lessons
from dynamail.protocols.smtp.next_hop import Capabilities, Timeouts
from dynamail.protocols.smtp.pipeline import Pipeline
from dynamail.protocols.smtp.stream import ReplyStream

OK, GO, LATER, NEVER, BYE = b"250 ok\r\n", b"354 go\r\n", b"451 later\r\n", b"550 never\r\n", b"421 bye\r\n"
SAYINGS = st.sampled_from([OK, OK, OK, GO, GO, LATER, NEVER, BYE, b"250-more\r\n", b"garbage\r\n", b""])


class MemoryTransport(asyncio.Transport):
    """Keeps what was written; aborting it reports the loss as a real one does."""

    def __init__(self, stream: ReplyStream) -> None:
        super().__init__()
        self.stream = stream
        self.written = bytearray()
        self.is_aborted = False
        stream.connection_made(self)

    def write(self, data: bytes) -> None:  # type: ignore[override]
        assert not self.is_aborted, "written after the end"
        self.written += data

    def writelines(self, list_of_data: Sequence[bytes]) -> None:  # type: ignore[override]
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        if not self.is_aborted:
            self.is_aborted = True
            asyncio.get_running_loop().call_soon(cast(Callable[..., None], self.stream.connection_lost), None)


@given(st.lists(SAYINGS, max_size=40), st.booleans(), st.booleans())
@example([OK, OK, GO, OK, OK, OK, GO, OK], True, False)
@example([OK, NEVER, GO, OK, OK, OK, GO, OK], True, False)
@example([OK, OK, OK, OK, OK, OK, OK], True, True)
def test_every_envelope_has_one_true_outcome(sayings: list[bytes], pipelining: bool, chunking: bool) -> None:
    asyncio.run(check_dialog(sayings, pipelining=pipelining, chunking=chunking))


async def check_dialog(sayings: list[bytes], *, pipelining: bool, chunking: bool) -> None:
    stream = ReplyStream()
    transport = MemoryTransport(stream)
    lessons = Lessons().open_book("mx.example.com", 25)
    pipeline = Pipeline(
        stream, Capabilities(), Timeouts(), pipelining=pipelining, chunking=chunking, lessons=lessons
    )
    waiting = [Envelope("", f"user{n}@example.com", b"body-%d.\r\n" % n, token=n) for n in range(4)]
    pulled: list[object] = []
    dotted: list[object] = []
    outcomes: dict[object, Outcome] = {}

    def next_envelope() -> Envelope | None:
        if not waiting:
            return None
        pulled.append(waiting[0].token)
        return waiting.pop(0)

    def on_final_dot(envelope: Envelope) -> None:
        assert b"body-%d." % cast(int, envelope.token) not in transport.written
        dotted.append(envelope.token)

    def on_outcome(envelope: Envelope, outcome: Outcome) -> None:
        assert envelope.token not in outcomes
        outcomes[envelope.token] = outcome

    task = asyncio.create_task(pipeline.run(next_envelope, on_final_dot, on_outcome))
    for saying in sayings:
        await asyncio.sleep(0)
        stream.data_received(saying)
    await asyncio.sleep(0)
    if not task.done():
        stream.eof_received()
    await task
    assert sorted(outcomes, key=str) == sorted(pulled, key=str)
    for token, outcome in outcomes.items():
        is_written = b"body-%d." % cast(int, token) in transport.written
        assert is_written is (token in dotted)
        if outcome.kind in (OutcomeKind.DELIVERED, OutcomeKind.UNKNOWN):
            assert is_written
        if not is_written:
            assert outcome.stage is not Stage.DOT
        if outcome.kind is OutcomeKind.DELIVERED:
            assert outcome.reply is not None
            assert outcome.reply.code == 250
    assert sum(outcome.kind is OutcomeKind.UNKNOWN for outcome in outcomes.values()) <= 1
