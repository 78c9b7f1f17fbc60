-- When last, how often. Run by segments/loading.py. engagement's primary key.
SELECT contact_id, last_sent_at, last_opened_at, last_clicked_at, sent, opened, clicked
FROM engagement
WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s::uuid[])
