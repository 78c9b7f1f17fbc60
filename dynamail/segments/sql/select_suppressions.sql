-- Suppressions of contacts' addresses, ended ones too. Run by segments/loading.py. contact's primary key, suppression_email.
SELECT contact.id, suppression.reason, suppression.expires_at
FROM contact
JOIN suppression ON suppression.account_id = %(account_id)s AND suppression.email = contact.email_key
WHERE contact.account_id = %(account_id)s AND contact.id = ANY(%(ids)s::uuid[])
