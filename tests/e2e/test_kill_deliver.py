"""Ten kill -9 of the deliver process during one campaign: nobody is lost, nobody gets it twice, and the numbers add up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dynamail.lib.clock import utc_now
from dynamail.lib.sql import load_sql
from dynamail.messages.accounting import Accounting
from dynamail.messages.freezing import FrozenSettings, FrozenSource
from tests.support.campaign_rows import (
    LaunchedCampaign,
    add_account,
    add_contacts,
    add_topic,
    launch,
)
from tests.support.scratch_database import PROJECT, process_environment, scratch_database

RECIPIENTS = 20_000
KILLS = 10
CONNECTIONS = 10
PATIENCE = 120.0  # seconds until a wait has failed
SOURCE = FrozenSource("text", "Hello {{ contact.name }}", "Dear {{ contact.name }} of {{ contact.city }}.\n")

pytestmark = pytest.mark.e2e


@contextmanager
def running_sink(log: Path) -> Iterator[int]:
    """A server that notes every Message-ID before it acknowledges; yields its port."""
    command = [sys.executable, "-m", "tests.support.fast_sink", "--port", "0", "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.terminate()


def start_deliver(url: str, home: Path) -> subprocess.Popen[bytes]:
    environment = process_environment(
        url,
        DYNAMAIL_HOME=str(home),
        DYNAMAIL_DELIVER_CONNECTIONS=str(CONNECTIONS),
        DYNAMAIL_LOG_LEVEL="warning",
    )
    return subprocess.Popen([sys.executable, "-m", "dynamail", "deliver"], env=environment, cwd=PROJECT)


def received(log: Path) -> list[str]:
    return [line.partition("\t")[0] for line in log.read_text().splitlines()]


def wait_for_lines(log: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the sink has noted so many messages; a worker that ends by itself fails the drill."""
    deadline = time.monotonic() + PATIENCE
    while len(log.read_bytes().splitlines()) < count:
        assert process.poll() is None, "the worker ended by itself"
        assert time.monotonic() < deadline, f"{len(received(log))} of {count} messages arrived"
        time.sleep(0.005)


def wait_until_finished(connection: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while connection.execute("SELECT state FROM campaign").fetchone() != ("finished",):
        assert time.monotonic() < deadline, "the campaign does not come to an end"
        time.sleep(0.05)


def count(connection: psycopg.Connection[Any], campaign: LaunchedCampaign) -> Accounting:
    parameters = {"account_id": campaign.account_id, "source_id": campaign.source_id}
    row = connection.execute(load_sql("messages", "count_outcomes"), parameters).fetchone()
    assert row is not None
    accounting = Accounting(*row)
    assert accounting.adds_up, accounting
    return accounting


def ids_in_state(connection: psycopg.Connection[Any], state: str) -> set[str]:
    rows = connection.execute("SELECT id FROM message WHERE state = %s", [state]).fetchall()
    return {message_id.hex for (message_id,) in rows}


def test_ten_kills_lose_nobody_and_double_nobody(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(20_261_123)
    home, log = tmp_path / "home", tmp_path / "sink.log"
    home.mkdir()
    log.touch()
    with (
        scratch_database(os.environ["DATABASE_URL"]) as url,
        running_sink(log) as port,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        campaign = prepare(connection, port)
        for kill in range(KILLS):
            worker = start_deliver(url, home)
            share = RECIPIENTS * (kill + 1) // (KILLS + 2)
            wait_for_lines(log, share + chance.randrange(RECIPIENTS // (KILLS + 2) // 2), worker)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            count(connection, campaign)
        worker = start_deliver(url, home)
        wait_until_finished(connection)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        check(connection, campaign, log)
        record_property("in_doubt", count(connection, campaign).unknown)
    assert list((home / "journal").iterdir()) == []


def prepare(connection: psycopg.Connection[Any], port: int) -> LaunchedCampaign:
    now = utc_now()
    account_id = add_account(connection, now, relay_port=port, relay_connections=CONNECTIONS)
    topic_id = add_topic(connection, account_id, now)
    emails = [f"person{number}@example.com" for number in range(RECIPIENTS)]
    ids = add_contacts(connection, account_id, topic_id, emails, now)
    settings = FrozenSettings(topic_id, "Product news", "November", "Roastery")
    return launch(connection, account_id, topic_id, ids, now, source=SOURCE, settings=settings)


def check(connection: psycopg.Connection[Any], campaign: LaunchedCampaign, log: Path) -> None:
    accounting = count(connection, campaign)
    assert accounting.frozen == RECIPIENTS
    assert accounting.is_over
    at_sink = Counter(line.strip("<>").partition("@")[0] for line in received(log))
    delivered, unknown = ids_in_state(connection, "delivered"), ids_in_state(connection, "unknown")
    everybody = {campaign.message_id(contact_id).hex for contact_id in campaign.contact_ids}
    assert delivered | unknown == everybody, "nobody is without an outcome"
    assert delivered <= set(at_sink), "nobody is called delivered who is not"
    assert everybody - set(at_sink) <= unknown, "nobody is lost without a label"
    assert {message_id for message_id, times in at_sink.items() if times > 1} <= unknown
    assert len(unknown) <= KILLS * 2 * CONNECTIONS, "only what was on the wire is in doubt"
    assert (accounting.delivered, accounting.unknown) == (len(delivered), len(unknown))
