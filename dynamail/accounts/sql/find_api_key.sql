-- The key behind a secret's hash, if it works. Run by api/key_cache.py, once a second for each key in use; what it asks is what
-- accounts/api_keys.py asks. The policy of the table opens the row to whoever has set its hash. Index: the hash, unique.
-- Parameters: the hash, now.
SELECT key.id, key.uid, key.account_id, key.name, key.scopes, key.last_used_at, key.is_test, key.allowed_ips, key.expires_at
FROM api_key AS key
JOIN account ON account.id = key.account_id
WHERE key.key_hash = %s AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > %s)
    AND account.state <> 'closed'
