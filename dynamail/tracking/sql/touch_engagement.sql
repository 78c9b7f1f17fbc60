-- The facts kept per person, which segments read. Run by tracking/shipping.py; human hits of known persons alone.
INSERT INTO engagement AS old (account_id, contact_id, last_opened_at, last_clicked_at, sent, opened, clicked)
SELECT account_id, contact_id, max(at) FILTER (WHERE kind = 'opened'), max(at) FILTER (WHERE kind = 'clicked'), 0,
    count(*) FILTER (WHERE kind = 'opened'), count(*) FILTER (WHERE kind = 'clicked')
FROM kept_hit
WHERE NOT machine AND contact_id <> '00000000-0000-0000-0000-000000000000'
GROUP BY account_id, contact_id
ORDER BY account_id, contact_id
ON CONFLICT (account_id, contact_id) DO UPDATE
SET last_opened_at = greatest(old.last_opened_at, excluded.last_opened_at),
    last_clicked_at = greatest(old.last_clicked_at, excluded.last_clicked_at),
    opened = old.opened + excluded.opened, clicked = old.clicked + excluded.clicked
