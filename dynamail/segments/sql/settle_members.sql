-- Make the kept members of a segment right for these contacts, and tell who joined and who left. Called by segments/membership.py
-- with the segment's row locked; the transaction writes the events of what this returns. `fit` is a compiled
-- condition in its form for few contacts.
-- No join between what fits and what is kept: with the statistics of a table that was filled a moment ago it becomes a loop in a loop.
-- Keys used: contact and segment_member by primary key. Parameters: account_id, segment_id, contact_ids uuid[], now.
-- Returns contact_id, joined, exists: who left because the contact is gone is told to nobody.
WITH fitting AS MATERIALIZED (
    SELECT contact.id
    FROM contact
    WHERE contact.account_id = %(account_id)s
      AND contact.id = ANY(%(contact_ids)s::uuid[])
      AND (/* fit */)
), joined AS (
    INSERT INTO segment_member (account_id, segment_id, contact_id, since)
    SELECT %(account_id)s, %(segment_id)s, fitting.id, %(now)s
    FROM fitting
    ON CONFLICT DO NOTHING
    RETURNING contact_id
), departed AS (
    DELETE FROM segment_member
    WHERE account_id = %(account_id)s
      AND segment_id = %(segment_id)s
      AND contact_id = ANY(%(contact_ids)s::uuid[])
      AND contact_id NOT IN (SELECT id FROM fitting)
    RETURNING contact_id
)
SELECT contact_id, TRUE, TRUE
FROM joined
UNION ALL
SELECT contact_id, FALSE, contact_id IN (
    SELECT id FROM contact WHERE account_id = %(account_id)s AND id = ANY(%(contact_ids)s::uuid[])
)
FROM departed
