"""The drills of `make chaos`, played small: disk, clock, relay, database, neighbors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from benchmarks import drills
from benchmarks.chaos import run_kills
from benchmarks.verdicts import Verdict
from dynamail.lib.sql import load_sql
from tests.support.delivering import ROOT, Launchable, Order, Workplace, open_workplace
from tests.support.fake_mx import FakeMx, Stall

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("mishaps")]

RECIPIENTS = 1500
PEOPLE = [(f"person{number}@mail.example", f"Person {number}") for number in range(6)]
NEIGHBORS = 12
BEGIN_JOURNAL = """
import sys; from pathlib import Path; from uuid import UUID; from dynamail.delivery.journal import Journal
Journal(Path(sys.argv[1]), UUID(sys.argv[2]))
"""


def check(verdict: Verdict) -> None:
    assert (verdict.lost, verdict.doubled) == (0, 0), verdict
    assert verdict.adds_up, verdict
    assert verdict.holds, verdict


@pytest.mark.parametrize("name", ["closing-relay", "clock-jumps", "full-journal"])
def test_a_mishap_loses_and_doubles_nothing(name: str) -> None:
    try:
        verdicts = drills.DRILLS[name](recipients=RECIPIENTS)
    except drills.CannotPlay as reason:
        pytest.skip(str(reason))
    for verdict in verdicts:
        check(verdict)


def test_processes_that_die_at_random_lose_and_double_nothing() -> None:
    for verdict in run_kills(recipients=3000, kills=3, seed=uuid4().int % 10_000):
        check(verdict)


@pytest.fixture
def place() -> Iterator[Workplace]:
    with open_workplace() as place:
        yield place


@pytest.mark.parametrize("kind", ["refuses connections", "stays silent"])
def test_what_a_dead_worker_had_claimed_delays_nobody_else(place: Workplace, kind: str) -> None:
    """It died right after it had claimed the chunks of accounts whose relays do not work; its heir has mail of others to send."""
    with ExitStack() as stack:
        if kind == "stays silent":
            silent = [stack.enter_context(FakeMx(script={"connect": Stall()})) for _ in range(NEIGHBORS)]
            ports = [mx.port for mx in silent]
        else:
            ports = [stack.enter_context(drills.refuse_connections()) for _ in range(NEIGHBORS)]
        mx = stack.enter_context(FakeMx())
        orders = [Order(generate=2, relay=("127.0.0.1", port), body=drills.BODY) for port in ports]
        *stuck, good = place.prepare_all([*orders, Order(PEOPLE, relay=(mx.host, mx.port), body=drills.BODY)])
        place.launch(*stuck)
        claim_and_die(place, stuck)
        place.launch(good)
        worker = place.start_worker(ready=False)
        place.wait_until(lambda: place.count(good).is_over)
        worker.kill()  # It would wait for the silent ones.
        assert len(mx.accepted) == len(PEOPLE)
        assert not any(place.count(campaign).unknown for campaign in stuck)


def claim_and_die(place: Workplace, campaigns: list[Launchable]) -> None:
    """A worker that held every chunk of theirs and had declared nothing: what a kill leaves between a claim and its first window."""
    dead: UUID = uuid4()
    folder = Path(place.environment["DYNAMAIL_HOME"]) / "journal"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-c", BEGIN_JOURNAL, folder, str(dead)], cwd=ROOT, check=True)
    now = datetime.now(UTC)
    parameters = {"worker": dead, "now": now, "lease_until": now + timedelta(minutes=2), "passed_over": []}
    while place.fetch(load_sql("delivery", "claim_chunk"), parameters):
        pass
    ids = [campaign.account_id for campaign in campaigns]
    claimed = place.fetch(
        "SELECT count(*) FROM chunk WHERE account_id = ANY(%s) AND worker = %s", [ids, dead]
    )
    assert claimed[0][0] >= NEIGHBORS
