-- What composing needs of up to 500 contacts of a chunk. Run once per chunk and per batch of retries.
-- Keys used: contact's and subscription's primary keys. Parameters: account_id, topic_id, contact_ids uuid[].
SELECT contact.id, contact.email, contact.email_key, contact.name, contact.language, contact.attributes::text,
    coalesce(subscription.tracking_allowed, false)
FROM contact
LEFT JOIN subscription ON subscription.account_id = contact.account_id AND subscription.topic_id = %(topic_id)s
    AND subscription.contact_id = contact.id
WHERE contact.account_id = %(account_id)s AND contact.id = ANY(%(contact_ids)s::uuid[])
