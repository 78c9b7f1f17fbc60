-- Pairs of contacts with one value, and who of them would stay: the one with the latest act, else the one added first.
-- Called by contacts/finding_duplicates.py once a search, over all contacts of an account; the rule's expression over
-- `contact` stands where the braces are. A value that many share (a switchboard, a city) names nobody. Pairs that a member called two persons stay out.
-- Parameters: account_id, rule, most (contacts with one value), limit (pairs), now, and those of the expression.
WITH keyed AS (
    SELECT contact.id, contact.created_at, {value} AS value FROM contact
    WHERE contact.account_id = %(account_id)s AND contact.state <> 'restricted'
), shared AS (
    SELECT value FROM keyed WHERE length(value) >= 3 GROUP BY value HAVING count(*) BETWEEN 2 AND %(most)s
), ranked AS (
    SELECT keyed.id, keyed.value, first_value(keyed.id) OVER (
        PARTITION BY keyed.value
        ORDER BY greatest(engagement.last_clicked_at, engagement.last_opened_at) DESC NULLS LAST, keyed.created_at, keyed.id
    ) AS kept_id
    FROM keyed
    JOIN shared USING (value)
    LEFT JOIN engagement ON engagement.account_id = %(account_id)s AND engagement.contact_id = keyed.id
)
INSERT INTO duplicate_pair (account_id, rule, gone_id, kept_id, value, found_at, state)
SELECT %(account_id)s, %(rule)s, id, kept_id, left(split_part(value, E'\x1f', 1), 200), %(now)s, 'open'
FROM ranked
WHERE id <> kept_id AND NOT EXISTS (
    SELECT FROM duplicate_pair AS known
    WHERE known.account_id = %(account_id)s AND known.state = 'different'
        AND ((known.gone_id = ranked.id AND known.kept_id = ranked.kept_id)
            OR (known.gone_id = ranked.kept_id AND known.kept_id = ranked.id))
)
ORDER BY value, id
LIMIT %(limit)s
ON CONFLICT (account_id, rule, gone_id, kept_id) DO NOTHING
