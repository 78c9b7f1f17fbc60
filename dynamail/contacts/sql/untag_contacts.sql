-- Take a tag off those of a block who have it, and log it. Called by contacts/bulk.py with up to 10,000 ids. Primary key.
-- The events' ids are UUIDv7: `id_head` is the moment with the version, the rest is random.
-- Parameters: account_id, ids, tag, now, id_head, kind of the source, its uid, data.
WITH changed AS (
    UPDATE contact SET updated_at = %(now)s,
        tags = array_remove(tags, %(tag)s::bigint)
    WHERE account_id = %(account_id)s AND id = ANY(%(ids)s::uuid[]) AND tags @> ARRAY[%(tag)s::bigint]
        AND state <> 'restricted'
    RETURNING id
), told AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, source_kind, source_id, data)
    SELECT %(account_id)s, (%(id_head)s || substr(gen_random_uuid()::text, 16))::uuid, %(now)s, 'contact.untagged', id,
        %(source_kind)s, %(source_id)s::uuid, %(data)s::jsonb
    FROM changed
)
SELECT count(*) FROM changed
