"""Limits that several workers share, on the real database with a clock of their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.delivery.database import Database
from dynamail.delivery.records import BOUNCED, DEFERRED, DELIVERED, Result
from dynamail.delivery.throttles.limits import ThrottleKey, TransportLimits
from dynamail.delivery.throttling import RENEW_SECONDS, Clock, Throttle, Throttles
from tests.delivery.stage import Stage

START = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)
FREE = TransportLimits(None, 10, None, None, None, ())
TRANSPORT = 7


@dataclass
class HandClock(Clock):
    """Goes on when it is told to."""

    seconds: float = 1_000.0
    began: float = 1_000.0
    start: datetime = START
    jumped: timedelta = field(default_factory=timedelta)

    def now(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return self.start + self.jumped + timedelta(seconds=self.seconds - self.began)


@pytest.fixture
def account_id(stage: Stage) -> Iterator[int]:
    yield stage.account()
    stage.change("TRUNCATE throttle_bucket, destination_state, destination_rule")


@asynccontextmanager
async def open_throttles(stage: Stage, clock: HandClock, *, workers: int) -> AsyncIterator[list[Throttles]]:
    database = Database(stage.settings.conninfo, size=4)
    await database.open()
    try:
        yield [Throttles(database, clock=clock) for _ in range(workers)]
    finally:
        await database.close()


def limits(**values: Any) -> TransportLimits:
    return replace(FREE, **values)


def take_all(throttle: Throttle, clock: HandClock, most: int = 100_000) -> int:
    taken = 0
    while taken < most and throttle.take(clock.now()):
        taken += 1
    return taken


def play(scene: Any) -> None:
    """Run a coroutine function of (throttles of one worker each, clock)."""
    asyncio.run(scene())


def test_a_throttle_without_limits_costs_no_token(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (throttles,):
            throttle = throttles.find(ThrottleKey(account_id, TRANSPORT, ""), FREE)
            assert not throttle.take(clock.now()), "own limits may exist: nobody has looked yet"
            await throttles.renew(share=1)
            assert take_all(throttle, clock, 1_000) == 1_000
            assert throttle.seconds_to_wait(clock.now()) == 0

    play(scene)
    assert stage.value("SELECT count(*) FROM throttle_bucket") == 0


def test_an_account_that_was_looked_up_need_not_wait(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (throttles,):
            await throttles.load(account_id)
            assert throttles.find(ThrottleKey(account_id, TRANSPORT, ""), FREE).take(clock.now())

    play(scene)


def test_a_pace_is_kept_and_reached(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock, sent = HandClock(), 0
        async with open_throttles(stage, clock, workers=3) as workers:
            key = ThrottleKey(account_id, TRANSPORT, "")
            throttles = [worker.find(key, limits(rate_per_second=40)) for worker in workers]
            for _ in range(80):
                clock.seconds += RENEW_SECONDS
                for worker, throttle in zip(workers, throttles, strict=True):
                    await worker.renew(share=3)
                    sent += take_all(throttle, clock)
            assert 0.95 * 40 * 20 <= sent <= 40 * 21 + 3

    play(scene)


def test_a_slow_pace_is_reached_too(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock, sent = HandClock(), 0
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(rate_per_second=1))
            for _ in range(200):
                clock.seconds += RENEW_SECONDS
                await worker.renew(share=1)
                sent += take_all(throttle, clock)
            assert 48 <= sent <= 51

    play(scene)


def test_a_day_is_counted_exactly_and_the_next_one_begins_at_midnight_utc(
    stage: Stage, account_id: int
) -> None:
    async def scene() -> None:
        clock = HandClock(start=START.replace(hour=23, minute=59, second=0))
        async with open_throttles(stage, clock, workers=2) as workers:
            key = ThrottleKey(account_id, TRANSPORT, "")
            throttles = [worker.find(key, limits(per_day=500)) for worker in workers]
            days: dict[date, int] = {}
            for _ in range(480):
                clock.seconds += RENEW_SECONDS
                for worker, throttle in zip(workers, throttles, strict=True):
                    await worker.renew(share=2)
                    today = clock.wall().date()
                    days[today] = days.get(today, 0) + take_all(throttle, clock)
            assert list(days.values()) == [500, 500]
            assert throttles[0].is_exhausted(clock.now())
            assert throttles[0].seconds_to_wait(clock.now()) > 80_000

    play(scene)


def test_what_an_idle_worker_holds_comes_back_to_the_others(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=2) as (first, second):
            key = ThrottleKey(account_id, TRANSPORT, "")
            idle, busy = (worker.find(key, limits(per_day=100)) for worker in (first, second))
            await first.renew(share=1)
            assert not idle.take(clock.now())
            await first.renew(share=1)
            assert idle.take(clock.now())
            sent = 1
            for _ in range(100):
                clock.seconds += RENEW_SECONDS
                await first.renew(share=1)
                await second.renew(share=1)
                sent += take_all(busy, clock)
            assert sent == 100

    play(scene)


def test_a_day_spaces_messages_only_once_it_is_used_up(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            key = ThrottleKey(account_id, TRANSPORT, "")
            throttle = worker.find(key, limits(rate_per_second=10, per_day=20))
            await worker.renew(share=2)
            assert throttle.seconds_per_message == 0.2
            for _ in range(40):
                clock.seconds += RENEW_SECONDS
                await worker.renew(share=2)
                take_all(throttle, clock)
            assert throttle.seconds_per_message == 86_400 / 20 * 2
            nothing = worker.find(ThrottleKey(account_id, TRANSPORT + 1, ""), limits(per_day=0))
            nothing.take(clock.now())
            await worker.renew(share=1)
            assert not nothing.take(clock.now())
            assert nothing.seconds_per_message == 86_400

    play(scene)


def test_who_found_a_day_used_up_hears_when_something_comes_back(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=2) as (first, second):
            key = ThrottleKey(account_id, TRANSPORT, "")
            holder, late = (worker.find(key, limits(per_day=10)) for worker in (first, second))
            sent = 0
            for _ in range(20):
                await first.renew(share=1)
                sent += take_all(holder, clock, 3 if sent < 9 else 0)
                clock.seconds += RENEW_SECONDS
            stage.change("UPDATE throttle_bucket SET tokens = 10")
            await second.renew(share=1)
            late.take(clock.now())
            await second.renew(share=1)
            assert late.is_exhausted(clock.now())
            assert late.seconds_to_wait(clock.now()) > 3_600
            stage.change("UPDATE throttle_bucket SET tokens = 9")
            clock.seconds += 5.5
            await second.renew(share=1)
            assert late.seconds_to_wait(clock.now()) == 0
            assert late.take(clock.now())

    play(scene)


def test_a_worker_that_ends_gives_its_tokens_back(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(per_hour=1_000))
            for _ in range(3):
                await worker.renew(share=1)
                throttle.take(clock.now())
            await worker.close()

    play(scene)
    assert stage.value("SELECT tokens FROM throttle_bucket") == 2


def test_nobody_waits_for_a_database_that_is_gone_to_end(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(per_hour=1_000))
            await worker.renew(share=1)
            throttle.take(clock.now())
            await worker.renew(share=1)
            away = Database("host=127.0.0.1 port=1 connect_timeout=1", size=1)
            await away.open()
            worker._database = away
            await worker.close()
            await away.close()

    play(scene)


def test_a_token_that_was_not_used_can_be_used_again(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(per_day=1))
            for _ in range(2):
                await worker.renew(share=1)
                taken = throttle.take(clock.now())
            assert taken
            assert not throttle.take(clock.now())
            throttle.give_back()
            assert throttle.take(clock.now())

    play(scene)


def test_without_a_database_a_worker_ends_its_slice_and_stops(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(rate_per_second=100))
            await worker.renew(share=1)
            throttle.take(clock.now())
            await worker.renew(share=1)
            assert throttle.take(clock.now())
            clock.seconds += 1.01
            assert not throttle.take(clock.now())
            assert 0 < throttle.seconds_to_wait(clock.now()) <= RENEW_SECONDS

    play(scene)


def test_all_that_is_short_is_asked_for_at_once(stage: Stage, account_id: int) -> None:
    stage.change(
        "UPDATE account SET messages_per_hour = 1000, messages_per_day = 5000 WHERE id = %s", account_id
    )

    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            full = limits(rate_per_second=100, per_hour=500, per_day=900)
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, "google.com"), full)
            await worker.renew(share=1)
            assert not throttle.take(clock.now())
            await worker.renew(share=1)
            assert throttle.take(clock.now())

    play(scene)
    assert stage.value("SELECT count(*) FROM throttle_bucket") == 6


def test_the_limit_of_an_account_holds_over_all_its_transports(stage: Stage, account_id: int) -> None:
    stage.change("UPDATE account SET messages_per_hour = 60 WHERE id = %s", account_id)

    async def scene() -> None:
        clock, sent = HandClock(), 0
        async with open_throttles(stage, clock, workers=2) as workers:
            throttles = [
                (worker, worker.find(ThrottleKey(account_id, transport, ""), FREE))
                for worker in workers
                for transport in (1, 2)
            ]
            mailbox = workers[0].find(ThrottleKey(account_id, 0, ""), FREE)
            for _ in range(100):
                clock.seconds += RENEW_SECONDS
                for worker, throttle in throttles:
                    await worker.renew(share=2)
                    sent += take_all(throttle, clock)
            assert sent == 60
            assert mailbox.take(clock.now()), "what does not leave does not count"

    play(scene)


def test_an_accounts_own_rule_counts_for_its_destination(stage: Stage, account_id: int) -> None:
    stage.change(
        "INSERT INTO destination_rule (account_id, uid, created_at, site, connections, per_hour, per_connection) "
        "VALUES (%s, gen_random_uuid(), now(), 'gmail', 2, 5, 7)",
        account_id,
    )

    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            google, elsewhere = (
                worker.find(ThrottleKey(account_id, TRANSPORT, site), FREE)
                for site in ("google.com", "example.org")
            )
            sent = 0
            for _ in range(40):
                clock.seconds += RENEW_SECONDS
                await worker.renew(share=1)
                sent += take_all(google, clock)
            assert sent == 5
            assert (google.most_connections, google.most_per_connection) == (2, 7)
            assert elsewhere.take(clock.now())

    play(scene)


def test_a_warm_up_limits_each_day_by_its_plan(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            warming = limits(warmup_started_on=date(2026, 3, 9), warmup_plan=(10, 20, 30), per_day=25)
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), warming)
            sent = []
            for _ in range(3):
                today = 0
                for _ in range(30):
                    clock.seconds += RENEW_SECONDS
                    await worker.renew(share=1)
                    today += take_all(throttle, clock)
                sent.append(today)
                clock.seconds += 86_400
            assert sent == [20, 25, 25]

    play(scene)


def test_a_clock_that_was_set_back_stops_nobody_for_long(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock, sent = HandClock(), 0
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(rate_per_second=10))
            for step in range(80):
                clock.seconds += RENEW_SECONDS
                clock.jumped = timedelta(hours=-1) if step >= 40 else timedelta()
                await worker.renew(share=1)
                sent += take_all(throttle, clock)
            assert 180 <= sent <= 211

    play(scene)


@dataclass(frozen=True)
class Story:
    """What happens to some workers: in each step some renew, some send, some are killed and replaced."""

    rate: int | None
    per_hour: int | None
    workers: int
    steps: list[tuple[int, str, int]]


stories = st.builds(
    Story,
    rate=st.none() | st.integers(1, 200),
    per_hour=st.none() | st.integers(1, 400),
    workers=st.integers(1, 4),
    steps=st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["send", "send", "send", "rest", "kill"]), st.integers(0, 60)
        ),
        min_size=20,
        max_size=40,
    ),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories)
def test_whatever_happens_to_workers_no_window_takes_more_than_its_limit(
    stage: Stage, account_id: int, story: Story
) -> None:
    stage.change("TRUNCATE throttle_bucket")
    key = ThrottleKey(account_id, TRANSPORT, "")
    bounds = limits(rate_per_second=story.rate, per_hour=story.per_hour)
    sent: list[float] = []
    clock = HandClock(start=START.replace(minute=59, second=58))

    async def scene() -> None:
        async with open_throttles(stage, clock, workers=story.workers) as workers:
            throttles = [worker.find(key, bounds) for worker in workers]
            for number, act, amount in story.steps:
                clock.seconds += RENEW_SECONDS
                index = number % story.workers
                await asyncio.gather(*(worker.renew(share=story.workers) for worker in workers))
                if act == "kill":
                    workers[index] = Throttles(workers[index]._database, clock=clock)
                    throttles[index] = workers[index].find(key, bounds)
                elif act == "send":
                    count = take_all(throttles[index], clock, amount)
                    sent.extend([clock.wall().timestamp()] * count)
                elif act == "rest":
                    clock.seconds += amount / 10

    play(scene)
    if story.per_hour is not None:
        hours = Counter(int(at // 3_600) for at in sent)
        assert max(hours.values(), default=0) <= story.per_hour
    if story.rate is not None:
        for seconds in (1, 5):
            assert most_within(sent, seconds) <= story.rate * (seconds + 2) + 1 + story.workers


def most_within(moments: list[float], seconds: float) -> int:
    return max(
        (sum(start <= at < start + seconds for at in moments[index:]) for index, start in enumerate(moments)),
        default=0,
    )


def test_two_workers_that_meet_the_same_new_limits_never_wait_for_each_other_in_vain(
    stage: Stage, account_id: int
) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=4) as workers:
            for round_number in range(10):
                found = [
                    [
                        worker.find(
                            ThrottleKey(account_id, transport, ""), limits(rate_per_second=50, per_day=10_000)
                        )
                        for transport in range(round_number * 10, round_number * 10 + 10)
                    ]
                    for worker in workers
                ]
                for _ in range(3):
                    clock.seconds += RENEW_SECONDS
                    await asyncio.gather(*(worker.renew(share=4) for worker in workers))
                    for throttles in found:
                        for throttle in throttles:
                            take_all(throttle, clock)

    play(scene)
    assert stage.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


TOO_MANY = Result(DEFERRED, "transient", 421, "4.7.0", "too many connections from your host")
ACCEPTED = Result(DELIVERED, "", 250, "2.0.0", "ok")


def test_what_one_worker_learns_another_knows_a_second_later(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=2) as (first, second):
            key = ThrottleKey(account_id, TRANSPORT, "example.com")
            teacher, pupil = first.find(key, FREE), second.find(key, FREE)
            await asyncio.gather(first.renew(share=2), second.renew(share=2))
            assert pupil.take(clock.now())
            for _ in range(20):
                teacher.note_result(TOO_MANY, clock.now())
            assert not teacher.take(clock.now())
            assert teacher.most_connections == 0
            await first.renew(share=2)
            clock.seconds += 1.1
            await second.renew(share=2)
            assert not pupil.take(clock.now())
            assert pupil.reason == "421 4.7.0 too many connections from your host"
            assert abs(pupil.seconds_to_wait(clock.now()) - 58.9) < 0.01
            newcomer = Throttles(first._database, clock=clock)
            await newcomer.load(account_id)
            assert not newcomer.find(key, FREE).take(clock.now())

    play(scene)


def test_a_destination_opens_and_recovers_for_all(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=2) as workers:
            key = ThrottleKey(account_id, TRANSPORT, "example.com")
            throttles = [worker.find(key, limits(connections=8)) for worker in workers]
            await workers[0].renew(share=2)
            throttles[0].note_result(TOO_MANY, clock.now())
            for step in range(160):
                clock.seconds += 0.5
                for worker, throttle in zip(workers, throttles, strict=True):
                    await worker.renew(share=2)
                    for _ in range(10):
                        throttle.note_result(ACCEPTED, clock.now())
                if step == 3:
                    assert [throttle.most_connections for throttle in throttles] == [1, 1]
            assert [throttle.most_connections for throttle in throttles] == [2, 2]
            assert [throttle.reason for throttle in throttles] == ["", ""]

    play(scene)
    assert stage.value("SELECT count(*) FROM destination_state") == 0


def test_try_again_now_opens_a_destination_for_all(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, "example.com"), FREE)
            await worker.renew(share=1)
            throttle.note_blocked("550 5.7.1 your IP is on our list", clock.now(), surely=True)
            await worker.renew(share=1)
            assert throttle.seconds_to_wait(clock.now()) == 7_200
            stage.change("DELETE FROM destination_state")
            clock.seconds += 1.1
            await worker.renew(share=1)
            assert throttle.take(clock.now())

    play(scene)


def test_the_pace_towards_a_destination_that_has_enough_is_lower(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(rate_per_second=40))
            await worker.renew(share=1)
            throttle.note_result(TOO_MANY, clock.now())
            sent = 0
            for _ in range(80):
                clock.seconds += RENEW_SECONDS
                await worker.renew(share=1)
                sent += take_all(throttle, clock)
            assert 0.95 * 20 * 20 <= sent <= 20 * 21 + 2

    play(scene)


def test_the_reason_that_is_kept_names_nobody(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, "example.com"), FREE)
            await worker.renew(share=1)
            said = "too many messages for <ann@example.com>, ask postmaster@example.com"
            throttle.note_result(Result(DEFERRED, "transient", 450, "4.7.1", said), clock.now())
            await worker.renew(share=1)

    play(scene)
    assert stage.value("SELECT reason FROM destination_state") == "450 4.7.1 too many messages for …, ask …"


def test_what_the_mailbox_says_teaches_nothing(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, 0, ""), FREE)
            await worker.renew(share=1)
            for _ in range(30):
                throttle.note_result(TOO_MANY, clock.now())
                throttle.note_connection_refused("421 too many connections", clock.now())
            assert throttle.take(clock.now())

    play(scene)


@pytest.mark.parametrize(
    "result",
    [
        Result(DEFERRED, "transient", 451, "4.7.1", "Greylisted, please try again later"),
        Result(DEFERRED, "quota", 452, "4.2.2", "Mailbox full"),
        Result(BOUNCED, "invalid_recipient", 550, "5.1.1", "User unknown"),
        Result(DEFERRED, reply="The connection was lost."),
    ],
)
def test_replies_about_one_recipient_slow_nobody_down(stage: Stage, account_id: int, result: Result) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, "example.com"), FREE)
            await worker.renew(share=1)
            before = throttle.most_connections
            for _ in range(50):
                throttle.note_result(result, clock.now())
            assert throttle.most_connections == before
            assert throttle.take(clock.now())

    play(scene)


def test_connections_are_divided_by_the_workers_alive(stage: Stage, account_id: int) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with open_throttles(stage, clock, workers=1) as (worker,):
            throttle = worker.find(ThrottleKey(account_id, TRANSPORT, ""), limits(connections=9))
            for share, connections in ((1, 9), (2, 4), (20, 1)):
                await worker.renew(share=share)
                assert throttle.most_connections == connections

    play(scene)
