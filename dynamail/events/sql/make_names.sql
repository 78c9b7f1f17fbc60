-- The first events of some names: those that the account has room for become known, in order of the alphabet. Run by
-- events/own_names.py after begin_names.sql, in a statement of its own, because this one must see what the other one waited for.
INSERT INTO event_name (account_id, uid, created_at, name, description, properties)
SELECT %(account_id)s::bigint, uid, %(now)s::timestamptz, name, '', '{}'
FROM unnest(%(names)s::text[], %(uids)s::uuid[]) AS wanted (name, uid)
WHERE NOT EXISTS (SELECT FROM event_name AS old WHERE old.account_id = %(account_id)s::bigint AND old.name = wanted.name)
ORDER BY name
LIMIT greatest(0, %(limit)s::int - (SELECT count(*) FROM event_name WHERE account_id = %(account_id)s::bigint))
