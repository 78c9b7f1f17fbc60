-- How often a person opened or clicked what in a quarter of an hour: the facts that segments count over a period. Run by
-- tracking/shipping.py in the transaction of the segment; human hits of known persons alone, as `engagement` has them.
-- An open has link -1, a click its link: unlike `interaction` there is no row for any link, which would count a click twice.
-- Sorted, so that two processes lock rows in one order. Index: the primary key.
INSERT INTO activity AS known (account_id, kind, at, contact_id, source_id, link_number, n)
SELECT account_id, kind, date_bin('15 minutes', at, '2001-01-01T00:00:00Z'), contact_id, source_id, link_number, count(*)
FROM kept_hit
WHERE NOT machine AND contact_id <> '00000000-0000-0000-0000-000000000000'
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (account_id, kind, at, contact_id, source_id, link_number) DO UPDATE SET n = known.n + excluded.n
