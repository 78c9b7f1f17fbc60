-- Lease tokens of many limits at once, or give some back. Run by each deliver worker some times a second, for the limits in use.
-- `tokens` of a row is what is taken: it drains by `rate` a second (0: a count of one hour or day) and never exceeds `capacity`.
-- Whole tokens are granted, at most `wanted`; a negative `wanted` gives back. Rows are locked in the order of their keys, new ones
-- before old ones, so that two workers never wait for each other. Who loses the race to insert a row is granted nothing this time.
-- A clock that was set back leaves `filled_at` in the future: more than five seconds are not waited for.
-- Keys used: throttle_bucket_pkey.
-- Parameters: account_ids bigint[], keys text[], capacities float8[], rates float8[], wanted float8[], now.
WITH asked AS (
    SELECT * FROM unnest(
        %(account_ids)s::bigint[], %(keys)s::text[], %(capacities)s::float8[], %(rates)s::float8[], %(wanted)s::float8[]
    ) AS t (account_id, key, capacity, rate, wanted)
),
born AS (
    INSERT INTO throttle_bucket (account_id, key, tokens, filled_at)
    SELECT account_id, key, greatest(0, least(wanted, floor(capacity))), %(now)s::timestamptz
    FROM asked
    WHERE NOT EXISTS (SELECT FROM throttle_bucket b WHERE b.account_id = asked.account_id AND b.key = asked.key)
    ORDER BY account_id, key
    ON CONFLICT DO NOTHING
    RETURNING account_id, key, tokens
),
held AS (
    SELECT b.account_id, b.key, b.tokens, b.filled_at, asked.capacity, asked.rate, asked.wanted
    FROM asked JOIN throttle_bucket b ON b.account_id = asked.account_id AND b.key = asked.key
    WHERE (SELECT count(*) FROM born) >= 0
    ORDER BY b.account_id, b.key
    FOR UPDATE OF b
),
drained AS (
    SELECT
        account_id, key, capacity, wanted,
        greatest(0, tokens - rate * greatest(0, extract(epoch FROM %(now)s::timestamptz - filled_at))) AS taken,
        CASE WHEN filled_at > %(now)s::timestamptz + interval '5 seconds' THEN %(now)s::timestamptz
             ELSE greatest(filled_at, %(now)s::timestamptz) END AS filled_at
    FROM held
),
granted AS (
    SELECT *, CASE WHEN wanted < 0 THEN -least(-wanted, taken)
                   ELSE greatest(0, least(wanted, floor(capacity - taken + 1e-6))) END AS tokens
    FROM drained
),
updated AS (
    UPDATE throttle_bucket b
    SET tokens = granted.taken + granted.tokens, filled_at = granted.filled_at
    FROM granted
    WHERE b.account_id = granted.account_id AND b.key = granted.key
    RETURNING b.account_id, b.key, granted.tokens AS granted, b.tokens AS taken
)
SELECT account_id, key, granted, taken FROM updated
UNION ALL
SELECT account_id, key, tokens, tokens FROM born
