-- Types of properties that were not known of a name, and its latest moment. Run by events/own_names.py, once a new property.
-- Locked in one order: two batches with the same names do not wait for each other crosswise.
UPDATE event_name SET properties = event_name.properties || lesson.types,
    last_at = greatest(event_name.last_at, lesson.last_at)
FROM (
    SELECT told.* FROM jsonb_to_recordset(%(lessons)s::jsonb) AS told (id bigint, types jsonb, last_at timestamptz)
    JOIN event_name AS held ON held.account_id = %(account_id)s::bigint AND held.id = told.id
    ORDER BY told.id FOR NO KEY UPDATE OF held
) AS lesson
WHERE event_name.account_id = %(account_id)s::bigint AND event_name.id = lesson.id
