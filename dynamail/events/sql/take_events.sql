-- The next facts for a reader, in the order of the transactions that wrote them. Called by events/tailing.py.
-- Index: event_tx. Parameters: the cursor's tx as text, its id, the most rows wanted.
SELECT tx::text::bigint, account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data
FROM event
WHERE (tx, id) > (%s::xid8, %s::uuid) AND tx < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY tx, id
LIMIT %s
