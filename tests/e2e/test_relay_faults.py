"""Relays that refuse, drop or stall at each stage, and a database that goes away: nothing is lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from dynamail.postgres.cluster import Cluster
from tests.support.delivering import (
    Counts,
    Launchable,
    LoggedSink,
    Order,
    Worker,
    Workplace,
    open_workplace,
    start_logged_sink,
)
from tests.support.fake_mx import Act, Close, Correct, FakeMx, Reply, Stall, garbage

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("mishaps")]

STAGES = ("connect", "ehlo", "mail", "rcpt", "data", "dot")
FAULTS: dict[str, Act] = {
    "refuses": Reply("550 5.7.1 not from you"),
    "defers": Reply("451 4.3.0 not now"),
    "says goodbye": Close("421 4.3.2 shutting down"),
    "drops": Close(),
    "talks nonsense": garbage(),
}
TIMES = 2  # how often a relay misbehaves before it recovers
PEOPLE = [(f"person{number}@mail.example", f"Person {number}") for number in range(6)]
BODY = '<p>Hello {{ contact.first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
HURRY_SECONDS = 0.5


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    with open_workplace() as place:
        yield place


@dataclass(frozen=True)
class Story:
    """A relay, the campaign that went through it, and how it ended."""

    mx: FakeMx
    campaign: Launchable
    counts: Counts
    states: dict[str, str]

    @property
    def acknowledged(self) -> Counter[str]:
        return Counter(message.recipient for message in self.mx.accepted)


def order_for(mx: FakeMx, *, people: int = len(PEOPLE), connections: int = 2) -> Order:
    return Order(PEOPLE[:people], relay=(mx.host, mx.port), connections=connections, body=BODY)


def read_states(place: Workplace, campaign: Launchable) -> dict[str, str]:
    statement = "SELECT recipient, state FROM message WHERE account_id = %s AND source_id = %s"
    return dict(place.fetch(statement, [campaign.account_id, campaign.source_id]))


def are_over(place: Workplace, campaigns: list[Launchable]) -> bool:
    """Retries are hurried: waiting five minutes for each would prove no more."""
    counts = [place.count(campaign) for campaign in campaigns]
    assert all(one.add_up for one in counts), counts
    if any(one.deferred for one in counts) and not any(one.remaining for one in counts):
        place.hurry()
    return all(one.is_over for one in counts)


@pytest.fixture(scope="module")
def stories(place: Workplace) -> Iterator[dict[tuple[str, str], Story]]:
    """All faults at all stages at the same time, through one worker."""
    cases = [(stage, fault) for stage in STAGES for fault in FAULTS]
    with ExitStack() as stack:
        relays = [
            stack.enter_context(FakeMx(script={stage: [FAULTS[fault]] * TIMES + [Correct()]}))
            for stage, fault in cases
        ]
        campaigns = place.prepare_all([order_for(mx) for mx in relays])
        with place.start_worker():
            place.launch(*campaigns)
            place.wait_until(lambda: are_over(place, campaigns))
        yield {
            case: Story(mx, campaign, place.count(campaign), read_states(place, campaign))
            for case, mx, campaign in zip(cases, relays, campaigns, strict=True)
        }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_relay_that_misbehaves_loses_and_doubles_nothing(
    stories: dict[tuple[str, str], Story], stage: str, fault: str
) -> None:
    story = stories[stage, fault]
    assert story.counts.add_up
    assert story.counts.frozen == len(PEOPLE) == len(story.states)
    delivered = {email for email, state in story.states.items() if state == "delivered"}
    assert set(story.acknowledged) == delivered
    assert max(story.acknowledged.values()) == 1
    others = Counter(state for state in story.states.values() if state != "delivered")
    if stage == "dot" and fault in ("drops", "talks nonsense"):
        assert set(others) == {"unknown"}
        assert others["unknown"] <= TIMES
    elif fault == "refuses" and stage not in ("connect", "ehlo"):
        assert set(others) == {"bounced"}
        assert others["bounced"] <= TIMES
    else:
        assert not others


def test_an_unreachable_relay_bounces_nobody_and_does_not_delay_others(place: Workplace) -> None:
    with FakeMx() as gone:
        address = (gone.host, gone.port)  # nobody listens there once it is stopped
    with FakeMx() as mx:
        nowhere, good = place.prepare_all(
            [Order(PEOPLE, relay=address, body=BODY), Order(PEOPLE, relay=(mx.host, mx.port), body=BODY)]
        )
        with place.start_worker():
            place.launch(nowhere, good)
            place.wait_until(lambda: place.count(good).is_over)
        assert len(mx.accepted) == len(PEOPLE)
    counts = place.count(nowhere)
    assert counts.add_up
    assert (counts.remaining + counts.deferred, counts.bounced) == (len(PEOPLE), 0)


def test_mail_for_stalled_relays_leaves_later_and_only_the_dotted_is_in_doubt(place: Workplace) -> None:
    """A relay falls silent at each stage; others go on meanwhile. Told to stop, the worker drops what does not answer."""
    with ExitStack() as stack:
        silent = [stack.enter_context(FakeMx(script={stage: [Stall(), Correct()]})) for stage in STAGES]
        mx = stack.enter_context(FakeMx())
        orders = [order_for(relay, people=2, connections=1) for relay in silent]
        *stalled, good = place.prepare_all([*orders, order_for(mx)])
        with place.start_worker():
            place.launch(*stalled, good)
            place.wait_until(lambda: place.count(good).is_over)
            assert not any(place.count(campaign).delivered for campaign in stalled)
        with place.start_worker():
            place.wait_until(lambda: are_over(place, stalled))
        for stage, relay, campaign in zip(STAGES, silent, stalled, strict=True):
            in_doubt = int(stage == "dot")
            counts = place.count(campaign)
            assert (counts.delivered, counts.unknown) == (2 - in_doubt, in_doubt), stage
            assert len(relay.accepted) == 2 - in_doubt
            assert max(Counter(message.recipient for message in relay.messages).values()) == 1


def test_many_silent_relays_do_not_starve_the_others() -> None:
    """More accounts with a silent relay than a worker holds chunks, and then one with a good relay."""
    with ExitStack() as stack:
        place = stack.enter_context(open_workplace())  # what is left waiting here must meet no other test
        silent = [stack.enter_context(FakeMx(script={"connect": Stall()})) for _ in range(20)]
        mx = stack.enter_context(FakeMx())
        orders = [order_for(relay, people=1, connections=1) for relay in silent]
        *stalled, good = place.prepare_all([*orders, order_for(mx)])
        with place.start_worker() as worker:
            place.launch(*stalled)
            place.wait_until(lambda: sum(relay.connections for relay in silent) >= 16)
            place.launch(good)
            shown = count_heartbeats(place, worker)
            place.wait_until(lambda: place.count(good).is_over or next(shown) > 5)
            worker.kill()  # It would wait for the silent ones.
        assert place.count(good).is_over
        assert len(mx.accepted) == len(PEOPLE)


def count_heartbeats(place: Workplace, worker: Worker) -> Iterator[int]:
    """How often the worker has shown itself since the first call: its own clock, whatever the machine's load."""
    moments = set()
    while True:
        moments.add(place.fetch("SELECT seen_at FROM deliver_worker WHERE pid = %s", [worker.pid])[0][0])
        yield len(moments) - 1


def test_a_database_that_goes_away_and_returns_costs_nothing() -> None:
    """Twice: once it shuts down in order, once it is killed; the worker lives on and forgets no outcome."""
    with (
        tempfile.TemporaryDirectory(prefix="dynamail-away-") as folder,
        Cluster(Path(folder)) as cluster,
        open_workplace(cluster.dsn()) as place,
        start_logged_sink(place.home) as sink,
    ):
        campaign = place.prepare(Order(generate=6000, relay=sink.address))
        with place.start_worker() as worker:
            place.launch(campaign)
            for moment, immediate in ((1000, False), (3000, True)):
                place.wait_until(lambda moment=moment: sink.count_new() >= moment)  # type: ignore[misc]
                cluster.stop(immediate=immediate)
                wait_until_quiet(place, sink)
                cluster.start()
            place.wait_until(lambda: place.count(campaign).is_over)
            assert worker.is_alive
        counts = place.count(campaign)
        assert counts.add_up
        assert (counts.frozen, counts.delivered) == (6000, 6000)
        arrivals = Counter(message_id for message_id, _ in sink.list_arrivals())
        assert len(arrivals) == 6000
        assert max(arrivals.values()) == 1


def wait_until_quiet(place: Workplace, sink: LoggedSink) -> None:
    """Without a database the worker ends what it has declared and stops; then nothing arrives any more."""
    seen: list[int] = []

    def is_quiet() -> bool:
        seen.append(sink.count_new())
        return len(seen) > 25 and seen[-1] == seen[-25]

    place.wait_until(is_quiet)
