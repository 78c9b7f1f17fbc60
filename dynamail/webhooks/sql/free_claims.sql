-- Claims of workers that are no more: their leases end now. A worker that lives holds the advisory lock (class, the first 32 bits of its
-- claims) on a connection of its own. Called by webhooks/posters.py at the beginning of a turn. Key used: webhook_delivery_claimed.
-- Parameters: now, class.
WITH alive AS MATERIALIZED (
    SELECT objid::bigint AS mark FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint = %(class)s AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
UPDATE webhook_delivery AS delivery SET next_at = %(now)s
WHERE delivery.claim IS NOT NULL AND delivery.next_at > %(now)s
  AND ('x' || left(delivery.claim::text, 8))::bit(32)::bigint NOT IN (SELECT mark FROM alive)
