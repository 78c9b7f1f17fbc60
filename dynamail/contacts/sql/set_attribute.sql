-- Give those of a block one value of an attribute (null: take it away) who have another one, and log it with the value before,
-- so that it can be taken back. Called by contacts/bulk.py with up to 10,000 ids. Primary key.
-- Parameters: account_id, ids, key (the attribute's number as text), value, now, id_head, source_kind, source_id, data.
WITH changed AS (
    UPDATE contact SET updated_at = %(now)s,
        attributes = CASE
            WHEN %(value)s::jsonb IS NULL THEN contact.attributes - %(key)s::text
            ELSE contact.attributes || jsonb_build_object(%(key)s::text, %(value)s::jsonb)
        END
    FROM contact AS before
    WHERE contact.account_id = %(account_id)s AND contact.id = ANY(%(ids)s::uuid[])
        AND contact.attributes -> %(key)s::text IS DISTINCT FROM %(value)s::jsonb AND contact.state <> 'restricted'
        AND before.account_id = contact.account_id AND before.id = contact.id
    RETURNING contact.id, before.attributes -> %(key)s::text AS value_before
), told AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, source_kind, source_id, data)
    SELECT %(account_id)s, (%(id_head)s || substr(gen_random_uuid()::text, 16))::uuid, %(now)s, 'contact.updated', id,
        %(source_kind)s, %(source_id)s::uuid,
        %(data)s::jsonb || CASE
            WHEN %(source_id)s::uuid IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('before', value_before)
        END
    FROM changed
)
SELECT count(*) FROM changed
