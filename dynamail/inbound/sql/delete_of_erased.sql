-- Delete what people wrote who are erased since: no contact has their id, nor was it merged into another one. Every night, under the
-- workers' role, which sees all accounts. Called by inbound/retention.py. Indexes: received_message_contact, the keys of contact and alias.
DELETE FROM received_message AS received
WHERE contact_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM contact WHERE contact.account_id = received.account_id AND contact.id = received.contact_id)
    AND NOT EXISTS (SELECT FROM contact_alias AS alias WHERE alias.account_id = received.account_id AND alias.id = received.contact_id)
