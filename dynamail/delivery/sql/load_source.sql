-- The frozen content of a campaign and the account's attribute names, once per campaign and worker.
-- Keys used: frozen_content's primary key, attribute_key_once. Parameters: account_id, source_id.
SELECT created_at, kind, source, sender, settings,
    (SELECT coalesce(json_object_agg(attribute.number, attribute.key), '{}') FROM attribute WHERE attribute.account_id = %(account_id)s)
FROM frozen_content
WHERE account_id = %(account_id)s AND id = %(source_id)s
