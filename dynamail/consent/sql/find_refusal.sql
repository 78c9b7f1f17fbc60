-- May this one address be mailed? Called by consent/gate.py: may_send; transactional mail names no topic.
-- Keys used: primary keys, and contact_email_once where no contact is named. Parameters by name: account_id, topic_id or null,
-- contact_id or null, email_key, address_hash, now. The order of the reasons is that of find_refused.sql.
SELECT CASE
    WHEN account.state IS DISTINCT FROM 'active' THEN 'account_stopped'
    WHEN contact.id IS NULL AND (%(topic_id)s::bigint IS NOT NULL OR %(contact_id)s::uuid IS NOT NULL) THEN 'contact_missing'
    WHEN contact.state = 'restricted' THEN 'restricted'
    WHEN contact.state = 'suppressed' OR EXISTS (
        SELECT FROM suppression
        WHERE suppression.account_id = %(account_id)s AND suppression.address_hash = %(address_hash)s
            AND suppression.scope IN ('all', CASE WHEN %(topic_id)s::bigint IS NULL THEN 'transactional' ELSE 'marketing' END)
            AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
    ) THEN 'suppressed'
    WHEN %(topic_id)s::bigint IS NULL THEN 'allowed'
    WHEN topic.id IS NULL OR topic.archived_at IS NOT NULL THEN 'topic_closed'
    WHEN subscription.state IS NULL THEN 'not_subscribed'
    WHEN subscription.state <> 'subscribed' THEN subscription.state
    ELSE 'allowed'
END
FROM (SELECT 1) AS one
LEFT JOIN account ON account.id = %(account_id)s
LEFT JOIN topic ON topic.account_id = %(account_id)s AND topic.id = %(topic_id)s
LEFT JOIN contact ON contact.account_id = %(account_id)s AND contact.id = coalesce(
    %(contact_id)s::uuid,
    (SELECT id FROM contact AS same WHERE same.account_id = %(account_id)s AND same.email_key = %(email_key)s)
)
LEFT JOIN subscription ON subscription.account_id = %(account_id)s AND subscription.topic_id = %(topic_id)s
    AND subscription.contact_id = contact.id
