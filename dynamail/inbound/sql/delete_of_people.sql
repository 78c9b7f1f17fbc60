-- Delete what people wrote whose contacts are deleted now: letters of theirs, and those that only their From names.
-- Called by inbound/erasing.py in the transaction that deletes the contacts. Indexes: received_message_contact, received_message_from.
-- Parameters: account_id, contact_ids, addresses (keys, none of them empty).
DELETE FROM received_message
WHERE account_id = %(account_id)s AND (contact_id = ANY(%(contact_ids)s) OR from_key = ANY(%(addresses)s))
RETURNING id
