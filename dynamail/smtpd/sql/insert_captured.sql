-- Keep one message in the Mailbox. Run by smtpd/capture.py before it answers 250.
INSERT INTO captured_message
    (account_id, id, at, envelope_from, envelope_to, from_text, subject, message_id, size_bytes, raw)
VALUES
    (%(account_id)s, %(id)s, %(at)s, %(envelope_from)s, %(envelope_to)s, %(from_text)s, %(subject)s, %(message_id)s,
     %(size_bytes)s, %(raw)s)
