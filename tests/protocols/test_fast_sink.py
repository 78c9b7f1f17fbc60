"""The fast sink tells the truth: what it acknowledged is in its log."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome
from dynamail.protocols.smtp.next_hop import NextHop


@pytest.mark.parametrize("arguments", [[], ["--chunking"]])
def test_every_acknowledged_message_is_in_the_log(tmp_path: Path, arguments: list[str]) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "tests.support.fast_sink", "--log", str(log), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sink:
        assert sink.stdout is not None
        port = json.loads(sink.stdout.readline())["port"]
        outcomes = asyncio.run(send_many(port))
        sink.terminate()
    assert sink.returncode == 0
    assert [outcome.kind for outcome in outcomes] == ["delivered"] * 200
    assert sorted(log.read_text().splitlines()) == sorted(
        f"<{number}@example.com>\tuser{number}@example.net" for number in range(200)
    )


async def send_many(port: int) -> list[Outcome]:
    waiting = [
        Envelope("a@example.com", f"user{n}@example.net", b"Message-ID: <%d@example.com>\r\n\r\n.dot\r\n" % n)
        for n in range(200)
    ]
    outcomes: list[Outcome] = []

    async def work() -> None:
        connection = await open_connection(NextHop("127.0.0.1", port))
        await connection.deliver(
            lambda: waiting.pop() if waiting else None,
            on_final_dot=lambda _: None,
            on_outcome=lambda _, outcome: outcomes.append(outcome),
        )
        await connection.quit()

    await asyncio.gather(work(), work(), work())
    return outcomes
