-- The next events of the accounts' own for a reader, in the order of the transactions that wrote them. Called by
-- events/tailing.py. Index: custom_event_tx. Parameters: the cursor's tx as text, its id, the most rows wanted.
SELECT tx::text::bigint, account_id, id, at, contact_id, name_id, source_kind, properties
FROM custom_event
WHERE (tx, id) > (%s::xid8, %s::uuid) AND tx < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY tx, id
LIMIT %s
