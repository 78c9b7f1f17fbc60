"""A deliver process that looks at itself a thousand times in each second of CPU time: where does a message's time go?

    python -m benchmarks.profiled_worker FILE       runs like `dynamail deliver`; at the end FILE holds {"stage": samples}

Nothing of this is in the product. The kernel's profiling timer counts CPU time only; at each tick the stack is read from the
inside out, and the first frame that belongs to a stage decides. A C function counts for the Python code that called it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from benchmarks.harness import read_cpu_seconds
from tests.support.delivering import Worker, Workplace

ROOT = Path(__file__).parents[1]
TICK_SECONDS = 0.001
PROFILE_FILE = "profile.json"
REST = "the rest: event loop, garbage collection, keepers"

# Stage → parts of file names; the first stage that knows a frame's file has it.
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("journal", ("delivery/journal",)),
    ("sign", ("messages/signing", "protocols/dkim", "/cryptography/", "delivery/identities")),
    (
        "render",
        ("messages/composing", "messages/personalizing", "messages/body_plans", "messages/recipient_links",
         "messages/return_paths", "dynamail/content/", "dynamail/tracking/", "protocols/mime", "protocols/quoted_printable",
         "protocols/list_headers", "protocols/verp", "protocols/address", "/liquid/"),
    ),
    ("SMTP", ("protocols/smtp/",)),
    ("choosing a way out, limits", ("delivery/pacing", "delivery/throttling", "delivery/transports", "delivery/ways",
                                   "delivery/routing", "delivery/outlets")),
    ("query: contacts and gate", ("delivery/gate", "delivery/sources", "consent/")),
    ("outcome: window, counters, commit", ("delivery/recording", "delivery/windows", "delivery/outcomes", "delivery/completing",
                                           "delivery/chunk_lane", "delivery/outbox_lane", "delivery/database")),
    ("SMTP", ("delivery/connections",)),
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """CPU microseconds a message, by stage."""

    microseconds: dict[str, float]
    messages: int
    samples: int

    def describe(self) -> dict[str, object]:
        return {"cpu_us": self.microseconds, "messages": self.messages, "samples": self.samples}

    def format_table(self) -> str:
        total = sum(self.microseconds.values())
        rows = [
            f"| {stage} | {spent:.1f} | {spent / total:.0%} |" for stage, spent in self.microseconds.items()
        ]
        head = f"| stage | µs a message (of {total:.0f}) | share |\n|---|---|---|\n"
        return head + "\n".join(rows) + "\n"


class Sampler:
    """Counts stages at each tick of the profiling timer."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._known: dict[str, str] = {}  # file name → stage, "" when none

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if stage := self._find_stage(frame.f_code.co_filename):
                self.counts[stage] += 1
                return
            frame = frame.f_back
        self.counts[REST] += 1

    def _find_stage(self, name: str) -> str:
        stage = self._known.get(name)
        if stage is None:
            stage = next((stage for stage, parts in STAGES if any(part in name for part in parts)), "")
            self._known[name] = stage
        return stage


def start_profiled_worker(place: Workplace) -> Worker:
    """In place of `place.start_worker()`; stopping it writes the profile."""
    log = place.home / "profiled.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.profiled_worker", str(place.home / PROFILE_FILE)],
            env=place.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    worker = Worker(process, log)
    place.workers.append(worker)
    place.wait_until(lambda: bool(place.fetch("SELECT 1 FROM deliver_worker WHERE pid = %s", [worker.pid])))
    return worker


def read_profile(place: Workplace, *, messages: int) -> Profile:
    """What the worker wrote when it stopped."""
    found = json.loads((place.home / PROFILE_FILE).read_text())
    counts, each = found["counts"], found["cpu_seconds"] / max(1, sum(found["counts"].values()))
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    spent = {stage: round(count * each / messages * 1e6, 1) for stage, count in ordered}
    return Profile(spent, messages, sum(counts.values()))


def main() -> None:
    from dynamail.cli.setup import start_django

    start_django("dynamail_work")
    from dynamail.delivery.worker import load_worker_settings, run_worker

    sampler = Sampler()
    before = read_cpu_seconds([os.getpid()])[os.getpid()]
    sampler.start()
    try:
        run_worker(load_worker_settings())
    finally:
        sampler.stop()
        spent = read_cpu_seconds([os.getpid()])[os.getpid()] - before
        Path(sys.argv[1]).write_text(json.dumps({"counts": dict(sampler.counts), "cpu_seconds": spent}))


if __name__ == "__main__":
    main()
