-- Give those of a block the values back that they had before one act, as far as nobody changed them since, and log it. Called by
-- contacts/undoing.py. Primary key.
-- Parameters: account_id, ids and the values before (same order, null: none), key, value (which the act gave), now, id_head,
-- source_kind, source_id, data.
WITH changed AS (
    UPDATE contact SET updated_at = %(now)s,
        attributes = CASE
            WHEN earlier.value IS NULL THEN contact.attributes - %(key)s::text
            ELSE contact.attributes || jsonb_build_object(%(key)s::text, earlier.value)
        END
    FROM unnest(%(ids)s::uuid[], %(formers)s::jsonb[]) AS earlier (id, value)
    WHERE contact.account_id = %(account_id)s AND contact.id = earlier.id
        AND contact.attributes -> %(key)s::text IS NOT DISTINCT FROM %(value)s::jsonb AND contact.state <> 'restricted'
    RETURNING contact.id
), told AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, source_kind, source_id, data)
    SELECT %(account_id)s, (%(id_head)s || substr(gen_random_uuid()::text, 16))::uuid, %(now)s, 'contact.updated', id,
        %(source_kind)s, %(source_id)s::uuid, %(data)s::jsonb
    FROM changed
)
SELECT count(*) FROM changed
