-- How many contacts have a value for each attribute and each tag, among a stable share of the account's contacts. Called by
-- segments/catalog_counts.py for the builder's lists. Index used: contact_sample (account_id, sample).
-- Parameters: account_id, share (0…1000, in thousandths).
WITH looked AS MATERIALIZED (
    SELECT attributes, tags FROM contact WHERE account_id = %(account_id)s AND sample < %(share)s
)
SELECT 'attribute' AS kind, key::bigint AS number, count(*) AS contacts
FROM looked, jsonb_object_keys(attributes) AS key
GROUP BY key
UNION ALL
SELECT 'tag', tag, count(*) FROM looked, unnest(tags) AS tag GROUP BY tag
