"""Processes die at random moments while campaigns leave; then every recipient is looked for.

    python -m benchmarks.chaos [--quick] [--kills N] [--recipients N] [--seed S] [--only DRILL …]

A real installation (`dynamail up`: its own PostgreSQL, web, work, two deliver processes) sends campaigns of several accounts to
a sink outside of it, which logs each message before it answers. At random moments of the flow a random process gets kill -9; the
database server also an immediate shutdown. The supervisor brings back what died. In the end each recipient must have arrived
once, or be labeled in doubt; then those in doubt are sent again, and nobody may be missing.

The other drills (`benchmarks/drills.py`) follow. Prints a Markdown table, and as the last line one JSON object.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from benchmarks import drills
from benchmarks.harness import list_sockets_to, print_result
from benchmarks.processes import Process, list_descendants
from benchmarks.verdicts import Verdict, judge, print_verdicts, wait_until_settled
from benchmarks.watched_sink import Witness, start_watched_sink
from tests.support.delivering import Launchable, Order, Workplace
from tests.support.installation import Installation, start_installation

RECIPIENTS, QUICK_RECIPIENTS = 200_000, 20_000
KILLS, QUICK_KILLS = 100, 10
SHARES = (0.30, 0.20, 0.14, 0.10, 0.08, 0.06, 0.05, 0.04, 0.02, 0.01)  # of all recipients, one account each
FIRST = 4  # campaigns launched at the start; two more are scheduled, the others follow as mail arrives
SCHEDULED = 2
CONNECTIONS = 10
LAST_LAUNCH = 0.5  # of the flow has gone when the last of the others is launched
LATEST = 0.95  # of the flow: a kill after the last message would prove nothing
MOST_DELAY = 0.7  # seconds after the arrival that a kill waits for, so that it also meets processes that start or recover
PATIENCE_SECONDS = 240.0

DELIVER, WORK, WEB = "deliver", "work", "web"
POSTMASTER, BACKEND, IMMEDIATE = "PostgreSQL", "a PostgreSQL backend", "PostgreSQL (immediate shutdown)"
# Every process is as likely as any other: two deliver, one work, one web; the server has three ways to die.
TARGETS = {DELIVER: 6, WORK: 3, WEB: 3, POSTMASTER: 1, BACKEND: 1, IMMEDIATE: 1}


@dataclass
class Kills:
    """What was killed, and what was on connections then."""

    counts: Counter[str] = field(default_factory=Counter)
    in_flight_from: list[tuple[set[int], float]] = field(default_factory=list)  # ports of the dead, moment

    def count_in_flight(self, witness: Witness) -> int:
        """Connections of killed processes with a message begun, or answered so lately that nobody may have read it."""
        witness.read()
        return sum(
            any(lost.port in ports and lost.at >= at - 0.001 for ports, at in self.in_flight_from)
            for lost in witness.lost
            if lost.is_in_flight
        )


@dataclass
class Stage:
    """The running installation, seen from outside."""

    installation: Installation
    place: Workplace
    witness: Witness
    dice: random.Random
    kills: Kills = field(default_factory=Kills)

    def find(self, target: str) -> list[Process]:
        everyone = list_descendants(self.installation.process.pid)
        if target in (POSTMASTER, IMMEDIATE):
            return [one for one in everyone if one.is_postmaster]
        if target == BACKEND:
            return [one for one in everyone if one.is_backend]
        return [one for one in everyone if one.is_dynamail(target)]

    def kill_one(self) -> str:
        """Kill a random process that lives; returns what it was."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            target = self.dice.choices(list(TARGETS), list(TARGETS.values()))[0]
            if candidates := self.find(target):
                self._kill(target, self.dice.choice(candidates))
                return target
            time.sleep(0.05)
        raise SystemExit(f"Nothing to kill:\n{self.installation.log.read_text()[-3000:]}")

    def _kill(self, target: str, process: Process) -> None:
        if target == DELIVER:
            ports = list_sockets_to(process.pid, self.witness.port)
            self.kills.in_flight_from.append((ports, time.time()))
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGQUIT if target == IMMEDIATE else signal.SIGKILL)
        self.kills.counts[target] += 1


@contextmanager
def open_stage(seed: int) -> Iterator[Stage]:
    installation = start_installation(
        DYNAMAIL_DELIVER_PROCESSES="2", DYNAMAIL_DELIVER_CONNECTIONS=str(CONNECTIONS)
    )
    try:
        environment = installation.environment | {"DJANGO_SETTINGS_MODULE": "dynamail.settings"}
        place = Workplace(installation.home, installation.dsn, environment)
        with start_watched_sink(installation.home) as witness:
            yield Stage(installation, place, witness, random.Random(seed))
        place.close()
    finally:
        installation.stop()


def run_kills(*, recipients: int, kills: int, seed: int) -> list[Verdict]:
    """The drill itself, and then the decision to send again whatever is in doubt."""
    with open_stage(seed) as stage:
        orders = [
            Order(generate=max(20, round(recipients * share)), relay=stage.witness.address)
            for share in SHARES
        ]
        campaigns = stage.place.prepare_all(orders)
        total = sum(order.generate for order in orders)
        started = time.monotonic()
        launching = Launching(stage, campaigns, total=total)
        launching.start()
        play(stage, total=total, kills=kills)
        launching.join()
        say(f"{kills} kills done after {time.monotonic() - started:.0f} s; waiting for the end")
        wait_until_settled(stage.place, campaigns, stage.witness)
        seconds = time.monotonic() - started
        dead = ", ".join(f"{count} × {name}" for name, count in stage.kills.counts.most_common())
        first_verdict = judge(
            f"kill −9 of a random process: {dead}",
            stage.place,
            campaigns,
            stage.witness,
            kills=kills,
            in_flight=stage.kills.count_in_flight(stage.witness),
            seconds=seconds,
        )
        return [first_verdict, *decide(stage, campaigns, first_verdict)]


class Launching(threading.Thread):
    """Launches while processes die: some at once, some by `work` at a set time, the others when so many have arrived."""

    def __init__(self, stage: Stage, campaigns: Sequence[Launchable], *, total: int) -> None:
        super().__init__(daemon=True)
        self._place = replace(stage.place, _connection=None)  # a connection is for one thread
        self._witness = stage.witness.look_again()
        self._first, self._scheduled = campaigns[:FIRST], campaigns[-SCHEDULED:]
        self._later = campaigns[FIRST:-SCHEDULED]
        self._total = total

    def run(self) -> None:
        self._insist(self._first)
        self._schedule()
        for number, campaign in enumerate(self._later, 1):
            while self._witness.count() < self._total * LAST_LAUNCH * number / len(self._later):
                time.sleep(0.1)
            self._insist([campaign])
        self._place.close()

    def _insist(self, campaigns: Sequence[Launchable]) -> None:
        """Until it is done: the database may be dying at this moment, and a launch is all or nothing."""
        waiting = list(campaigns)
        while waiting:
            with suppress(AssertionError, psycopg.OperationalError):
                self._place.launch(*waiting)
            with suppress(psycopg.OperationalError):
                waiting = [one for one in waiting if not self._place.count(one).frozen]

    def _schedule(self) -> None:
        waiting = list(self._scheduled)
        while waiting:
            with suppress(AssertionError):
                self._place.run("benchmarks.verbs", "schedule", "1", to_pair(waiting[0]))
            with suppress(psycopg.OperationalError):
                waiting = [one for one in waiting if self._read_state(one) == "draft"]

    def _read_state(self, campaign: Launchable) -> str:
        statement = "SELECT state FROM campaign WHERE account_id = %s AND uid = %s"
        return str(self._place.fetch(statement, [campaign.account_id, campaign.source_id])[0][0])


def play(stage: Stage, *, total: int, kills: int) -> None:
    """Kill at random moments of the flow."""
    moments = sorted(stage.dice.sample(range(1, int(total * LATEST)), kills))
    for number, moment in enumerate(moments, 1):
        wait_for(stage, moment)
        time.sleep(stage.dice.uniform(0, MOST_DELAY))
        target = stage.kill_one()
        say(f"kill {number}: {target}, {stage.witness.count():,} arrived")


def wait_for(stage: Stage, moment: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while stage.witness.count() < moment:
        if time.monotonic() > deadline:
            raise SystemExit(f"Nothing moves any more:\n{stage.installation.log.read_text()[-6000:]}")
        time.sleep(0.01)


def decide(stage: Stage, campaigns: list[Launchable], before: Verdict) -> list[Verdict]:
    """Somebody decides: send those in doubt again. Now everybody must have arrived, and only they may have it twice."""
    if not before.in_doubt:
        return []
    started = time.monotonic()
    stage.place.run("benchmarks.verbs", "resend", *map(to_pair, campaigns))
    wait_until_settled(stage.place, campaigns, stage.witness)
    verdict = judge(
        "the same, after “send again” for those in doubt",
        stage.place,
        campaigns,
        stage.witness,
        labeled=before.labeled,
        seconds=time.monotonic() - started,
    )
    return [verdict]


def to_pair(campaign: Launchable) -> str:
    return f"{campaign.account_id}:{campaign.campaign_id}"


def play_drill(name: str, drill: Callable[..., list[Verdict]], *, recipients: int) -> list[Verdict]:
    """Its verdicts; none when this machine cannot play it."""
    say(f"drill: {name}")
    try:
        verdicts = drill(recipients=recipients)
    except drills.CannotPlay as reason:
        say(f"left out: {reason}")
        return []
    for verdict in verdicts:
        say(f"  {'holds' if verdict.holds else 'DOES NOT HOLD'}: {verdict.describe()}")
    return verdicts


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="10 kills among 20,000, smaller drills")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--recipients", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument(
        "--only", nargs="+", choices=["kills", *drills.DRILLS], default=["kills", *drills.DRILLS]
    )
    parser.add_argument("--table", type=Path, help="also write the table into this file")
    options = parser.parse_args()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("asked to stop")
    )  # so that everything started here ends too
    say(f"seed {options.seed}")
    verdicts: list[Verdict] = []
    if "kills" in options.only:
        verdicts += run_kills(
            recipients=options.recipients or (QUICK_RECIPIENTS if options.quick else RECIPIENTS),
            kills=options.kills or (QUICK_KILLS if options.quick else KILLS),
            seed=options.seed,
        )
    for name, drill in drills.DRILLS.items():
        if name in options.only:
            verdicts += play_drill(name, drill, recipients=drills.QUICK if options.quick else drills.FULL)
    table = print_verdicts(verdicts)
    if options.table:
        options.table.write_text(table, encoding="utf-8")
    print_result(
        {
            "name": "chaos",
            "rate": sum(verdict.kills for verdict in verdicts),
            "unit": "kills",
            "reference": "lost 0, twice 0, in doubt ≤ in flight",
            "ratio": sum(verdict.holds for verdict in verdicts) / len(verdicts),
            "budget": 1.0,
            "holds": all(verdict.holds for verdict in verdicts),
            "seed": options.seed,
            "drills": [verdict.describe() for verdict in verdicts],
        }
    )
    sys.exit(0 if all(verdict.holds for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
