-- Answers, refusals and complaints of contacts, and refusals of their messages that name nobody. Run by segments/loading.py.
-- event_contact for the first, message_contact and event_bounced_message for the second.
SELECT contact_id, kind, at, source_id, message_id
FROM event
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
    AND kind IN ('message.bounced', 'message.complained', 'message.replied')
