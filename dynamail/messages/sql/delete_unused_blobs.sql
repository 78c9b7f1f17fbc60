-- One portion of the files that nothing uses any more, the longest unused first. Run by messages/retention.py. Whoever uses a file again
-- raises `last_used_at` and so wins against this. Indexes: blob_age, media_blob, email_body_blobs. Parameters: before; after_at or
-- null, after_id; size. Answers the last place looked at, how many, and how many of them were deleted.
WITH old AS MATERIALIZED (
    SELECT account_id, id, last_used_at FROM blob
    WHERE last_used_at < %(before)s
      AND (%(after_at)s::timestamptz IS NULL OR (last_used_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid))
    ORDER BY last_used_at, id
    LIMIT %(size)s
),
gone AS (
    DELETE FROM blob USING old
    WHERE blob.account_id = old.account_id AND blob.id = old.id AND blob.last_used_at = old.last_used_at
      AND NOT EXISTS (SELECT FROM media WHERE media.account_id = old.account_id AND media.blob_id = old.id)
      AND NOT EXISTS (
          SELECT FROM email_body AS body
          WHERE body.account_id = old.account_id AND body.content -> 'attachments' <> '[]'
            AND body.content -> 'attachments' @> jsonb_build_array(jsonb_build_object('blob', old.id::text))
      )
    RETURNING blob.id
)
SELECT last.last_used_at, last.id, (SELECT count(*) FROM old), (SELECT count(*) FROM gone)
FROM (SELECT 1) AS one
LEFT JOIN (SELECT last_used_at, id FROM old ORDER BY last_used_at DESC, id DESC LIMIT 1) AS last ON true
