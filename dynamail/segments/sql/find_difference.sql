-- Contacts who are in a segment and not among its kept members, or the other way round: ids of 16 bytes in order, one behind the other.
-- Called by segments/membership.py for a whole refresh. It reads only, so that no log waits for it; what it finds is settled in small
-- blocks. `fit` is a compiled condition in its form for whole populations, planned by itself as when it is counted.
-- Keys used: segment_member by primary key, and for contacts what the condition lets it use. Parameters: account_id, segment_id.
WITH fitting AS MATERIALIZED (
    SELECT contact.id
    FROM contact
    WHERE contact.account_id = %(account_id)s AND (/* fit */)
), kept AS MATERIALIZED (
    SELECT contact_id
    FROM segment_member
    WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s
)
SELECT string_agg(uuid_send(coalesce(fitting.id, kept.contact_id)), ''::bytea ORDER BY coalesce(fitting.id, kept.contact_id))
FROM fitting
FULL JOIN kept ON kept.contact_id = fitting.id
WHERE fitting.id IS NULL OR kept.contact_id IS NULL
