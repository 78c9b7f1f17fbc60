-- Who of these contacts must not be mailed on this topic, and why. Run by the deliver worker just before each window.
-- Keys used: contact, subscription and suppression by primary key, once a contact. Parameters by name: account_id, topic_id,
-- contact_ids uuid[], address_hashes bytea[] (same order), now. The order of the reasons is that of consent/gate.py.
SELECT contact_id, reason
FROM (
    SELECT asked.contact_id,
        CASE
            WHEN account.state IS DISTINCT FROM 'active' THEN 'account_stopped'
            WHEN contact.id IS NULL THEN 'contact_missing'
            WHEN contact.state = 'restricted' THEN 'restricted'
            WHEN contact.state = 'suppressed' OR EXISTS (
                SELECT FROM suppression
                WHERE suppression.account_id = %(account_id)s AND suppression.address_hash = asked.address_hash
                    AND suppression.scope IN ('all', 'marketing')
                    AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
            ) THEN 'suppressed'
            WHEN topic.id IS NULL OR topic.archived_at IS NOT NULL THEN 'topic_closed'
            WHEN subscription.state IS NULL THEN 'not_subscribed'
            WHEN subscription.state <> 'subscribed' THEN subscription.state
        END AS reason
    FROM unnest(%(contact_ids)s::uuid[], %(address_hashes)s::bytea[]) AS asked (contact_id, address_hash)
    LEFT JOIN account ON account.id = %(account_id)s
    LEFT JOIN topic ON topic.account_id = %(account_id)s AND topic.id = %(topic_id)s
    LEFT JOIN contact ON contact.account_id = %(account_id)s AND contact.id = asked.contact_id
    LEFT JOIN subscription ON subscription.account_id = %(account_id)s AND subscription.topic_id = %(topic_id)s
        AND subscription.contact_id = asked.contact_id
) AS answer
WHERE reason IS NOT NULL
