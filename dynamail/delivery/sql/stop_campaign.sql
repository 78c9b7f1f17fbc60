-- A campaign whose frozen content cannot be written to anybody is paused with the reason; a member decides. Run by
-- delivery/sources.py. Keys used: campaign's unique uid, chunk_source. Parameters: account_id, source_id, problem, now.
WITH stopped AS (
    UPDATE campaign SET state = 'paused', problem = %(problem)s, updated_at = %(now)s
    WHERE uid = %(source_id)s AND account_id = %(account_id)s AND state = 'running'
),
held AS (
    UPDATE outbox SET priority = 9 WHERE account_id = %(account_id)s AND source_id = %(source_id)s AND source_kind = 'campaign'
)
UPDATE chunk SET state = 2 WHERE account_id = %(account_id)s AND source_id = %(source_id)s AND state IN (0, 1)
