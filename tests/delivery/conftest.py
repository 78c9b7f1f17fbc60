"""Deliver workers use connections of their own, so what they are to see must be committed: these tests have a database of their own
and clean up by TRUNCATE."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dynamail.delivery.worker import make_worker_conninfo
from tests.delivery.stage import Stage
from tests.support.scratch_database import scratch_database

TABLES = (
    "account, member, topic, attribute, transport, campaign, contact, subscription, suppression, message, event, chunk, outbox, "
    "frozen_content, fair_share, engagement, rollup_hour, deliver_worker, pool, routing_rule, transport_hour, destination_state, "
    "throttle_bucket, stream, email, email_body, blob"
)


@pytest.fixture(scope="session")
def committed_database() -> Iterator[str]:
    """The name of a migrated database whose rows outlive a transaction."""
    with scratch_database(os.environ["DATABASE_URL"]) as url:
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def stage(committed_database: str, django_db_blocker: Any, tmp_path: Path) -> Iterator[Stage]:
    """Accounts, campaigns and workers on the committed database; Django's own connection goes there too."""
    with django_db_blocker.unblock():
        django = connections["default"]
        django.close()
        usual, django.settings_dict["NAME"] = django.settings_dict["NAME"], committed_database
        conninfo = make_worker_conninfo(django.settings_dict)
        try:
            with psycopg.connect(
                make_conninfo(conninfo, options="-c timezone=UTC"), autocommit=True
            ) as connection:
                yield from _play(Stage(connection, conninfo, tmp_path / "journal"))
        finally:
            django.close()
            django.settings_dict["NAME"] = usual


def _play(stage: Stage) -> Iterator[Stage]:
    try:
        yield stage
    finally:
        stage.stop_workers()
        stage.change(f"TRUNCATE {TABLES} CASCADE")
        stage.change("UPDATE queue_clock SET tag = 0")
