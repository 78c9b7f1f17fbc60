-- How many recipients of a campaign have no value for what its content reads. Called by campaigns/audiences.py for the review;
-- contains messages/sql/select_audience.sql. One row per attribute id, and one each for name, first_name and last_name.
-- Parameters: those of select_audience.sql, attribute_numbers text[].
WITH recipient AS MATERIALIZED (
    SELECT contact.name, contact.attributes
    FROM (/* select_audience */) AS audience
    JOIN contact ON contact.account_id = %(account_id)s AND contact.id = audience.id
)
SELECT wanted.id AS key, count(*) FILTER (WHERE coalesce(recipient.attributes ->> wanted.id, '') = '') AS lacking
FROM recipient CROSS JOIN unnest(%(attribute_numbers)s::text[]) AS wanted (id)
GROUP BY wanted.id
UNION ALL
SELECT 'name', count(*) FILTER (WHERE name = '') FROM recipient
UNION ALL
SELECT 'first_name', count(*) FILTER (WHERE name = '') FROM recipient
UNION ALL
SELECT 'last_name', count(*) FILTER (WHERE position(' ' IN name) = 0) FROM recipient
