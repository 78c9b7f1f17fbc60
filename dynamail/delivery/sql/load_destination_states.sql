-- What all workers have learned from the destinations of some accounts. Run by each deliver worker once a second.
-- Keys used: destination_state_pkey. Parameters: account_ids bigint[].
SELECT account_id, transport_id, site, until, factor, reason, changed_at
FROM destination_state
WHERE account_id = ANY(%(account_ids)s::bigint[])
