-- Files that the account did not have. Run by messages/email_facts.py. One that somebody else brought meanwhile stays, and is used.
-- Key: blob_once. Parameters: account_id, ids, hashes, contents (same order), now.
INSERT INTO blob AS old (account_id, id, sha256, size_bytes, data, last_used_at)
SELECT %(account_id)s, id, sha256, length(data), data, %(now)s
FROM unnest(%(ids)s::uuid[], %(hashes)s::bytea[], %(contents)s::bytea[]) AS new (id, sha256, data)
ORDER BY sha256
ON CONFLICT (account_id, sha256) DO UPDATE SET last_used_at = greatest(old.last_used_at, excluded.last_used_at)
RETURNING id, sha256
