-- Which of these contents the account has already, and when each was last wanted. Called by content/blobs.py before it sends any octets.
-- Parameters: account_id, sha256[]. Uses blob_once (account_id, sha256).
SELECT id, sha256, last_used_at FROM blob WHERE account_id = %s AND sha256 = ANY(%s::bytea[])
