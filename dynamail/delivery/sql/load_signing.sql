-- The verified sending domain that equals the sender's domain or is its nearest parent, with the keys that sign; RSA first, which
-- every verifier knows. Run by delivery/identities.py. Keys used: sending_domain_once, dkim_key_selector_once. Parameters: account_id,
-- names text[].
SELECT domain.account_id, domain.name,
    CASE WHEN domain.return_path_verified_at IS NULL THEN '' ELSE domain.return_path_label || '.' || domain.name END,
    CASE WHEN domain.tracking_verified_at IS NULL THEN '' ELSE domain.tracking_label || '.' || domain.name END,
    coalesce(key.selector, ''), coalesce(key.private_key_sealed, '')
FROM (
    SELECT id, account_id, name, return_path_label, return_path_verified_at, tracking_label, tracking_verified_at
    FROM sending_domain
    WHERE account_id = %(account_id)s AND name = ANY(%(names)s::text[]) AND state = 'verified'
    ORDER BY length(name) DESC
    LIMIT 1
) AS domain
LEFT JOIN dkim_key AS key ON key.account_id = domain.account_id AND key.domain_id = domain.id AND key.state = 'active'
ORDER BY key.algorithm DESC, key.selector
