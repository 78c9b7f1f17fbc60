"""What segments cost: twelve questions from simple to nasty about an account of a million contacts and twenty million facts.

    python -m benchmarks.segments [--quick] [--runs 9]

Each is counted exactly, estimated from a sample, previewed (ten people) and written down as a whole (ids into a temporary table); the
same in a smaller account of the same database shows how cost grows. For each the node of the plan that took longest is named. Attribute
indexes are made the way the product makes them for saved segments. Runs on a database of its own, on the server of DATABASE_URL or an
embedded one. --quick asks accounts of 100,000 and 20,000 contacts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.harness import print_result, read_load
from benchmarks.own_database import own_database
from benchmarks.segment_account import BenchAccount, bulk_indexes, make_account

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SIZES, QUICK_SIZES = (1_000_000, 100_000), (100_000, 20_000)
BUDGET_MS, SAMPLE_BUDGET_MS = 100.0, 10.0
BUDGET_NAME = "three conditions"


@dataclass(frozen=True)
class Figures:
    """Milliseconds in the order of the runs."""

    name: str
    number: int
    count: list[float]
    estimate: list[float]
    preview: list[float]
    write: list[float]
    worst: str

    def to_json(self) -> dict[str, object]:
        found: dict[str, object] = {"name": self.name, "contacts": self.number, "worst_node": self.worst}
        for part in ("count", "estimate", "preview", "write"):
            runs = getattr(self, part)
            found[f"{part}_p50"], found[f"{part}_p95"] = find_p50(runs), find_p95(runs)
        return found


def find_p50(runs: list[float]) -> float:
    return round(statistics.median(runs), 1)


def find_p95(runs: list[float]) -> float:
    ordered = sorted(runs)
    return round(ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))], 1)


def list_definitions(account: BenchAccount) -> dict[str, dict[str, Any]]:
    """The twelve, by name."""
    from dynamail.consent.models import Topic
    from dynamail.contacts.models import Tag
    from dynamail.lib.ids import to_public_id

    def attribute(key: str, op: str, *value: Any) -> dict[str, Any]:
        return {"kind": "attribute", "attribute": key, "op": op} | ({"value": value[0]} if value else {})

    def act(name: str, **more: Any) -> dict[str, Any]:
        return {"kind": "activity", "act": name} | more

    tags = [row.public_id for row in Tag.objects.for_account(account.id).order_by("pk")]
    topic = Topic.objects.for_account(account.id).order_by("pk")[0].public_id
    campaign = to_public_id("cmp", account.campaigns[-5])
    never = {"op": "equals", "n": 0}
    three = {
        "all": [
            attribute("country", "equals", "DE"),
            {"any": [attribute("plan", "equals", "pro"), attribute("age", "at_least", 40)]},
            act("opened", times=never, period={"last_days": 30}),
        ]
    }
    shoes = {
        "kind": "event",
        "event": "order.placed",
        "where": [{"property": "category", "op": "equals", "value": "shoes"}],
        "measures": [
            {"measure": "count", "op": "at_least", "value": 2},
            {"measure": "sum", "property": "total", "op": "more", "value": 100},
        ],
        "period": {"last_days": 90},
    }
    return {
        "everybody": {},
        "one attribute": attribute("country", "equals", "DE"),
        BUDGET_NAME: three,
        "tags": {
            "all": [
                {"kind": "tag", "op": "has_any", "tags": [tags[3], tags[35]]},
                {"kind": "tag", "op": "has_none", "tags": [tags[12]]},
            ]
        },
        "consent": {
            "all": [
                {"kind": "topic", "topic": topic, "state": "subscribed", "basis": "consent"},
                {"kind": "standing", "standing": "mailable"},
            ]
        },
        "birthday in a week": attribute("birthday", "anniversary", [{"days": 0}, {"days": 7}]),
        "parts of texts": {
            "any": [
                attribute("company", "contains", "ny 123"),
                {"all": [attribute("city", "begins", "city 7"), {"kind": "field", "field": "domain", "op": "ends", "value": "9.example"}]},
            ]
        },
        "asleep": {
            "all": [act("sent", period={"last_days": 90}), act("opened", times=never, period={"last_days": 180})]
        },
        "opened, not clicked": {
            "all": [act("opened", of={"campaign": campaign}), act("clicked", of={"campaign": campaign, "link": 1}, times=never)]
        },
        "three opens in 90 days": act("opened", times={"op": "at_least", "n": 3}, period={"last_days": 90}),
        "bought shoes twice": shoes,
        "nasty": {
            "all": [
                {"any": [three, {"all": [shoes, {"kind": "engagement", "op": "at_least", "value": 40}]}, {"kind": "random", "percent": 5}]},
                act("received", times={"op": "at_least", "n": 2}, period={"last_days": 60}),
                {"not": {"any": [act("bounced"), act("complained"), act("opened", of={"last": 3})]}},
            ]
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="100,000 and 20,000 contacts instead of a million and 100,000"
    )
    parser.add_argument("--runs", type=int, default=9, help="of each question")
    given = parser.parse_args()
    with own_database("test_segments_benchmark"):
        _run(QUICK_SIZES if given.quick else SIZES, given.runs)


def _run(sizes: tuple[int, ...], runs: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        with bulk_indexes(cursor):
            accounts = [make_account(cursor, size=size, now=NOW) for size in sizes]
        indexes = _make_indexes(accounts[0], cursor)
    measured = {}
    for account in accounts:
        print(
            f"\n{account.size:,} contacts, {account.facts:,} facts, made in {account.seconds:.0f} s; load {read_load()}"
        )
        measured[account.size] = measure_account(account, runs)
    report(accounts, measured, indexes)


def _make_indexes(account: BenchAccount, cursor: Any) -> list[str]:
    from dynamail.segments.indexing import maintain_indexes
    from dynamail.segments.models import Segment

    for name, definition in list_definitions(account).items():
        Segment.objects.add(account.id, name=name, definition=definition, updated_at=NOW)
    cursor.execute("GRANT ALL ON SCHEMA public TO dynamail_owner")
    cursor.execute("ALTER TABLE contact OWNER TO dynamail_owner")  # as a migrated installation has it
    started = time.perf_counter()
    names = maintain_indexes()
    print(f"{len(names)} indexes of attributes in {time.perf_counter() - started:.0f} s: {', '.join(names)}")
    cursor.execute("VACUUM (ANALYZE) contact")
    return names


def measure_account(account: BenchAccount, runs: int) -> list[Figures]:
    print(f"{'':<24}{'contacts':>10}{'count':>16}{'estimate':>16}{'preview':>16}{'write':>16}  (p50, p95 ms)")
    return [
        _measure(account, name, definition, runs) for name, definition in list_definitions(account).items()
    ]


def _measure(account: BenchAccount, name: str, definition: dict[str, Any], runs: int) -> Figures:
    from dynamail.conditions.parsing import parse_condition
    from dynamail.segments.counting import count_exactly, estimate
    from dynamail.segments.previewing import pick_ten

    condition = parse_condition(definition)
    asked = {"now": NOW, "seconds": 120.0}
    number = count_exactly(account.id, condition, **asked).number  # warms the caches
    found = Figures(
        name,
        number,
        [count_exactly(account.id, condition, **asked).milliseconds for _ in range(runs)],
        [estimate(account.id, condition, **asked).milliseconds for _ in range(runs)],
        [_time(lambda: pick_ten(account.id, condition, **asked)) for _ in range(runs)],
        [_write(account.id, condition) for _ in range(max(1, runs // 3))],
        find_worst_node(account.id, condition),
    )
    columns = "".join(
        f"{find_p50(one):>8}{find_p95(one):>8}"
        for one in (found.count, found.estimate, found.preview, found.write)
    )
    print(f"{name:<24}{number:>10,}{columns}  {found.worst}", flush=True)
    return found


def _time(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _write(account_id: int, condition: Any) -> float:
    """All ids into a table, as a launch or a task would take them."""
    from dynamail.segments.asking import ask_account
    from dynamail.segments.compiling import compile_for

    wanted = compile_for(account_id, condition, now=NOW)
    with ask_account(account_id, seconds=120) as cursor:
        return _time(
            lambda: cursor.execute(
                f"CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS SELECT contact.id FROM contact WHERE account_id = %s AND ({wanted.text})",
                [account_id, *wanted.parameters],
            )
        )


def find_worst_node(account_id: int, condition: Any) -> str:
    """The node that took most time of its own, and its share of the whole."""
    from dynamail.segments.asking import ask_account
    from dynamail.segments.compiling import compile_for

    wanted = compile_for(account_id, condition, now=NOW)
    with ask_account(account_id, seconds=120) as cursor:
        cursor.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT count(*) FROM contact WHERE account_id = %s AND ({wanted.text})",
            [account_id, *wanted.parameters],
        )
        plan = cursor.fetchone()[0]
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    worst, most = "", -1.0
    waiting = [(top, 1)]
    while waiting:
        node, processes = waiting.pop()
        inside = node.get("Workers Launched", 0) + 1 if "Workers Launched" in node else processes
        below = node.get("Plans", [])
        own = _spent(node, processes) - sum(_spent(one, inside) for one in below)
        if own > most:
            label = node.get("Index Name") or node.get("Relation Name") or ""
            worst, most = f"{node['Node Type']} {label}".strip(), own
        waiting.extend((one, inside) for one in below)
    return f"{worst} {most / _spent(top, 1):.0%}"


def _spent(node: dict[str, Any], processes: int) -> float:
    """Milliseconds by the clock: a node's mean time for each loop, and beneath a Gather each process has its own."""
    return float(node["Actual Total Time"] * max(1.0, node["Actual Loops"] / processes))


def report(accounts: list[BenchAccount], measured: dict[int, list[Figures]], indexes: list[str]) -> None:
    large, small = (accounts[0], accounts[-1])
    three = next(one for one in measured[large.size] if one.name == BUDGET_NAME)
    count, sampled = find_p50(three.count), find_p50(three.estimate)
    print("\nhow the count grows: ", end="")
    for one, other in zip(measured[large.size], measured[small.size], strict=True):
        print(f"{one.name} ×{find_p50(one.count) / max(find_p50(other.count), 0.1):.1f}", end=", ")
    print(f"for ×{large.size / small.size:.0f} contacts")
    print_result(
        {
            "name": "segments",
            "rate": count,
            "unit": "ms",
            "reference": "the budget of an exact count of three conditions",
            "ratio": round(BUDGET_MS / count, 3),
            "budget": BUDGET_MS,
            "holds": count <= BUDGET_MS and sampled <= SAMPLE_BUDGET_MS,
            "sampled_ms": sampled,
            "sampled_budget": SAMPLE_BUDGET_MS,
            "contacts": large.size,
            "facts": large.facts,
            "attribute_indexes": len(indexes),
            "segments": [one.to_json() for one in measured[large.size]],
            "smaller": {"contacts": small.size, "segments": [one.to_json() for one in measured[small.size]]},
            "load": read_load(),
        }
    )


if __name__ == "__main__":
    main()
