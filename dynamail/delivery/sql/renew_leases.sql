-- A worker keeps what it holds while something slow goes on. What it does not know that it holds (the answer to a claim was lost)
-- is not renewed and runs out. Run every few seconds. Keys used: primary keys.
-- Parameters: worker, lease_until, chunk_ids uuid[], message_ids uuid[].
WITH rows AS (
    UPDATE outbox SET lease_until = %(lease_until)s WHERE worker = %(worker)s AND id = ANY(%(message_ids)s::uuid[])
)
UPDATE chunk SET lease_until = %(lease_until)s WHERE worker = %(worker)s AND id = ANY(%(chunk_ids)s::uuid[])
