-- Which single messages must not be sent after all. A suppression of everything or of the stream's kind, a restriction or a stopped
-- account stops them; a recipient need not be a contact, but may have become one since the message was accepted, or have been merged into
-- another one. One that names a topic needs standing consent as well, and a contact. The installation's own mail (account 0) is never
-- stopped. Run by delivery/gate.py just before sending. Keys used: primary keys, topic's, contact_email_once, contact_alias_email.
-- Parameters: numbers int[], account_ids bigint[], contact_ids uuid[], email_keys text[], address_hashes bytea[], scopes text[]
-- ('transactional' or 'marketing'), topic_ids bigint[] in one order, now. The order of the reasons is that of consent/gate.py.
SELECT number, reason
FROM (
    SELECT asked.number,
        CASE
            WHEN account.state IS DISTINCT FROM 'active' THEN 'account_stopped'
            WHEN asked.topic_id IS NOT NULL AND contact.id IS NULL THEN 'contact_missing'
            WHEN contact.state = 'restricted' OR EXISTS (
                SELECT FROM contact AS same
                WHERE same.account_id = asked.account_id AND same.email_key = asked.email_key AND same.state = 'restricted'
            ) OR EXISTS (
                SELECT FROM contact_alias AS alias JOIN contact AS other ON other.account_id = alias.account_id AND other.id = alias.contact_id
                WHERE alias.account_id = asked.account_id AND alias.email_key = asked.email_key AND other.state = 'restricted'
            ) THEN 'restricted'
            WHEN EXISTS (
                SELECT FROM suppression
                WHERE suppression.account_id = asked.account_id AND suppression.address_hash = asked.address_hash
                  AND suppression.scope IN ('all', asked.scope)
                  AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
            ) THEN 'suppressed'
            WHEN asked.topic_id IS NULL THEN NULL
            WHEN topic.id IS NULL OR topic.archived_at IS NOT NULL THEN 'topic_closed'
            WHEN subscription.state IS NULL THEN 'not_subscribed'
            WHEN subscription.state <> 'subscribed' THEN subscription.state
        END AS reason
    FROM unnest(%(numbers)s::int[], %(account_ids)s::bigint[], %(contact_ids)s::uuid[], %(email_keys)s::text[], %(address_hashes)s::bytea[],
        %(scopes)s::text[], %(topic_ids)s::bigint[]) AS asked (number, account_id, contact_id, email_key, address_hash, scope, topic_id)
    LEFT JOIN account ON account.id = asked.account_id
    LEFT JOIN contact ON contact.account_id = asked.account_id AND contact.id = asked.contact_id
    LEFT JOIN topic ON topic.account_id = asked.account_id AND topic.id = asked.topic_id
    LEFT JOIN subscription ON subscription.account_id = asked.account_id AND subscription.topic_id = asked.topic_id
        AND subscription.contact_id = asked.contact_id
    WHERE asked.account_id <> 0
) AS answer
WHERE reason IS NOT NULL
