-- What single messages say: once for each claimed batch, so that fifty messages cost one round trip. An email whose content is gone has
-- neither content nor raw. `fits` is false, and the texts are left out, for emails that would take more memory than is left; as
-- long as any is left, the first one fits. Run by delivery/emails.py. Keys used: primary keys of email and email_body, stream_key_once.
-- Parameters: account_ids bigint[], ids uuid[], in one order and each pair once; most (octets).
SELECT asked.account_id, asked.id, account.uid, email.stream, stream.uid, stream.kind, email.from_email, email.from_name,
    email.reply_to::text, email.subject, email.recipients::text, email.topic_id, topic.name, email.track_opens, email.track_clicks,
    email.header_id, email.fits, CASE WHEN email.fits THEN body.content::text END, CASE WHEN email.fits THEN body.raw END
FROM unnest(%(account_ids)s::bigint[], %(ids)s::uuid[]) AS asked (account_id, id)
JOIN (
    SELECT found.*,
        sum(size_bytes) OVER (ORDER BY place) <= %(most)s
            OR %(most)s > 0 AND sum(size_bytes) OVER (ORDER BY place) = size_bytes AS fits
    FROM unnest(%(account_ids)s::bigint[], %(ids)s::uuid[]) WITH ORDINALITY AS wanted (of_account, of_id, place)
    JOIN email AS found ON found.account_id = of_account AND found.id = of_id
) AS email ON email.account_id = asked.account_id AND email.id = asked.id
JOIN account ON account.id = asked.account_id
LEFT JOIN email_body AS body ON body.account_id = asked.account_id AND body.id = asked.id
LEFT JOIN stream ON stream.account_id = asked.account_id AND stream.key = email.stream
LEFT JOIN topic ON topic.account_id = asked.account_id AND topic.id = email.topic_id
