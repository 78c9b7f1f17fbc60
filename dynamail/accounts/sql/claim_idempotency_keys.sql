-- Claim keys of requests; returns those that nobody has, or had more than a day ago. A key that a running transaction claims is waited
-- for. Run by accounts/idempotency.py. Rows are taken in the order of the key, so that batches never wait crosswise. Primary key.
-- Parameters: account_id, keys, hashes (same order), now, ended (what was made before has run out).
INSERT INTO idempotency_key AS old (account_id, key, body_hash, status, answer, created_at)
SELECT %(account_id)s, key, body_hash, 0, '', %(now)s
FROM unnest(%(keys)s::text[], %(hashes)s::bytea[]) AS new (key, body_hash)
ORDER BY key
ON CONFLICT (account_id, key) DO UPDATE
SET body_hash = excluded.body_hash, status = 0, answer = '', created_at = excluded.created_at
WHERE old.created_at < %(ended)s
RETURNING key
