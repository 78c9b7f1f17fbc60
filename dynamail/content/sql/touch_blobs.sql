-- Note that files are wanted again, so that the cleaning of old ones spares them. Called by content/blobs.py, at most daily for each.
-- What was deleted meanwhile comes back in no row. Parameters: now, account_id, ids[].
UPDATE blob SET last_used_at = greatest(last_used_at, %s) WHERE account_id = %s AND id = ANY(%s::uuid[])
RETURNING id
