-- The subscribers of a topic, and for which reason some of them would not get a campaign. Called by campaigns/audiences.py for the
-- card To. `recipients` is what messages/sql/count_audience.sql counts; a test compares both. A compiled condition over the alias
-- `contact` takes the place before TRUE, as in messages/sql/select_audience.sql.
-- Keys used: subscription by (account_id, topic_id, contact_id), contact by primary key, suppression by (account_id, email).
-- Parameters: account_id, topic_id, include_tags, exclude_tags bigint[], now, and narrow0, narrow1, … of the condition.
SELECT
    count(*) AS subscribed,
    count(*) FILTER (WHERE NOT wanted) AS without_tag,
    count(*) FILTER (WHERE wanted AND unwanted) AS excluded,
    count(*) FILTER (WHERE wanted AND NOT unwanted AND held) AS held_back,
    count(*) FILTER (WHERE wanted AND NOT unwanted AND NOT held AND NOT fits) AS not_fitting,
    count(*) FILTER (WHERE wanted AND NOT unwanted AND NOT held AND fits) AS recipients
FROM (
    SELECT
        cardinality(%(include_tags)s::bigint[]) = 0 OR contact.tags && %(include_tags)s::bigint[] AS wanted,
        contact.tags && %(exclude_tags)s::bigint[] AS unwanted,
        contact.state <> 'active' OR EXISTS (
            SELECT FROM suppression
            WHERE suppression.account_id = %(account_id)s
              AND suppression.email = contact.email_key
              AND suppression.scope IN ('all', 'marketing')
              AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
        ) AS held,
        (/* narrowing */ TRUE) AS fits
    FROM subscription
    JOIN contact ON contact.account_id = subscription.account_id AND contact.id = subscription.contact_id
    WHERE subscription.account_id = %(account_id)s
      AND subscription.topic_id = %(topic_id)s
      AND subscription.state = 'subscribed'
      AND contact.account_id = %(account_id)s
) AS subscriber
