-- Campaigns of which nothing is left to send become finished: after the last chunk or retry, and as a sweep every few seconds.
-- Keys used: campaign's unique uid, chunk_source, outbox_source. Parameters: source_id or null, now.
UPDATE campaign
SET state = 'finished', finished_at = %(now)s, updated_at = %(now)s
WHERE state = 'running' AND (%(source_id)s::uuid IS NULL OR uid = %(source_id)s::uuid)
  AND NOT EXISTS (
      SELECT FROM chunk WHERE chunk.account_id = campaign.account_id AND chunk.source_id = campaign.uid
        AND (chunk.state IN (0, 1, 2) OR chunk.worker IS NOT NULL)
  )
  AND NOT EXISTS (
      SELECT FROM outbox WHERE outbox.account_id = campaign.account_id AND outbox.source_id = campaign.uid
        AND outbox.source_kind = 'campaign'
  )
RETURNING account_id, uid
