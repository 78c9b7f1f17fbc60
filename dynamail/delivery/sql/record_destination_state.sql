-- Share what replies taught. Run by a deliver worker when it learned something, each destination at most once in a statement.
-- Worse news always counts: the later end and the smaller factor stay. Better news counts only if nobody wrote since this worker read
-- the row (`known_at`); a destination that has fully recovered is forgotten. Keys used: destination_state_pkey.
-- Parameters: account_ids bigint[], transport_ids bigint[], sites text[], ends timestamptz[], factors float8[], reasons text[],
-- known_at timestamptz[] (NULL: worse news), now.
WITH learned AS (
    SELECT * FROM unnest(
        %(account_ids)s::bigint[], %(transport_ids)s::bigint[], %(sites)s::text[], %(ends)s::timestamptz[],
        %(factors)s::float8[], %(reasons)s::text[], %(known_at)s::timestamptz[]
    ) AS t (account_id, transport_id, site, until, factor, reason, known_at)
),
raised AS (
    UPDATE destination_state s
    SET factor = learned.factor, until = learned.until, reason = learned.reason, changed_at = %(now)s::timestamptz
    FROM learned
    WHERE s.account_id = learned.account_id AND s.transport_id = learned.transport_id AND s.site = learned.site
        AND s.changed_at = learned.known_at AND learned.factor < 1
),
recovered AS (
    DELETE FROM destination_state s
    USING learned
    WHERE s.account_id = learned.account_id AND s.transport_id = learned.transport_id AND s.site = learned.site
        AND s.changed_at = learned.known_at AND learned.factor >= 1
)
INSERT INTO destination_state AS s (account_id, transport_id, site, until, factor, reason, changed_at)
SELECT account_id, transport_id, site, until, factor, reason, %(now)s::timestamptz
FROM learned
WHERE known_at IS NULL
ORDER BY account_id, transport_id, site
ON CONFLICT (account_id, transport_id, site) DO UPDATE
SET until = greatest(s.until, excluded.until), factor = least(s.factor, excluded.factor), reason = excluded.reason,
    changed_at = excluded.changed_at
