-- The message that a report names, and whose it is. Reports know no account, and the key of message begins with it: one probe of that
-- key for each account, in the one partition that the id falls into. Bounces are rare enough for thousands of accounts.
-- Keys used: message's primary key, stream_key_once. Parameters: message_id.
SELECT m.account_id, m.id, m.at, m.source_kind, m.source_id, m.contact_id, m.recipient, m.domain, m.state, m.email_id,
    coalesce(stream.kind, '')
FROM account
CROSS JOIN LATERAL (
    SELECT * FROM message WHERE message.account_id = account.id AND message.id = %(message_id)s
) AS m
LEFT JOIN stream ON stream.account_id = m.account_id AND stream.key = m.stream
