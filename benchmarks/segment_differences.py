"""Do the SQL of a condition and its evaluation in memory agree? Random trees and people, each difference printed.

    python -m benchmarks.segment_differences [--quick] [--seed 1]

100,000 trees in both forms of SQL, each for forty people; 2,000 with --quick. Runs against the database in DATABASE_URL, else against an
embedded server.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from benchmarks.harness import print_result, read_load
from benchmarks.own_database import own_database

TREES, QUICK_TREES = 100_000, 2_000
AT_ONCE = 1_000
PEOPLE = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 trees instead of 100,000")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with own_database("test_segment_differences"):
        _run(QUICK_TREES if given.quick else TREES, given.seed)


def _run(trees: int, seed: int) -> None:
    from dynamail.accounts.models import Account
    from dynamail.accounts.tenancy import account_scope
    from tests.segments.difference import compare_trees
    from tests.segments.population import make_population
    from tests.support.conditions import NOW

    moments = ((NOW, "Pacific/Chatham"), (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "America/New_York"))
    done = differences = 0
    for turn, (now, zone) in enumerate(moments):
        account = Account.objects.create(name=f"Difference {turn}", postal_address="Main street 1, Grodno")
        population = make_population(account, now=now, zone=zone, size=PEOPLE, seed=seed)
        for _ in range(trees // len(moments) // AT_ONCE):
            with account_scope(account):
                found = compare_trees(population, trees=AT_ONCE, seed=seed * 1_000_003 + done)
            for one in found[:5]:
                print(one, flush=True)
            done, differences = done + AT_ONCE, differences + len(found)
            print(f"{done:,} trees, {differences} differences", flush=True)
    print_result(
        {
            "name": "segment_differences",
            "rate": differences,
            "unit": "differences",
            "reference": "evaluation in memory",
            "budget": 0,
            "holds": differences == 0,
            "trees": done,
            "people": PEOPLE * len(moments),
            "load": read_load(),
        }
    )


if __name__ == "__main__":
    main()
