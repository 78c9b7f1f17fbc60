-- The copies of an email that wait and that no worker holds: gone from the outbox. Run by messages/email_acts.py. A worker that claims
-- one at this moment is waited for, and keeps it. Index: outbox_email. Parameters: account_id, email_id.
DELETE FROM outbox
WHERE account_id = %s AND email_id = %s AND worker IS NULL
RETURNING id, source_id, contact_id, recipient, attempts
