-- Answers, refusals and complaints of contacts. Run by segments/loading.py. event_contact.
SELECT contact_id, kind, at, source_id, message_id
FROM event
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
    AND kind IN ('message.bounced', 'message.complained', 'message.replied')
