-- Events of an account's own, each once: a row whose key was taken before is left out. Run by events/own.py with up to some
-- thousands at a time; one JSON document, because arrays of as many values cost the sending process fifteen times as much.
-- Keys are sorted, so that two batches with the same events wait for each other in one order. Index: the key's primary key.
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb)
        AS row (id uuid, name_id bigint, contact_id uuid, at timestamptz, properties jsonb, key uuid)
), taken AS (
    INSERT INTO custom_event_key (account_id, key, event_id, at)
    SELECT %(account_id)s::bigint, key, id, %(now)s::timestamptz FROM given WHERE key IS NOT NULL ORDER BY key
    ON CONFLICT (account_id, key) DO NOTHING
    RETURNING event_id
)
INSERT INTO custom_event (account_id, id, name_id, contact_id, at, properties, source_kind)
SELECT %(account_id)s::bigint, id, name_id, contact_id, at, properties, %(source_kind)s::text
FROM given
WHERE key IS NULL OR id IN (SELECT event_id FROM taken)
