-- Where contacts stand on topics. Run by segments/loading.py. subscription_contact.
SELECT contact_id, topic_id, state, basis, changed_at
FROM subscription
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
