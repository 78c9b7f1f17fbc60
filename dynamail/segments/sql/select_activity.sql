-- Opens and clicks of contacts in quarters of an hour. Run by segments/loading.py. activity_contact.
SELECT contact_id, kind, at, source_id, link_number, n
FROM activity
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
