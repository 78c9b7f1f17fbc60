-- The octets of attachments, once for each claimed batch that has any. Run by delivery/emails.py. Key used: blob's primary key.
-- Parameters: account_ids bigint[], ids uuid[], in one order and each pair once.
SELECT blob.account_id, blob.id, blob.data
FROM unnest(%(account_ids)s::bigint[], %(ids)s::uuid[]) AS asked (account_id, id)
JOIN blob ON blob.account_id = asked.account_id AND blob.id = asked.id
