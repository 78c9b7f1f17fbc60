-- One portion of a stream's log whose time has passed: emails, their contents, messages and events, unless something of them waits. Run
-- by messages/retention.py like delete_old_bodies.sql. Keys used: primary keys of email, email_body and message; message_email,
-- event_single_message, outbox_email. Parameters: account_id, stream, after, before (ids), size. Answers the last id looked at, how
-- many, and how many of them were deleted.
WITH old AS MATERIALIZED (
    SELECT id, stream FROM email
    WHERE account_id = %(account_id)s AND id > %(after)s AND id < %(before)s
    ORDER BY id
    LIMIT %(size)s
),
due AS MATERIALIZED (
    SELECT id FROM old
    WHERE stream = %(stream)s
      AND NOT EXISTS (SELECT FROM outbox WHERE outbox.account_id = %(account_id)s AND outbox.email_id = old.id)
),
gone AS (
    DELETE FROM email USING due WHERE email.account_id = %(account_id)s AND email.id = due.id RETURNING email.id
),
bodies AS (
    DELETE FROM email_body AS body USING due WHERE body.account_id = %(account_id)s AND body.id = due.id
),
copies AS (
    DELETE FROM message USING due WHERE message.account_id = %(account_id)s AND message.email_id = due.id RETURNING message.id
),
told AS (
    DELETE FROM event USING copies
    WHERE event.account_id = %(account_id)s AND event.message_id = copies.id AND event.source_kind IN ('api', 'smtp')
)
SELECT (SELECT id FROM old ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM old), (SELECT count(*) FROM gone)
