-- The messages of the emails that a Message-ID names: one of ours is the email's id, any other is the sender's own. Run by
-- feedback/finding.py for a complaint without a return-path; like find_sent_message.sql it asks for each account.
-- Keys used: email_header_id, message_email, stream_key_once. Parameters: email_id or null, header_id or '', earliest (an id: older
-- emails are not looked at).
SELECT m.account_id, m.id, m.at, m.source_kind, m.source_id, m.contact_id, m.recipient, m.domain, m.state, m.email_id,
    coalesce(stream.kind, '')
FROM account
CROSS JOIN LATERAL (
    SELECT message.* FROM email
    JOIN message ON message.account_id = email.account_id AND message.email_id = email.id AND message.id >= %(earliest)s
    WHERE email.account_id = account.id AND %(header_id)s <> '' AND email.header_id = %(header_id)s AND email.id >= %(earliest)s
    UNION ALL
    SELECT * FROM message
    WHERE message.account_id = account.id AND message.email_id = %(email_id)s AND message.id >= %(earliest)s
    LIMIT 1000
) AS m
LEFT JOIN stream ON stream.account_id = m.account_id AND stream.key = m.stream
