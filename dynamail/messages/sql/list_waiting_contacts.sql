-- Recipients of a source whom no worker has reached, as contact ids in order: still to come, or canceled with their chunk.
-- Called by messages/accounting.py for the report's lists. Keys used: chunk_source. Parameters: account_id, source_id, states
-- smallint[], after uuid or null, size.
SELECT contact_id
FROM chunk CROSS JOIN LATERAL unnest(chunk.contact_ids[chunk.done + 1:]) AS contact_id
WHERE chunk.account_id = %(account_id)s AND chunk.source_id = %(source_id)s AND chunk.state = ANY(%(states)s::smallint[])
  AND (%(after)s::uuid IS NULL OR contact_id > %(after)s::uuid)
ORDER BY contact_id
LIMIT %(size)s
