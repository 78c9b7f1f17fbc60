-- Launched campaigns, their topics and moments. Run by segments/loading.py. frozen_content's primary key.
SELECT id, (settings->>'topic_id')::bigint, created_at
FROM frozen_content
WHERE account_id = %(account_id)s AND settings->>'topic_id' IS NOT NULL
