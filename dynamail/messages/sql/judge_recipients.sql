-- May these addresses be mailed, and whose are they? Run by messages/email_facts.py once for all emails that are accepted together.
-- Mail on a topic or of a marketing stream stops at suppressions of scope `all` and `marketing`, other mail at `all` and
-- `transactional`. A person who was merged into another one is that other one, except for consent, which the address itself needs.
-- The contacts are held, in the order of ids, so that none is erased before the emails are committed.
-- Keys used: contact_email_once, contact_alias_email, subscription, suppression, stream_key_once. The order of the reasons is that of
-- consent/sql/find_refusal.sql. Parameters: account_id, now; numbers, email_keys, address_hashes, streams, topics (uid or null),
-- wanted (is the contact's data wanted?), all in one order.
WITH asked AS (
    SELECT * FROM unnest(
        %(numbers)s::int[], %(email_keys)s::text[], %(address_hashes)s::bytea[], %(streams)s::text[], %(topics)s::uuid[],
        %(wanted)s::bool[]
    ) AS asked (number, email_key, address_hash, stream, topic_uid, wanted)
),
merged AS (
    SELECT DISTINCT ON (email_key) email_key, contact_id FROM contact_alias
    WHERE account_id = %(account_id)s AND email_key = ANY(%(email_keys)s::text[])
    ORDER BY email_key, merged_at DESC
),
held AS MATERIALIZED (
    SELECT id, email_key, email, state, name, language, attributes FROM contact
    WHERE account_id = %(account_id)s
        AND (email_key = ANY(%(email_keys)s::text[]) OR id = ANY(ARRAY(SELECT contact_id FROM merged)))
    ORDER BY id
    FOR KEY SHARE
)
SELECT asked.number, coalesce(contact.id, other.id),
    CASE
        WHEN contact.id IS NULL AND asked.topic_uid IS NOT NULL THEN 'contact_missing'
        WHEN coalesce(contact.state, other.state) = 'restricted' THEN 'restricted'
        WHEN EXISTS (
            SELECT FROM suppression
            WHERE suppression.account_id = %(account_id)s AND suppression.address_hash = asked.address_hash
                AND suppression.scope IN (
                    'all',
                    CASE WHEN asked.topic_uid IS NOT NULL OR coalesce(stream.kind, asked.stream) = 'marketing'
                        THEN 'marketing' ELSE 'transactional' END
                )
                AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
        ) THEN 'suppressed'
        WHEN asked.topic_uid IS NULL THEN ''
        WHEN topic.id IS NULL OR topic.archived_at IS NOT NULL THEN 'topic_closed'
        WHEN subscription.state IS NULL THEN 'not_subscribed'
        WHEN subscription.state <> 'subscribed' THEN subscription.state
        ELSE ''
    END,
    CASE WHEN asked.wanted THEN contact.email END, CASE WHEN asked.wanted THEN contact.name END,
    CASE WHEN asked.wanted THEN contact.language END, CASE WHEN asked.wanted THEN contact.attributes::text END,
    topic.id
FROM asked
LEFT JOIN stream ON stream.account_id = %(account_id)s AND stream.key = asked.stream
LEFT JOIN topic ON topic.account_id = %(account_id)s AND topic.uid = asked.topic_uid
LEFT JOIN held AS contact ON contact.email_key = asked.email_key
LEFT JOIN merged ON merged.email_key = asked.email_key AND contact.id IS NULL
LEFT JOIN held AS other ON other.id = merged.contact_id
LEFT JOIN subscription ON subscription.account_id = %(account_id)s AND subscription.topic_id = topic.id
    AND subscription.contact_id = contact.id
