-- The most frequent values of a property in the latest events of one name. Run by segments/suggesting.py. custom_event_name backward.
SELECT found.value, count(DISTINCT found.contact_id)
FROM (
    SELECT known.contact_id, known.properties->>%(property)s AS value
    FROM custom_event AS known
    WHERE known.account_id = %(account_id)s AND known.name_id = %(name_id)s
    ORDER BY known.at DESC
    LIMIT %(latest)s
) AS found
WHERE found.value <> '' AND starts_with(lower(found.value COLLATE "pg_c_utf8"), %(prefix)s)
GROUP BY found.value
ORDER BY count(DISTINCT found.contact_id) DESC, found.value
LIMIT %(limit)s
