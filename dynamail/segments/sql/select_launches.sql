-- Launched campaigns, their topics and moments. Run by segments/loading.py. frozen_content's primary key.
SELECT id, coalesce((settings->>'topic_id')::bigint, 0), created_at
FROM frozen_content
WHERE account_id = %(account_id)s
