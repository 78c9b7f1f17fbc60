-- Files that the account has already, by hash or as media: used again now, and held until the caller commits. Run by
-- messages/email_facts.py. In the order of ids, so that nobody waits crosswise. Keys used: blob_once, the unique uid of media.
-- Parameters: account_id, hashes, media (uids), now.
WITH wanted AS MATERIALIZED (
    SELECT id FROM blob
    WHERE account_id = %(account_id)s AND (
        sha256 = ANY(%(hashes)s::bytea[])
        OR id = ANY(ARRAY(SELECT blob_id FROM media WHERE account_id = %(account_id)s AND uid = ANY(%(media)s::uuid[])))
    )
    ORDER BY id
    FOR NO KEY UPDATE
)
UPDATE blob SET last_used_at = greatest(last_used_at, %(now)s)
FROM wanted
WHERE blob.account_id = %(account_id)s AND blob.id = wanted.id
RETURNING blob.id, blob.sha256
