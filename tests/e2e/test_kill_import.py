"""The work process is killed at random moments of an import: it goes on where it was, and nobody comes in twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.scratch_database import process_environment, scratch_database

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("scratch databases")]

ROWS, PEOPLE, WRONG = 30_000, 25_000, 500
KILLS = 2
PREPARE = """
import sys
from dynamail.cli.setup import start_django
start_django("login")
from pathlib import Path
from dynamail.accounts.models import Account, User
from dynamail.contacts.importing.running import check_import
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.importing.steps import start_check, start_import, upload_file
from dynamail.contacts.models import ContactImport
from dynamail.lib.clock import utc_now
user, account = User.objects.create_user("ann@example.com", "irrelevant here"), Account.objects.create(name="Shop")
row = upload_file(account.pk, iter([Path(sys.argv[1]).read_bytes()]), file_name="people.csv", by=user, now=utc_now())
load = lambda: ContactImport.objects.for_account(account).select_related("work", "created_by").get(pk=row.pk)
start_check(load(), Options(tags=("shop",)), by=user, now=utc_now())
check_import(load(), now=utc_now())
start_import(load(), by=user, now=utc_now())
"""


def make_file(path: Path) -> None:
    """Each address of the last rows was there before; some rows are wrong."""
    rows = [f"person{number % PEOPLE}@gmail.com,Person {number},{number}" for number in range(ROWS - WRONG)]
    rows[100:100] = [f"wrong{number},Nobody,0" for number in range(WRONG)]
    path.write_text("Email,Name,Age\n" + "\n".join(rows) + "\n")


def test_a_killed_import_ends_with_exact_counts(tmp_path: Path) -> None:
    make_file(tmp_path / "people.csv")
    chance = random.Random()
    with scratch_database(os.environ["DATABASE_URL"]) as url:
        environment = process_environment(url, DYNAMAIL_HOME=str(tmp_path), DYNAMAIL_DATABASE_ROLE="login")
        prepare = [sys.executable, "-c", PREPARE, str(tmp_path / "people.csv")]
        subprocess.run(prepare, env=environment, check=True, capture_output=True, text=True)
        work = [sys.executable, "-m", "dynamail", "work", "--once"]
        with psycopg.connect(url, autocommit=True) as database:
            killed_at = []
            for _ in range(KILLS):
                process = subprocess.Popen(work, env=environment, stderr=subprocess.DEVNULL)
                killed_at.append(kill_on_the_way(database, process, chance))
                give_back_jobs(database)
            subprocess.run(work, env=environment, check=True, capture_output=True, text=True)
            assert killed_at == sorted(killed_at)
            check_ending(database)


def kill_on_the_way(
    database: psycopg.Connection[tuple[object, ...]], process: subprocess.Popen[bytes], chance: random.Random
) -> int:
    """SIGKILL after some more blocks, at any moment between two of them; returns the position that was committed."""
    before = read_position(database)
    blocks = chance.randint(0, 1)
    while read_position(database) <= before + blocks * 5_000 and process.poll() is None:
        pass
    try:
        process.wait(chance.uniform(0, 0.2))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return read_position(database)


def read_position(database: psycopg.Connection[tuple[object, ...]]) -> int:
    row = database.execute("SELECT position FROM contact_import").fetchone()
    assert row is not None
    return int(str(row[0]))


def give_back_jobs(database: psycopg.Connection[tuple[object, ...]]) -> None:
    """What `accounts.retry_stalled_work` does once the worker was silent for a while."""
    database.execute("UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing'")


def check_ending(database: psycopg.Connection[tuple[object, ...]]) -> None:
    state, counts = database.execute("SELECT state, counts FROM contact_import").fetchone() or ("", {})
    assert state == "finished"
    assert isinstance(counts, dict)
    assert counts["imported"] == counts["checked"]
    assert (counts["imported"]["new"], counts["imported"]["duplicate"], counts["imported"]["invalid"]) == (
        PEOPLE,
        ROWS - WRONG - PEOPLE,
        WRONG,
    )
    people = database.execute("SELECT count(*), count(DISTINCT email_key) FROM contact").fetchone()
    assert people == (PEOPLE, PEOPLE)
    assert database.execute("SELECT count(*) FROM import_reject").fetchone() == (WRONG,)
    told = database.execute("SELECT count(*) FROM event WHERE kind = 'contacts.imported'").fetchone()
    assert told == (1,)
    last = database.execute("SELECT name FROM contact WHERE email_key = 'person7@gmail.com'").fetchone()
    assert last == (f"Person {PEOPLE + 7}",), "the later row won, whatever was killed in between"
    assert database.execute("SELECT DISTINCT state FROM background_work").fetchall() == [("finished",)]
