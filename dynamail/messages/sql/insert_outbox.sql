-- One row for each recipient of accepted emails, and word to the deliver workers at COMMIT. Run by messages/email_rows.py.
-- Parameters: account_id, shard, source_kind; the other columns as arrays in one order.
WITH waiting AS (
    INSERT INTO outbox (shard, account_id, source_kind, attempts, in_doubt, last_code, last_reply, id, source_id, contact_id, recipient,
        priority, lane, run_at, created_at, email_id, stream, topic_id, to_mailbox, one_time_sealed)
    SELECT %(shard)s, %(account_id)s, %(source_kind)s, 0, false, 0, '', id, source_id, contact_id, recipient, priority, lane, run_at,
        run_at, email_id, stream, topic_id, to_mailbox, sealed
    FROM unnest(
        %(ids)s::uuid[], %(source_ids)s::uuid[], %(contact_ids)s::uuid[], %(recipients)s::text[], %(priorities)s::smallint[],
        %(lanes)s::smallint[], %(run_ats)s::timestamptz[], %(email_ids)s::uuid[], %(streams)s::text[], %(topic_ids)s::bigint[],
        %(to_mailbox)s::boolean[], %(sealed)s::bytea[]
    ) AS new (id, source_id, contact_id, recipient, priority, lane, run_at, email_id, stream, topic_id, to_mailbox, sealed)
)
SELECT pg_notify('dynamail_outbox', '')
