"""Hot statements reach their rows by an index, whatever the tables grow to."""

from __future__ import annotations

from typing import Any

from dynamail.delivery.database import bytea_array, uuid_array
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql
from tests.delivery.stage import Stage

ROWS = 20_000
NOW = utc_now()
LARGE = {"chunk", "outbox", "message", "contact", "subscription", "suppression", "rollup_hour", "engagement"}
WINDOW = {
    "shard": 1,
    "id": new_id(),
    "worker": new_id(),
    "epoch": 1,
    "done": 1,
    "started": 2,
    "ending": "",
    "lease_until": NOW,
    "run_at": None,
    "now": NOW,
    "hour": NOW,
    "counter_shard": 0,
    "moment": "019000000000",
    "outcomes": "[]",
}
IDS = uuid_array([new_id() for _ in range(50)])
HASHES = bytea_array([bytes(16)] * 50)

STATEMENTS: dict[tuple[str, str], dict[str, Any]] = {
    ("delivery", "claim_chunk"): {"worker": new_id(), "now": NOW, "lease_until": NOW, "passed_over": "{}"},
    ("delivery", "commit_window"): WINDOW,
    ("delivery", "claim_outbox"): {
        "worker": new_id(),
        "now": NOW,
        "lease_until": NOW,
        "priority": 0,
        "size": 50,
        "passed_over": "{}",
    },
    ("delivery", "postpone_outbox"): {"account_id": 1, "now": NOW, "run_at": NOW, "size": 100},
    ("delivery", "load_contacts"): {"account_id": 1, "topic_id": 1, "contact_ids": IDS},
    ("delivery", "take_over_chunks"): {
        "lease_until": NOW,
        "expired_before": NOW,
        "dead": "{}",
        "spared": "{}",
    },
    ("delivery", "record_engagement"): {"account_id": 1, "message_ids": IDS},
    ("consent", "find_refused"): {
        "account_id": 1,
        "topic_id": 1,
        "contact_ids": IDS,
        "address_hashes": HASHES,
        "now": NOW,
    },
}


def test_hot_statements_scan_no_large_table(stage: Stage) -> None:
    fill(stage)
    stage.change("SET plan_cache_mode = force_generic_plan")
    scans = {"/".join(statement): scanned_tables(stage, statement) & LARGE for statement in STATEMENTS}
    assert {name: tables for name, tables in scans.items() if tables} == {}


def scanned_tables(stage: Stage, statement: tuple[str, str]) -> set[str]:
    explained = "EXPLAIN (FORMAT JSON) " + load_sql(*statement)
    rows = stage.connection.execute(explained, STATEMENTS[statement], prepare=True).fetchall()
    scanned = [
        node["Relation Name"] for node in nodes(rows[0][0][0]["Plan"]) if node["Node Type"] == "Seq Scan"
    ]
    return {table.partition("_20")[0] for table in scanned}


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(inner for child in plan.get("Plans", ()) for inner in nodes(child))]


def fill(stage: Stage) -> None:
    """Enough rows that a scan would show."""
    made = f"generate_series(1, {ROWS}) AS n"
    stage.change(
        "INSERT INTO contact (account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample,"
        " source_kind, source_id, source_label, created_at, updated_at) SELECT 1 + n % 5, gen_random_uuid(), n::text, n::text, '',"
        f" '{{}}', '{{}}', 'active', '', '', 0, 0, '', '', '', now(), now() FROM {made}",
    )
    stage.change(
        "INSERT INTO subscription (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)"
        " SELECT account_id, 1, id, 'subscribed', 'consent', false, now() FROM contact"
    )
    stage.change(
        "INSERT INTO suppression (account_id, address_hash, scope, email, reason, detail, at, source_kind, source_id)"
        f" SELECT 1 + n % 5, decode(md5(n::text), 'hex'), 'all', '', 'manual', '', now(), '', '' FROM {made}"
    )
    stage.change(
        "INSERT INTO chunk (shard, id, account_id, source_id, lane, priority, tag, run_at, contact_ids, size, done, started, state, epoch,"
        " worker, lease_until) SELECT 1 + n % 5, gen_random_uuid(), 1 + n % 5, gen_random_uuid(), 0, 2, n, now(), '{}', 0, 0, 0,"
        f" CASE WHEN n % 10 = 0 THEN 0 ELSE 3 END, 0, NULL, NULL FROM {made}"
    )
    stage.change(
        "INSERT INTO outbox (shard, id, account_id, source_kind, recipient, priority, lane, run_at, attempts, in_doubt, last_code,"
        " last_reply, created_at) SELECT 1 + n % 5, gen_random_uuid(), 1 + n % 5, 'api', '', 1, 0, now(), 0, false, 0, '', now()"
        f" FROM {made}"
    )
    message_id = "lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0')"
    stage.change(
        "INSERT INTO message (account_id, id, at, source_kind, state)"
        f" SELECT 1 + n % 5, ({message_id})::uuid, now(), 'api', 'delivered' FROM {made}"
    )
    for table in sorted(LARGE):
        stage.change(f"ANALYZE {table}")
