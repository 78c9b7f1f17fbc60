-- External ids come to name contacts, who are held against deletion until the caller commits; who is gone meanwhile is left out. An id that
-- names somebody else goes on doing so, unless it is to move. Returns those that are new or moved. The contacts are marked as changed: who is
-- being changed by another request at this moment is so anyway, and nobody waits for it. Sorted, so that two batches with the same ids
-- wait for each other in one order. Run by contacts/external_ids.py. Indexes: the primary keys.
-- Parameters: account_id, external_ids, contact_ids (side by side), move, now.
WITH held AS MATERIALIZED (
    SELECT id FROM contact
    WHERE account_id = %(account_id)s AND id = ANY(%(contact_ids)s::uuid[])
    ORDER BY id
    FOR KEY SHARE
), linked AS (
    INSERT INTO contact_external_id AS known (account_id, external_id, contact_id, created_at)
    SELECT %(account_id)s::bigint, wanted.external_id, wanted.contact_id, %(now)s::timestamptz
    FROM unnest(%(external_ids)s::text[], %(contact_ids)s::uuid[]) AS wanted (external_id, contact_id)
    JOIN held ON held.id = wanted.contact_id
    ORDER BY wanted.external_id
    ON CONFLICT (account_id, external_id) DO UPDATE SET contact_id = excluded.contact_id, created_at = excluded.created_at
    WHERE %(move)s AND known.contact_id <> excluded.contact_id
    RETURNING external_id, contact_id
), idle AS MATERIALIZED (
    SELECT id FROM contact
    WHERE account_id = %(account_id)s AND id = ANY(ARRAY(SELECT contact_id FROM linked)) AND updated_at < %(now)s
    FOR NO KEY UPDATE SKIP LOCKED
), changed AS (
    UPDATE contact SET updated_at = %(now)s
    WHERE account_id = %(account_id)s AND id IN (SELECT id FROM idle)
)
SELECT external_id, contact_id FROM linked
