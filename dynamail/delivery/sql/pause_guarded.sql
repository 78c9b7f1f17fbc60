-- Pause one campaign for its own good, once, with its event; chunks and waiting retries with it. Only the worker whose update finds it
-- running does anything. Keys used: campaign's unique uid, chunk_source, outbox_source.
-- Parameters: account_id, source_id, stopped_by (JSON), event_id, now.
WITH paused AS (
    UPDATE campaign SET state = 'paused', stopped_by = %(stopped_by)s::jsonb, updated_at = %(now)s
    WHERE uid = %(source_id)s AND account_id = %(account_id)s AND state = 'running'
    RETURNING account_id, uid
),
held AS (
    UPDATE outbox SET priority = 9
    FROM paused WHERE outbox.account_id = paused.account_id AND outbox.source_id = paused.uid AND outbox.source_kind = 'campaign'
),
stopped AS (
    UPDATE chunk SET state = 2
    FROM paused WHERE chunk.account_id = paused.account_id AND chunk.source_id = paused.uid AND chunk.state IN (0, 1)
),
told AS (
    INSERT INTO event (account_id, id, at, kind, source_kind, source_id, data)
    SELECT account_id, %(event_id)s::uuid, %(now)s::timestamptz, 'campaign.paused', 'campaign', uid, %(stopped_by)s::jsonb FROM paused
    ON CONFLICT DO NOTHING
)
SELECT account_id FROM paused
