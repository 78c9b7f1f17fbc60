"""The delivery process is killed at random moments: no message is lost, none arrives twice unnoticed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from dynamail.lib.sql import load_sql
from tests.support.delivering import (
    Launchable,
    LoggedSink,
    Order,
    Worker,
    Workplace,
    open_workplace,
    start_logged_sink,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

RECIPIENTS = 20_000
KILLS = 10
CONNECTIONS = 10
BEGIN_JOURNAL = """
import sys; from pathlib import Path; from uuid import UUID; from dynamail.delivery.journal import Journal
Journal(Path(sys.argv[1]), UUID(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    with open_workplace(DYNAMAIL_DELIVER_CONNECTIONS=str(CONNECTIONS)) as place:
        yield place


@dataclass(frozen=True)
class Ending:
    """What the database says of each recipient, and what the recipients' server saw."""

    states: dict[UUID, str]
    arrivals: Counter[UUID]

    def with_state(self, state: str) -> set[UUID]:
        return {message_id for message_id, found in self.states.items() if found == state}


def read_ending(place: Workplace, campaign: Launchable, sink: LoggedSink) -> Ending:
    rows = place.fetch(
        "SELECT id, state FROM message WHERE account_id = %s AND source_id = %s",
        [campaign.account_id, campaign.source_id],
    )
    arrived = Counter(UUID(message_id.partition("@")[0]) for message_id, _ in sink.list_arrivals())
    assert len(dict(rows)) == len(rows)
    return Ending(dict(rows), arrived)


def check_ending(
    place: Workplace, campaign: Launchable, sink: LoggedSink, *, recipients: int, kills: int
) -> None:
    """Nothing lost, nothing twice; whoever may have got it without our knowing is labeled so, and those are few."""
    counts, ending = place.count(campaign), read_ending(place, campaign, sink)
    assert counts.add_up, counts
    assert counts.frozen == recipients == len(ending.states)
    unknown, delivered = ending.with_state("unknown"), ending.with_state("delivered")
    assert (counts.delivered, counts.unknown) == (len(delivered), len(unknown))
    assert delivered | unknown == set(ending.states)
    assert delivered <= set(ending.arrivals), "labeled as delivered, but never arrived"
    assert set(ending.arrivals) <= set(ending.states)
    assert [one for one, times in ending.arrivals.items() if times > 1 and one not in unknown] == []
    # At the moment of a kill, one message on each connection may have its final dot out and no reply noted.
    assert len(unknown) <= kills * CONNECTIONS, f"{len(unknown)} in doubt after {kills} kills"


def wait_for_arrivals(place: Workplace, sink: LoggedSink, count: int) -> None:
    place.wait_until(lambda: sink.count_new() >= count)


def test_ten_kills_lose_nothing_and_double_nothing(place: Workplace) -> None:
    moments = sorted(random.sample(range(1, RECIPIENTS - 2000), KILLS))
    with start_logged_sink(place.home) as sink:
        campaign = place.prepare(Order(generate=RECIPIENTS, relay=sink.address, connections=CONNECTIONS))
        place.launch(campaign)
        for moment in moments:
            worker = place.start_worker(ready=False)
            wait_for_arrivals(place, sink, moment)
            worker.kill()
        with place.start_worker():
            place.wait_until(lambda: place.count(campaign).is_over)
        check_ending(place, campaign, sink, recipients=RECIPIENTS, kills=KILLS)


def test_neighbors_take_over_what_killed_workers_held(place: Workplace) -> None:
    """Two workers share a campaign; one of them dies four times and comes back, the other goes on."""
    with start_logged_sink(place.home) as sink:
        campaign = place.prepare(Order(generate=10_000, relay=sink.address, connections=CONNECTIONS))
        place.launch(campaign)
        with place.start_worker():
            for moment in (500, 2500, 4500, 6500):
                other: Worker = place.start_worker(ready=False)
                wait_for_arrivals(place, sink, moment)
                other.kill()
            place.wait_until(lambda: place.count(campaign).is_over)
        check_ending(place, campaign, sink, recipients=10_000, kills=4)


def test_a_worker_killed_while_it_takes_over_forgets_nothing_of_what_was_sent(place: Workplace) -> None:
    """The second worker dies between taking the chunks of the first and judging them by the first one's journal."""
    with start_logged_sink(place.home) as sink:
        campaign = place.prepare(Order(generate=2000, relay=sink.address, connections=CONNECTIONS))
        place.launch(campaign)
        first = place.start_worker()
        wait_for_arrivals(place, sink, 700)
        first.kill()
        take_over_and_die(place, first)
        with place.start_worker():
            place.wait_until(lambda: place.count(campaign).is_over)
        check_ending(place, campaign, sink, recipients=2000, kills=2)


def take_over_and_die(place: Workplace, dead: Worker) -> None:
    """As much as the recovery of a new worker does before it is killed, at the one moment that a test cannot hit from outside."""
    lost = place.fetch("SELECT id FROM deliver_worker WHERE pid = %s", [dead.pid])[0][0]
    folder = Path(place.environment["DYNAMAIL_HOME"]) / "journal"
    subprocess.run([sys.executable, "-c", BEGIN_JOURNAL, folder, str(uuid4())], check=True)
    now = datetime.now(UTC)
    taken = place.fetch(
        load_sql("delivery", "take_over_chunks"),
        {
            "lease_until": now + timedelta(minutes=2),
            "expired_before": now,
            "dead": [lost],
            "spared": [],
        },
    )
    assert taken


def test_a_worker_that_is_asked_to_stop_leaves_nothing_in_doubt(place: Workplace) -> None:
    with start_logged_sink(place.home) as sink:
        campaign = place.prepare(Order(generate=3000, relay=sink.address, connections=CONNECTIONS))
        place.launch(campaign)
        for moment in (200, 1000, 2000):
            with place.start_worker(ready=False):
                wait_for_arrivals(place, sink, moment)
        with place.start_worker():
            place.wait_until(lambda: place.count(campaign).is_over)
        check_ending(place, campaign, sink, recipients=3000, kills=0)
