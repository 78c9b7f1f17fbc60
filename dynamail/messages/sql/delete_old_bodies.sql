-- One portion of a stream's contents whose time has passed: those of emails of which no message waits go. Run by messages/retention.py,
-- in order of ids from `after` on, so that what stays is looked at once a run. Rows that somebody holds are left for the next day.
-- Keys used: primary keys of email_body and email; outbox_email. Parameters: account_id, stream, after, before (ids), size.
-- Answers the last id looked at, how many, and how many of them were deleted.
WITH old AS MATERIALIZED (
    SELECT id FROM email_body
    WHERE account_id = %(account_id)s AND id > %(after)s AND id < %(before)s
    ORDER BY id
    LIMIT %(size)s
),
due AS (
    SELECT body.account_id, body.id
    FROM email_body AS body
    JOIN old USING (id)
    LEFT JOIN email ON email.account_id = body.account_id AND email.id = body.id
    WHERE body.account_id = %(account_id)s AND body.id > %(after)s AND body.id < %(before)s AND coalesce(email.stream, %(stream)s) = %(stream)s
      AND NOT EXISTS (SELECT FROM outbox WHERE outbox.account_id = %(account_id)s AND outbox.email_id = body.id)
    FOR UPDATE OF body SKIP LOCKED
),
gone AS (
    DELETE FROM email_body AS body USING due
    WHERE body.account_id = due.account_id AND body.id = due.id
    RETURNING body.id
)
SELECT (SELECT id FROM old ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM old), (SELECT count(*) FROM gone)
