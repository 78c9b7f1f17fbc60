-- Add what the ways out counted to this hour's rows. Run by delivery/health.py every few seconds; the rows come in the order of
-- their key. The one statement of the worker that counts twice when its answer is lost: it is for the eye only.
-- Keys used: transport_hour's primary key. Parameters: rows: JSON array of {account_id, transport_id, site, hour, delivered,
-- deferred, bounced, failed}.
INSERT INTO transport_hour AS known (account_id, transport_id, site, hour, delivered, deferred, bounced, failed)
SELECT account_id, transport_id, site, hour, delivered, deferred, bounced, failed
FROM json_to_recordset(%(rows)s::json) AS t (
    account_id bigint, transport_id bigint, site text, hour timestamptz, delivered integer, deferred integer, bounced integer,
    failed integer
)
ON CONFLICT (account_id, transport_id, site, hour) DO UPDATE
SET delivered = known.delivered + excluded.delivered, deferred = known.deferred + excluded.deferred,
    bounced = known.bounced + excluded.bounced, failed = known.failed + excluded.failed
