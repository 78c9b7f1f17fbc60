"""How fast a file of contacts comes in: the whole import against a plain COPY of the same rows into the same indexed table.

    python -m benchmarks.import_contacts [--quick]

The import reads a CSV, maps and validates each row, finds repeated and suppressed addresses, upserts, writes events and keeps
rejects, in blocks that commit with their position. The reference is COPY of ready-made rows into an empty copy of `contact` with
the same indexes, in blocks of the same size. Both run against the database in DATABASE_URL, else against an embedded server.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import count_spent, print_result, print_table, read_cpu_seconds, read_load
from tests.support import database

BUDGET = 0.3
CITIES = ("Minsk", "Grodno", "Brest", "Gomel", "Vitebsk", "Mogilev")
DOMAINS = ("gmail.com", "mail.ru", "yandex.by", "rambler.ru", "tut.by", "outlook.com")
ODD = ("gmail.con", "mailinator.com")
# Twelve attributes of every type, besides the address, the name and the tags.
HEADER = (
    "Email",
    "Name",
    "City",
    "Street",
    "Phone",
    "Age",
    "Orders",
    "Spent",
    "Joined",
    "Birthday",
    "Seen at",
    "Customer",
    "Plan",
    "Likes",
    "Tags",
)
PLANS, LIKES = ("free", "pro", "team"), ("tea", "coffee", "books", "bikes")
COLUMNS = (
    "account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample, findings, source_kind, "
    "source_id, source_label, created_at, updated_at"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100,000 rows instead of a million")
    quick = parser.parse_args().quick
    rows = 100_000 if quick else 1_000_000
    database.prepare_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    import django

    django.setup()
    try:
        _run(rows)
    finally:
        database.stop()


@dataclass(frozen=True)
class Spent:
    """What a stretch of work took: seconds by the clock, and of CPU in this process and in its PostgreSQL backend."""

    seconds: float
    python: float
    postgres: float

    @property
    def cpu(self) -> float:
        return self.python + self.postgres


@contextmanager
def _measure(found: list[Spent]) -> Iterator[None]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = [cursor.fetchone()[0]]
    before, cpu, clock = read_cpu_seconds(backend), time.process_time(), time.perf_counter()
    yield
    seconds, python = time.perf_counter() - clock, time.process_time() - cpu
    found.append(Spent(seconds, python, count_spent(before, read_cpu_seconds(backend))))


def _run(rows: int) -> None:
    from django.db import connection

    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        path = _write_file(rows)
        before_mb = _peak_mb()
        counts, check, run = _import_file(path)
        peak_mb = _peak_mb()
        copy = _copy_rows()
        path.unlink()
    finally:
        connection.creation.destroy_test_db(old_name, verbosity=0)
    _report(rows, counts, check, run, copy, before_mb, peak_mb)


def _write_file(rows: int) -> Path:
    """One row in a hundred is wrong, one in fifty repeats an address, some are desks, disposable or mistyped."""
    path = Path(os.environ["DYNAMAIL_HOME"]) / "people.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_make_rows(rows))
    return path


def _make_rows(rows: int) -> Iterator[tuple[str, ...]]:
    for number in range(rows):
        person = number - 7 if number % 50 == 49 else number
        domain = DOMAINS[person % 6] if person % 97 else ODD[person % 2]
        email = f"person{person}@{domain}" if number % 100 else f"wrong{number}"
        day, month = number % 28 + 1, number % 12 + 1
        yield (
            email,
            f"Person Number {person}",
            CITIES[number % 6],
            f"{number % 3_000} Long street",
            f"+375 29 {number % 10_000_000:07}",
            str(18 + number % 70),
            str(number % 40),
            f"{number % 9_000}.{number % 100:02}",
            f"20{number % 25:02}-{month:02}-{day:02}",
            f"{1950 + number % 55}-{month:02}-{day:02}",
            f"2026-{month:02}-{day:02} {number % 24:02}:{number % 60:02}",
            "yes" if number % 3 else "no",
            PLANS[number % 3],
            f"{LIKES[number % 4]}, {LIKES[number % 3]}",
            "fair" if number % 3 else "fair, spring",
        )


def _import_file(path: Path) -> tuple[Any, Spent, Spent]:
    from django.conf import settings

    from dynamail.accounts.models import Account, User
    from dynamail.contacts.importing.counting import Counts
    from dynamail.contacts.importing.running import check_import, run_import
    from dynamail.contacts.importing.statement import LEFT_OUT_AT_FIRST, Options
    from dynamail.contacts.importing.steps import start_check, start_import, upload_file
    from dynamail.contacts.models import ContactImport
    from dynamail.lib.clock import utc_now

    Path(settings.FILES_DIR).mkdir(parents=True, exist_ok=True)
    account = Account.objects.create(name="Benchmark")
    user = User.objects.create_user("bench@example.com", "irrelevant here")

    def load() -> ContactImport:
        return ContactImport.objects.for_account(account).select_related("work", "created_by").get(pk=row.pk)

    with path.open("rb") as file:
        chunks = iter(lambda: file.read(2**20), b"")
        row = upload_file(account.pk, chunks, file_name="people.csv", by=user, now=utc_now())
    spent: list[Spent] = []
    start_check(row, Options(leave_out=LEFT_OUT_AT_FIRST), by=user, now=utc_now())
    with _measure(spent):
        check_import(load(), now=utc_now())
    start_import(load(), by=user, now=utc_now())
    with _measure(spent):
        run_import(load(), now=utc_now())
    done = load()
    assert done.state == ContactImport.State.FINISHED, done.problem
    assert done.counts["imported"] == done.counts["checked"], done.counts
    return Counts.from_json(done.counts["imported"]), *spent


def _copy_rows() -> Spent:
    """The same rows, ready as COPY text, into an empty table with the same indexes; the text is made outside the clock."""
    from django.db import connection

    from dynamail.contacts.importing.blocks import BLOCK_ROWS

    spent: list[Spent] = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_contact (LIKE contact INCLUDING ALL)")
        with cursor.copy(f"COPY (SELECT {COLUMNS} FROM contact ORDER BY id) TO STDOUT") as copy:
            lines = [bytes(line) for line in copy]
        with _measure(spent):
            for start in range(0, len(lines), BLOCK_ROWS):
                with cursor.copy(f"COPY bench_contact ({COLUMNS}) FROM STDIN") as copy:
                    copy.write(b"".join(lines[start : start + BLOCK_ROWS]))
    return spent[0]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _report(
    rows: int, counts: Any, check: Spent, run: Spent, copy: Spent, before_mb: float, peak_mb: float
) -> None:
    rate, reference = rows / run.seconds, counts.people / copy.seconds
    micro = 1e6 / rows
    print_table(
        [
            ("rows", f"{rows:,}"),
            ("people, repeated, rejected", f"{counts.people:,} {counts.duplicate:,} {counts.invalid:,}"),
            (
                "dry run",
                f"{rows / check.seconds:,.0f} rows/s, CPU {check.python * micro:.1f} + {check.postgres * micro:.1f} µs a row",
            ),
            (
                "import",
                f"{rate:,.0f} rows/s, CPU {run.python * micro:.1f} + {run.postgres * micro:.1f} µs a row",
            ),
            ("plain COPY, same indexes", f"{reference:,.0f} rows/s, CPU {copy.cpu * micro:.1f} µs a row"),
            ("peak memory", f"{peak_mb:.0f} MB ({before_mb:.0f} MB before)"),
        ]
    )
    print_result(
        {
            "name": "import_contacts",
            "rate": round(rate),
            "unit": "rows/s",
            "reference": "plain COPY of the same rows into an indexed table",
            "reference_rate": round(reference),
            "ratio": round(rate / reference, 3),
            "budget": BUDGET,
            "holds": rate / reference >= BUDGET,
            "cpu_ratio": round(copy.cpu / run.cpu, 3),
            "cpu_python_us": round(run.python * micro, 1),
            "cpu_postgres_us": round(run.postgres * micro, 1),
            "dry_run_rate": round(rows / check.seconds),
            "rows": rows,
            "peak_mb": round(peak_mb),
            "grown_mb": round(peak_mb - before_mb),
            "load": read_load(),
        }
    )


if __name__ == "__main__":
    main()
