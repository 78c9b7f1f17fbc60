"""How many of the account's own events a web process takes over the API, compared with a plain COPY of the same rows.

    python -m benchmarks.events [--quick]

Batches of a hundred over HTTP to one real `dynamail web --serve api`, a few connections with one request each in flight, on the
same machine: each event is checked, matched to its contact by address, kept from being taken twice by its sender's id, and answered
with its own id. Twenty names, four properties, 20,000 contacts. The reference is COPY of ready-made rows into the same table with
the same indexes, a hundred rows a transaction, in the same run; the middle of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import uvloop

from benchmarks.clicks import Server, start_server
from benchmarks.harness import (
    count_spent,
    print_result,
    print_table,
    read_cpu_seconds,
    read_load,
    read_memory_mb,
)
from benchmarks.http_clients import make_post, run_clients
from dynamail.lib.ids import new_id
from tests.support.delivering import Launchable, Order, Workplace, open_workplace
from tests.support.installation import find_free_port

BUDGET = 20_000  # events a second and process
BATCH = 100
EVENTS, QUICK_EVENTS = 100_000, 20_000  # in each round
ROUNDS = 3
CONTACTS = 20_000
CONNECTIONS = 8
NAMES = tuple(f"order.step{number}" for number in range(20))
CATEGORIES = ("shoes", "shirts", "hats", "bags")
PATH = "/api/v1/events/batch"
COPY = "COPY custom_event (account_id, id, name_id, contact_id, at, properties, source_kind) FROM STDIN"


@dataclass(frozen=True)
class Round:
    """One round of batches, or of blocks of COPY."""

    rate: float
    web_microseconds: float
    database_microseconds: float
    latencies_ms: list[float]


def make_events(count: int, *, first: int) -> list[dict[str, Any]]:
    """Events of the last minute, as shops send them, about contacts at random, each with an id of its own."""
    chance = random.Random(first)
    now = datetime.now(UTC)
    return [
        {
            "name": chance.choice(NAMES),
            "email": f"person{chance.randrange(CONTACTS)}@inbox{number % 40}.example",
            "at": (now - timedelta(seconds=chance.randrange(60))).isoformat(timespec="seconds"),
            "id": f"order-{number}",
            "properties": {
                "order": f"A-{number}",
                "total": chance.randrange(100, 99_999) / 100,
                "category": chance.choice(CATEGORIES),
                "items": chance.randrange(1, 9),
            },
        }
        for number in range(first, first + count)
    ]


def name_contacts(events: list[dict[str, Any]]) -> None:
    """The addresses of `seeding.generate_people`: the number decides the domain."""
    for event in events:
        number = int(event["email"].partition("@")[0].removeprefix("person"))
        event["email"] = f"person{number}@inbox{number % 40}.example"


def send(server: Server, place: Workplace, key: str, events: list[dict[str, Any]]) -> Round:
    """All events in batches; all must be taken."""
    requests = [
        make_post(PATH, key, json.dumps({"events": events[start : start + BATCH]}).encode())
        for start in range(0, len(events), BATCH)
    ]
    counts: list[int] = []
    web, backends = server.list_pids(), list_backends(place)
    before, before_database = read_cpu_seconds(web), read_cpu_seconds(backends)
    met = uvloop.run(
        run_clients(
            server.port,
            requests,
            connections=CONNECTIONS,
            on_answer=lambda body: counts.append(json.loads(body)["accepted"]),
        )
    )
    taken = sum(counts)
    if taken != len(events):
        raise AssertionError(f"{len(events)} events were sent; {taken} are taken")
    return Round(
        len(events) / met.seconds,
        count_spent(before, read_cpu_seconds(web)) / len(events) * 1e6,
        count_spent(before_database, read_cpu_seconds(list_backends(place))) / len(events) * 1e6,
        [one * 1000 for one in met.latencies],
    )


def list_backends(place: Workplace) -> list[int]:
    rows = place.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return [pid for (pid,) in rows]


def copy(place: Workplace, campaign: Launchable, events: list[dict[str, Any]]) -> Round:
    """The reference: ready-made rows of the same events, a hundred a transaction."""
    contacts = dict(
        place.fetch("SELECT email_key, id FROM contact WHERE account_id = %s", [campaign.account_id])
    )
    blocks = []
    for start in range(0, len(events), BATCH):
        lines = [_write_line(campaign.account_id, contacts, event) for event in events[start : start + BATCH]]
        blocks.append("".join(lines).encode())
    with psycopg.connect(place.dsn, autocommit=True) as connection:  # its owner: COPY knows no walls
        backend = [connection.info.backend_pid]
        before, started = read_cpu_seconds(backend), time.perf_counter()
        for block in blocks:
            with connection.cursor().copy(COPY) as into:
                into.write(block)
        seconds = time.perf_counter() - started
        spent = count_spent(before, read_cpu_seconds(backend))
    return Round(len(events) / seconds, 0.0, spent / len(events) * 1e6, [])


def _write_line(account_id: int, contacts: dict[str, Any], event: dict[str, Any]) -> str:
    at = datetime.fromisoformat(event["at"])
    properties = json.dumps(event["properties"])
    name = NAMES.index(event["name"]) + 1_000_000
    return f"{account_id}\t{new_id(at)}\t{name}\t{contacts[event['email']]}\t{at.isoformat()}\t{properties}\tapi\n"


def run(place: Workplace, *, count: int) -> dict[str, object]:
    campaign = place.prepare(Order(generate=CONTACTS))
    key = place.run("benchmarks.events", "--make-key", str(campaign.account_id)).strip()
    port = find_free_port()
    events = make_events(count * ROUNDS + BATCH * 10, first=0)
    name_contacts(events)
    arguments = ["dynamail", "web", "--serve", "api", "--port", str(port)]
    pairs = []
    unlimited = place.environment | {"DYNAMAIL_API_INTAKE_PER_SECOND": "1000000"}
    with start_server(arguments, port, unlimited) as web:
        send(web, place, key, events[count * ROUNDS :])  # connections, names, caches
        for start in range(0, count * ROUNDS, count):
            part = events[start : start + count]
            pairs.append((copy(place, campaign, part), send(web, place, key, part)))
        memory = max(read_memory_mb(pid, "VmHWM") for pid in web.list_pids())
    rate = statistics.median(taken.rate for _, taken in pairs)
    latencies = sorted(one for _, taken in pairs for one in taken.latencies_ms)
    return {
        "name": "events",
        "rate": round(rate),
        "unit": "events/s",
        "batch": BATCH,
        "budget": BUDGET,
        "budget_ratio": round(rate / BUDGET, 3),
        "holds": rate >= BUDGET,
        "reference": "COPY of the same rows into the same table, 100 a transaction",
        "reference_rate": round(statistics.median(reference.rate for reference, _ in pairs)),
        "ratio": round(statistics.median(taken.rate / reference.rate for reference, taken in pairs), 3),
        "web_us_per_event": round(statistics.median(taken.web_microseconds for _, taken in pairs), 1),
        "database_us_per_event": round(
            statistics.median(taken.database_microseconds for _, taken in pairs), 1
        ),
        "reference_us_per_event": round(
            statistics.median(reference.database_microseconds for reference, _ in pairs), 1
        ),
        # What the process could take on a core that nothing else wants; `load` says how far this machine was from that.
        "rate_of_a_whole_core": round(1e6 / statistics.median(taken.web_microseconds for _, taken in pairs)),
        "p50_ms": round(latencies[len(latencies) // 2], 1),
        "p99_ms": round(latencies[len(latencies) * 99 // 100], 1),
        "web_peak_rss_mb": round(memory),
        "load": read_load(),
    }


def make_key(account_id: int, scopes: Sequence[str]) -> str:
    """An API key of the account, whose owner has accepted the policies; run in the workplace's own environment."""
    from dynamail.accounts.api_keys import create_api_key
    from dynamail.accounts.models import Member
    from dynamail.accounts.tenancy import account_scope
    from dynamail.lib.clock import utc_now
    from dynamail.privacy.acceptance import accept_policy, find_unaccepted

    now = utc_now()
    with account_scope(account_id):
        owner = Member.objects.for_account(account_id).select_related("user").first()
        if owner is None:
            raise AssertionError("the account has no member")
        for document in find_unaccepted(owner.user, now=now):
            accept_policy(owner.user, document, language="en", now=now)
        return create_api_key(account_id, name="Shop", scopes=list(scopes), by=owner, now=now)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--make-key", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make_key:
        import django

        django.setup()
        from dynamail.accounts.api_keys import Scope

        print(make_key(options.make_key, [Scope.WRITE_EVENTS]))
        return
    with open_workplace() as place:
        result = run(place, count=QUICK_EVENTS if options.quick else EVENTS)
    print_table((key, value) for key, value in result.items() if key != "name")
    print_result(result)


if __name__ == "__main__":
    main()
