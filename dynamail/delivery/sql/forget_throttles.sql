-- Forget the counts of hours and days that are over, limits that nobody met for days, and what was learned about destinations that
-- nobody wrote to since. Run by each deliver worker once an hour for the accounts that it sends for. Keys used: throttle_bucket_pkey,
-- destination_state's primary key. Parameters: account_ids bigint[], days, now.
WITH forgotten AS (
    DELETE FROM destination_state
    WHERE account_id = ANY(%(account_ids)s::bigint[]) AND changed_at < %(now)s::timestamptz - make_interval(days => %(days)s)
      AND (until IS NULL OR until < %(now)s)
)
DELETE FROM throttle_bucket
WHERE account_id = ANY(%(account_ids)s::bigint[]) AND filled_at < %(now)s::timestamptz - make_interval(days => %(days)s)
