-- Keep the octets of one file, or tell its row where another request was faster. Called by content/blobs.py.
-- Parameters: account_id, id, sha256, size, data, now. Uses blob_once (account_id, sha256).
INSERT INTO blob AS old (account_id, id, sha256, size_bytes, data, last_used_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, sha256) DO UPDATE SET last_used_at = greatest(old.last_used_at, excluded.last_used_at)
RETURNING id, sha256
