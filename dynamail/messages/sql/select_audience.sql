-- Whom a campaign may reach now: active contacts who are subscribed to its topic, with one of the wanted tags (none wanted:
-- everybody), without an unwanted one, for whom the campaign's condition holds and whose address is not suppressed. Not run
-- alone: count_audience.sql and freeze_audience.sql contain it, so the page's number and the launch cannot disagree. A compiled
-- condition over the alias `contact` takes the place before TRUE.
-- Keys used: subscription by (account_id, topic_id, contact_id), contact by primary key. Parameters: account_id, topic_id,
-- include_tags, exclude_tags bigint[], now, and narrow0, narrow1, … of the condition.
SELECT contact.id, contact.lane
FROM subscription
JOIN contact ON contact.account_id = subscription.account_id AND contact.id = subscription.contact_id
WHERE subscription.account_id = %(account_id)s
  AND subscription.topic_id = %(topic_id)s
  AND subscription.state = 'subscribed'
  AND contact.account_id = %(account_id)s
  AND contact.state = 'active'
  AND (cardinality(%(include_tags)s::bigint[]) = 0 OR contact.tags && %(include_tags)s::bigint[])
  AND NOT contact.tags && %(exclude_tags)s::bigint[]
  AND (/* narrowing */ TRUE)
  AND NOT EXISTS (
      SELECT FROM suppression
      WHERE suppression.account_id = %(account_id)s
        AND suppression.email = contact.email_key
        AND suppression.scope IN ('all', 'marketing')
        AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
  )
