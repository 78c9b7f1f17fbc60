-- Give those of a block the value that their old one became (null: none, it was put aside), as far as nobody changed it meanwhile,
-- and log it. Called by contacts/changing_types.py with up to 5,000 ids. Primary keys.
-- Parameters: account_id, attribute_id, key, arrays of ids, old and new values (same order), now, id_head, source_kind, source_id, data.
WITH changed AS (
    UPDATE contact SET updated_at = %(now)s,
        attributes = CASE
            WHEN converted.new IS NULL THEN contact.attributes - %(key)s::text
            ELSE contact.attributes || jsonb_build_object(%(key)s::text, converted.new)
        END
    FROM unnest(%(ids)s::uuid[], %(olds)s::jsonb[], %(news)s::jsonb[]) AS converted (id, old, new)
    WHERE contact.account_id = %(account_id)s AND contact.id = converted.id
        AND contact.attributes -> %(key)s::text = converted.old
    RETURNING contact.id, converted.old, converted.new
), put_aside AS (
    INSERT INTO value_aside (account_id, attribute_id, contact_id, value, at)
    SELECT %(account_id)s, %(attribute_id)s, id, old, %(now)s FROM changed WHERE new IS NULL
    ON CONFLICT (account_id, attribute_id, contact_id) DO UPDATE SET value = excluded.value, at = excluded.at
), told AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, source_kind, source_id, data)
    SELECT %(account_id)s, (%(id_head)s || substr(gen_random_uuid()::text, 16))::uuid, %(now)s, 'contact.updated', id,
        %(source_kind)s, %(source_id)s::uuid, %(data)s::jsonb
    FROM changed
)
SELECT count(*) FILTER (WHERE new IS NOT NULL), count(*) FILTER (WHERE new IS NULL) FROM changed
