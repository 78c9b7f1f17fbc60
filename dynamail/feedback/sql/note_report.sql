-- Note a report once; a repetition meets the key and inserts nothing. Parameters: the columns.
INSERT INTO feedback_report (account_id, id, at, kind, source, message_id, source_kind, source_id, contact_id, recipient, bounce_class,
    reason, code, status, text, is_hard, consequence, raw)
VALUES (%(account_id)s, %(id)s, %(at)s, %(kind)s, %(source)s, %(message_id)s, %(source_kind)s, %(source_id)s, %(contact_id)s,
    %(recipient)s, %(bounce_class)s, %(reason)s, %(code)s, %(status)s, %(text)s, %(is_hard)s, '', %(raw)s)
ON CONFLICT (account_id, id) DO NOTHING
