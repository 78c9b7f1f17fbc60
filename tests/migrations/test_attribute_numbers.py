"""Contacts kept their attributes under the attribute's id once; an installation of that time keeps every value."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import psycopg
import pytest

from dynamail.lib.clock import utc_now
from tests.support.campaign_rows import add_account, add_contacts, add_topic
from tests.support.scratch_database import run_dynamail, scratch_database

pytestmark = pytest.mark.xdist_group("scratch databases")


def test_values_move_from_the_attributes_id_to_its_number_and_back() -> None:
    with scratch_database(os.environ["DATABASE_URL"]) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            accounts = [_add_people(connection, domain) for domain in ("alder.example", "birch.example")]
            by_number = _read_attributes(connection)
        assert {tuple(values) for values in by_number.values()} == {("1", "2", "3")}, (
            "each account counts from 1"
        )

        run_dynamail(url, "django", "migrate", "--verbosity", "0", "contacts", "0002_import_subject")
        with psycopg.connect(url, autocommit=True) as connection:
            ids = _find_attribute_ids(connection, accounts)
            by_id = _read_attributes(connection)
        assert {frozenset(values) for values in by_id.values()} == ids
        assert by_id.keys() == by_number.keys()

        run_dynamail(url, "django", "migrate", "--verbosity", "0")
        with psycopg.connect(url, autocommit=True) as connection:
            assert _read_attributes(connection) == by_number


def _add_people(connection: psycopg.Connection[Any], domain: str) -> int:
    now = utc_now()
    account_id = add_account(connection, now)
    add_contacts(connection, account_id, add_topic(connection, account_id, now), [f"ann@{domain}"], now)
    return account_id


def _read_attributes(connection: psycopg.Connection[Any]) -> dict[UUID, dict[str, Any]]:
    rows = connection.execute("SELECT id, attributes::text FROM contact ORDER BY id").fetchall()
    return {contact_id: json.loads(text) for contact_id, text in rows}


def _find_attribute_ids(connection: psycopg.Connection[Any], accounts: list[int]) -> set[frozenset[str]]:
    rows = connection.execute(
        "SELECT array_agg(id::text) FROM attribute WHERE account_id = ANY(%s) GROUP BY account_id", [accounts]
    ).fetchall()
    return {frozenset(ids) for (ids,) in rows}
