"""What else can go wrong around a campaign: the disk, the clock, the relay, the database, the neighbors.

Each drill is a function that plays one mishap and returns verdicts; `benchmarks.chaos` prints them all in one table, and
`tests/e2e/test_drills.py` plays some of them small.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.verdicts import Verdict, judge, wait_until_settled
from benchmarks.watched_sink import Witness, start_watched_sink
from dynamail.postgres.cluster import Cluster
from tests.support.delivering import Launchable, Order, Workplace, open_workplace
from tests.support.installation import Installation, start_installation

FULL, QUICK = 20_000, 3_000  # recipients
BODY = '<p>Hello {{ contact.first_name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
CLOSE_EVERY = 20
DISK_BYTES = 700 * 2**20
JOURNAL_BYTES = 16 * 2**20
SPARE_BYTES = 64 * 2**10
AWAY_SECONDS, QUICK_AWAY_SECONDS = 30.0, 5.0
QUIET_SECONDS = 3.0
HOUR = 3600
FAKETIME_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)
NEIGHBORS = 20
PATIENCE_SECONDS = 180.0


class CannotPlay(Exception):
    """This machine lacks something; the message says what."""


def play_closing_relay(*, recipients: int) -> list[Verdict]:
    """The relay takes each twentieth message and closes before it answers. Those are in doubt, and nobody sends them again."""
    with open_workplace() as place, start_watched_sink(place.home, "--close-every", str(CLOSE_EVERY)) as sink:
        campaign = place.prepare(Order(generate=recipients, relay=sink.address, body=BODY))
        started = place.launch(campaign)
        for moment in (1, recipients // 2):
            with place.start_worker():
                wait_for(place, sink, moment)
        with place.start_worker():
            wait_until_settled(place, [campaign], sink)
        seconds = time.monotonic() - started
        closed = sink.count() - sink.answered.total()
        return [
            judge(
                "the relay closes between the final dot and 250, every 20th message",
                place,
                [campaign],
                sink,
                in_flight=closed,
                seconds=seconds,
            )
        ]


def play_absent_database(*, recipients: int) -> list[Verdict]:
    """PostgreSQL is gone in mid-campaign, longer than any statement waits."""
    away = AWAY_SECONDS if recipients >= FULL else QUICK_AWAY_SECONDS
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dynamail-away-"))
        cluster = stack.enter_context(Cluster(Path(folder)))
        place = stack.enter_context(open_workplace(cluster.dsn()))
        sink = stack.enter_context(start_watched_sink(place.home))
        campaign = place.prepare(Order(generate=recipients, relay=sink.address, body=BODY))
        workers = [stack.enter_context(place.start_worker()) for _ in range(2)]
        started = time.monotonic()
        place.launch(campaign)
        wait_for(place, sink, recipients // 3)
        cluster.stop(immediate=True)
        time.sleep(away)
        cluster.start()
        wait_until_settled(place, [campaign], sink)
        seconds = time.monotonic() - started
        assert all(worker.is_alive for worker in workers)
        return [
            judge(f"PostgreSQL gone for {away:g} s", place, [campaign], sink, in_flight=0, seconds=seconds)
        ]


def play_clock_jumps(*, recipients: int) -> list[Verdict]:
    """The workers' clock jumps an hour ahead and back again, then an hour back and ahead again, in mid-campaign."""
    return [_play_clock_jump(direction, recipients=recipients) for direction in (HOUR, -HOUR)]


def _play_clock_jump(seconds_ahead: int, *, recipients: int) -> Verdict:
    library = find_faketime()
    with ExitStack() as stack:
        place = stack.enter_context(open_workplace())
        sink = stack.enter_context(start_watched_sink(place.home))
        campaign = place.prepare(Order(generate=recipients, relay=sink.address, body=BODY))
        clock = place.home / "clock"
        set_clock(clock, 0)
        for _ in range(2):
            worker = place.start_worker(
                LD_PRELOAD=library,
                FAKETIME_TIMESTAMP_FILE=str(clock),
                FAKETIME_DONT_FAKE_MONOTONIC="1",
                FAKETIME_NO_CACHE="1",
            )
            stack.enter_context(worker)
        started = time.monotonic()
        place.launch(campaign)
        wait_for(place, sink, recipients // 6)
        set_clock(clock, seconds_ahead)
        wait_for_more_or_quiet(sink, recipients // 2)
        arrived = sink.count()
        set_clock(clock, 0)
        wait_until_settled(place, [campaign], sink)
        went_on = (
            "went on meanwhile" if arrived >= recipients // 2 else "waited until the clock was right again"
        )
        way = "ahead and back" if seconds_ahead > 0 else "back and ahead"
        return judge(
            f"the workers' clock jumps an hour {way}",
            place,
            [campaign],
            sink,
            in_flight=0,
            seconds=time.monotonic() - started,
            remark=went_on,
        )


def play_full_journal(*, recipients: int) -> list[Verdict]:
    """The disk of the journals is full: nothing may be sent that cannot be noted. It goes on when there is space again."""
    with ExitStack() as stack:
        place = stack.enter_context(open_workplace())
        folder = Path(place.environment["DYNAMAIL_HOME"]) / "journal"
        stack.enter_context(mount_small_disk(folder, JOURNAL_BYTES))
        sink = stack.enter_context(start_watched_sink(place.home))
        campaign = place.prepare(Order(generate=recipients, relay=sink.address, body=BODY))
        stack.enter_context(place.start_worker())
        started = time.monotonic()
        place.launch(campaign)
        wait_for(place, sink, recipients // 10)
        ballast = fill_disk(folder, spare=0)
        wait_until_quiet(sink)
        stopped_at = sink.count()
        ballast.unlink()
        wait_until_settled(place, [campaign], sink)
        return [
            judge(
                "the journal's disk is full",
                place,
                [campaign],
                sink,
                in_flight=0,
                seconds=time.monotonic() - started,
                remark=f"nothing left after {stopped_at:,}, until there was space",
            )
        ]


def play_full_disk(*, recipients: int) -> list[Verdict]:
    """The disk of the whole data folder is full: database, journals, everything. A small campaign would still find room."""
    recipients = max(recipients, FULL)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dynamail-disk-")))
        folder.chmod(0o755)
        stack.enter_context(mount_small_disk(folder / "disk", DISK_BYTES))
        data = folder / "disk" / "data"
        installation = start_installation(DYNAMAIL_HOME=str(data), DYNAMAIL_DELIVER_PROCESSES="2")
        stack.callback(installation.stop)
        place = Workplace(
            installation.home,
            installation.dsn,
            installation.environment | {"DJANGO_SETTINGS_MODULE": "dynamail.settings"},
        )
        stack.callback(place.close)
        sink = stack.enter_context(start_watched_sink(installation.home))
        campaign = place.prepare(Order(generate=recipients, relay=sink.address, body=BODY))
        started = time.monotonic()
        place.launch(campaign)
        wait_for(place, sink, recipients // 10)
        ballast = fill_disk(folder / "disk", spare=SPARE_BYTES)
        wait_until_quiet(sink)
        stopped_at, ended = sink.count(), installation.process.poll() is not None
        ballast.unlink()
        if ended or installation.process.poll() is not None:
            restart(installation)
        wait_until_settled(place, [campaign], sink)
        return [
            judge(
                "the data folder's disk is full",
                place,
                [campaign],
                sink,
                seconds=time.monotonic() - started,
                remark=f"nothing left after {stopped_at:,}, until there was space"
                + ("; `dynamail up` had ended and was started again" if ended else ""),
            )
        ]


def play_refusing_neighbors(*, recipients: int) -> list[Verdict]:
    """Twenty accounts whose relays refuse every connection, with waiting campaigns; a worker dies; then a healthy account's campaign."""
    with ExitStack() as stack:
        place = stack.enter_context(open_workplace())
        sink = stack.enter_context(start_watched_sink(place.home))
        ports = [stack.enter_context(refuse_connections()) for _ in range(NEIGHBORS)]
        orders = [Order(generate=1500, relay=("127.0.0.1", port), body=BODY) for port in ports]
        healthy = Order(generate=recipients // 3, relay=sink.address, body=BODY)
        *refused, early, late = place.prepare_all([*orders, healthy, healthy])
        worker = place.start_worker()
        place.launch(*refused)
        first = measure_campaign(place, sink, early)
        worker.kill()
        stack.enter_context(place.start_worker())
        second = measure_campaign(place, sink, late)
        return [
            judge(
                f"{NEIGHBORS} accounts whose relays refuse every connection; a healthy account meanwhile",
                place,
                [early, late],
                sink,
                seconds=first + second,
                remark=f"{first:.1f} s, {second:.1f} s after the worker was killed",
            )
        ]


def measure_campaign(place: Workplace, sink: Witness, campaign: Launchable) -> float:
    """Seconds from the launch until all is settled."""
    launched_at = place.launch(campaign)
    wait_until_settled(place, [campaign], sink)
    return time.monotonic() - launched_at


DRILLS: Mapping[str, Callable[..., list[Verdict]]] = {
    "closing-relay": play_closing_relay,
    "absent-database": play_absent_database,
    "clock-jumps": play_clock_jumps,
    "full-journal": play_full_journal,
    "full-disk": play_full_disk,
    "refusing-neighbors": play_refusing_neighbors,
}


# --- disks, clocks, ports --------------------------------------------------------------------------------------------


@contextmanager
def mount_small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of its own in that folder. Raises CannotPlay without the right to mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        raise CannotPlay("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill_disk(folder: Path, *, spare: int) -> Path:
    """A file that leaves no more than `spare` bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        while (free := os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - spare) > 0:
            try:
                file.write(bytes(min(free, 2**20)))
                file.flush()
            except OSError:
                break
    return ballast


def find_faketime() -> str:
    """The library that lies about the time. Raises CannotPlay."""
    for path in FAKETIME_LIBRARIES:
        if Path(path).exists():
            return path
    raise CannotPlay("Debian's package faketime is not installed")


def set_clock(clock: Path, seconds_ahead: int) -> None:
    """In one step: a worker reads the file at each look at the time."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(f"{seconds_ahead:+d}")
    fresh.replace(clock)


@contextmanager
def refuse_connections() -> Iterator[int]:
    """A port that stays ours and refuses: bound, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def restart(installation: Installation) -> None:
    """As an operator, or their service manager, does."""
    with installation.log.open("ab") as output:
        installation.process = subprocess.Popen(
            [sys.executable, "-m", "dynamail", "up"],
            env=installation.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


# --- waiting ---------------------------------------------------------------------------------------------------------


def wait_for(place: Workplace, sink: Witness, count: int) -> None:
    place.wait_until(lambda: sink.count() >= count, seconds=PATIENCE_SECONDS)


def wait_until_quiet(sink: Witness) -> None:
    """Until nothing has arrived for a while."""
    wait_for_more_or_quiet(sink, sys.maxsize)


def wait_for_more_or_quiet(sink: Witness, count: int) -> None:
    """Until so many have arrived, or nothing more comes."""
    seen, since = sink.count(), time.monotonic()
    while seen < count and time.monotonic() - since < QUIET_SECONDS:
        time.sleep(0.05)
        if (now := sink.count()) > seen:
            seen, since = now, time.monotonic()
