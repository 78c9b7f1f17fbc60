-- Contacts by folded address, held against deletion until the caller commits: an event about somebody who is erased at the same
-- time would stay behind. Run by contacts/people_of_events.py. Index: contact_email_once. Parameters: account_id, addresses.
SELECT email_key, id, state FROM contact WHERE account_id = %s AND email_key = ANY(%s::text[]) FOR KEY SHARE
