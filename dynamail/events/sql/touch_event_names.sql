-- The latest moment of names, at most once a minute each. Run by events/own_names.py. A row that another transaction holds is
-- left to it: events of one name arrive in many connections at once, and none shall wait for another's commit.
UPDATE event_name SET last_at = greatest(event_name.last_at, lesson.last_at)
FROM (
    SELECT told.* FROM jsonb_to_recordset(%(lessons)s::jsonb) AS told (id bigint, last_at timestamptz)
    JOIN event_name AS held ON held.account_id = %(account_id)s::bigint AND held.id = told.id
    ORDER BY told.id FOR NO KEY UPDATE OF held SKIP LOCKED
) AS lesson
WHERE event_name.account_id = %(account_id)s::bigint AND event_name.id = lesson.id
