-- Where a launch stands in the queue: not before what the workers serve now, not before the account's own earlier launches. The
-- account's row stays locked until the launch commits, so two launches of one account line up. Called by messages/freezing.py.
-- Keys used: primary keys. Parameters: account_id.
INSERT INTO fair_share AS share (account_id, lane, last_tag)
VALUES (%(account_id)s, 0, coalesce((SELECT tag FROM queue_clock WHERE id = 1), 0))
ON CONFLICT (account_id, lane) DO UPDATE SET last_tag = greatest(share.last_tag, excluded.last_tag)
RETURNING last_tag
