-- Messages to contacts. Run by segments/loading.py. message_contact.
SELECT contact_id, id, at, state, source_id
FROM message
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
