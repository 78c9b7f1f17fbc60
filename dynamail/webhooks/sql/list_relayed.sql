-- Messages to one person that a relay or a provider carried, the latest first. A person is several ids after merges, and their addresses
-- where a message named no contact. What the Mailbox kept (no transport) and what went directly to the recipient's own server (`direct`) was
-- handed to nobody else. Called by webhooks/disclosures.py. Keys used: message_contact (for each id a range from its end), message_recipient.
-- Parameters: account_id, contact_ids, addresses, direct (ids of transports), before (an id), never_sent (states), most (rows).
WITH of_contacts AS (
    SELECT found.* FROM unnest(%(contact_ids)s::uuid[]) AS person (id)
    CROSS JOIN LATERAL (
        SELECT id, at, state, transport_id, source_kind FROM message
        WHERE account_id = %(account_id)s AND contact_id = person.id AND id < %(before)s
          AND transport_id IS NOT NULL AND NOT transport_id = ANY(%(direct)s) AND NOT state = ANY(%(never_sent)s)
        ORDER BY id DESC
        LIMIT %(most)s
    ) AS found
),
of_addresses AS (
    SELECT id, at, state, transport_id, source_kind FROM message
    WHERE account_id = %(account_id)s AND recipient = ANY(%(addresses)s) AND email_id IS NOT NULL AND contact_id IS NULL AND id < %(before)s
      AND transport_id IS NOT NULL AND NOT transport_id = ANY(%(direct)s) AND NOT state = ANY(%(never_sent)s)
    ORDER BY id DESC
    LIMIT %(most)s
)
SELECT * FROM of_contacts UNION ALL SELECT * FROM of_addresses ORDER BY id DESC LIMIT %(most)s
