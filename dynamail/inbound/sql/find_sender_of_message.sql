-- Whose message is this? Reply addresses know no account, and the key of message begins with it: one probe of that key for each account,
-- in the one partition that the id falls into. A reply may also come before the outcome is recorded. Called by inbound/addressing.py.
-- Keys used: message's primary key, outbox_lease. Parameters: message_id.
SELECT account.id FROM account
WHERE EXISTS (SELECT FROM message WHERE message.account_id = account.id AND message.id = %(message_id)s)
    OR EXISTS (SELECT FROM outbox WHERE outbox.account_id = account.id AND outbox.id = %(message_id)s AND worker IS NOT NULL)
LIMIT 1
