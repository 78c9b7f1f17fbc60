-- The account's own events about contacts. Run by segments/loading.py. custom_event_contact.
SELECT contact_id, id, name_id, at, properties::text
FROM custom_event
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
