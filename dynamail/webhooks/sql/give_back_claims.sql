-- Claims that came to nothing: their deliveries are due at once, if they are still ours. Called by webhooks/sending.py. Key used: the
-- primary key. Parameters: account_ids, ids, claims (of the same length), now.
UPDATE webhook_delivery AS delivery SET claim = NULL, next_at = %(now)s
FROM unnest(%(account_ids)s::bigint[], %(ids)s::uuid[], %(claims)s::uuid[]) AS ours (account_id, id, claim)
WHERE delivery.account_id = ours.account_id AND delivery.id = ours.id AND delivery.claim = ours.claim
