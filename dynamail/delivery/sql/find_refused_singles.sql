-- Which single messages must not be sent after all: no topic, so a suppression of scope `all`, a restriction or a stopped account
-- stops them; a recipient need not be a contact. The installation's own mail (account 0) is never stopped. Run by delivery/gate.py
-- just before sending. Keys used: primary keys. Parameters: numbers int[], account_ids bigint[], contact_ids uuid[],
-- address_hashes bytea[] in one order, now.
SELECT number, reason
FROM (
    SELECT asked.number,
        CASE
            WHEN account.state IS DISTINCT FROM 'active' THEN 'account_stopped'
            WHEN contact.state = 'restricted' THEN 'restricted'
            WHEN EXISTS (
                SELECT FROM suppression
                WHERE suppression.account_id = asked.account_id AND suppression.address_hash = asked.address_hash
                  AND suppression.scope = 'all' AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
            ) THEN 'suppressed'
        END AS reason
    FROM unnest(%(numbers)s::int[], %(account_ids)s::bigint[], %(contact_ids)s::uuid[], %(address_hashes)s::bytea[])
        AS asked (number, account_id, contact_id, address_hash)
    LEFT JOIN account ON account.id = asked.account_id
    LEFT JOIN contact ON contact.account_id = asked.account_id AND contact.id = asked.contact_id
    WHERE asked.account_id <> 0
) AS answer
WHERE reason IS NOT NULL
