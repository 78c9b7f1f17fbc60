-- Is this message in a worker's hands, so that the log does not know it yet? A campaign's messages carry the moment of its launch in
-- their ids. Index: chunk_lease, outbox_lease: only what is being sent now is looked at. Parameters: message_id, earliest, latest (of
-- the launch).
SELECT EXISTS (
    SELECT FROM outbox WHERE worker IS NOT NULL AND id = %(message_id)s
) OR EXISTS (
    SELECT FROM chunk JOIN frozen_content AS content ON content.account_id = chunk.account_id AND content.id = chunk.source_id
    WHERE chunk.worker IS NOT NULL AND chunk.started > chunk.done AND content.created_at BETWEEN %(earliest)s AND %(latest)s
)
