-- Forget the counts of hours and days that are over, and limits that nobody met for days. Run by each deliver worker once an hour for
-- the accounts that it sends for. Keys used: throttle_bucket_pkey. Parameters: account_ids bigint[], days, now.
DELETE FROM throttle_bucket
WHERE account_id = ANY(%(account_ids)s::bigint[]) AND filled_at < %(now)s::timestamptz - make_interval(days => %(days)s)
