"""How well returned mail is understood. `python -m benchmarks.bounces [DIR] [--misses]`; the folder defaults to $BOUNCES, or to
tests/data/bounces.

DIR holds messages and `labels.tsv` with the columns file, recipient_index, status, reply_code, reason, hard: one line for each
recipient of a file, in their order. Files without a line are only read for the time they take. `recipient_found`,
`hard_agreement` and `reason_agreement` are shares of all labeled recipients (one that was not found agrees with nothing),
`false_hard` is the share of soft ones that would have been suppressed.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import print_result, print_table
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportedRecipient

DEFAULT_FOLDER = Path(
    os.environ.get("BOUNCES", Path(__file__).resolve().parents[1] / "tests" / "data" / "bounces")
)
BUDGETS = {"recipient_found": 0.98, "hard_agreement": 0.97, "reason_agreement": 0.92}
MAX_FALSE_HARD = 0.005
MAX_MEDIAN_MS = 5.0
ROUNDS = 3


@dataclass(frozen=True)
class Label:
    reason: str
    is_hard: bool


@dataclass
class Tally:
    labels: int = 0
    found: int = 0
    hard: int = 0
    reasons: int = 0
    soft: int = 0
    false_hard: int = 0
    misses: list[str] = field(default_factory=list)

    def note(self, name: str, label: Label, recipient: ReportedRecipient | None) -> None:
        self.labels += 1
        self.soft += not label.is_hard
        if recipient is None:
            self.misses.append(f"{name}: no recipient, expected {label.reason}")
            return
        self.found += 1
        self.hard += recipient.is_hard == label.is_hard
        self.reasons += recipient.reason == label.reason
        self.false_hard += recipient.is_hard and not label.is_hard
        if recipient.is_hard != label.is_hard or recipient.reason != label.reason:
            self.misses.append(
                f"{name}: {recipient.reason}{' hard' * recipient.is_hard}, expected {label.reason}{' hard' * label.is_hard}: "
                f"{recipient.status} {recipient.code} {recipient.diagnostic[:200]}"
            )


def read_labels(folder: Path) -> dict[str, list[Label]]:
    """The labels of each file, in the order of its recipients."""
    labels: dict[str, list[Label]] = {}
    with (folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            labels.setdefault(row["file"], []).append(
                Label(row["reason"], row["hard"].strip().lower() == "true")
            )
    return labels


def measure(folder: Path) -> tuple[dict[str, object], list[str]]:
    labels = read_labels(folder)
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_file() and path.name not in ("labels.tsv", "LICENSE")
    )
    tally, times = Tally(), []
    for name in names:
        raw = (folder / name).read_bytes()
        best = float("inf")
        for _ in range(ROUNDS):
            started = time.perf_counter()
            report = read_report(raw)
            best = min(best, time.perf_counter() - started)
        times.append(best * 1000)
        expected = labels.get(name, [])
        for number, label in enumerate(expected):
            tally.note(name, label, report.recipients[number] if number < len(report.recipients) else None)
    shares = {
        "recipient_found": _share(tally.found, tally.labels),
        "hard_agreement": _share(tally.hard, tally.labels),
        "reason_agreement": _share(tally.reasons, tally.labels),
        "false_hard": _share(tally.false_hard, tally.soft),
        "median_ms": round(statistics.median(times), 3) if times else 0.0,
    }
    return {
        "name": "bounces",
        "ratio": round(min(shares[name] / budget for name, budget in BUDGETS.items()), 4),
        "budget": 1.0,
        "holds": all(shares[name] >= budget for name, budget in BUDGETS.items())
        and shares["false_hard"] <= MAX_FALSE_HARD
        and shares["median_ms"] <= MAX_MEDIAN_MS,
        "slowest_ms": round(max(times, default=0.0), 1),
        **shares,
        "files": len(names),
        "recipients": tally.labels,
    }, tally.misses


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument(
        "--misses", action="store_true", help="print every recipient that was read differently"
    )
    parser.add_argument(
        "--quick", action="store_true", help="accepted like by every benchmark; this one is always quick"
    )
    arguments = parser.parse_args()
    result, misses = measure(arguments.folder)
    if arguments.misses:
        print("\n".join(misses))
    print_table(result.items())
    print_result(result)
