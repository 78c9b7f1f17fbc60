-- Messages to contacts. Run by segments/loading.py. message_contact, event_bounced_message.
-- A refusal that came later and is about the sender names no contact; then the message itself says that it was not received.
SELECT known.contact_id, known.id, known.at,
    CASE
        WHEN known.state = 'delivered' AND EXISTS (
            SELECT FROM event AS returned
            WHERE returned.account_id = %(account_id)s AND returned.kind = 'message.bounced'
                AND returned.message_id = known.id AND returned.contact_id IS NULL
        ) THEN 'bounced'
        ELSE known.state
    END,
    known.source_id
FROM message AS known
WHERE known.account_id = %(account_id)s AND known.contact_id = ANY(%(ids)s::uuid[])
