-- The most frequent values that begin with a prefix. Run by segments/suggesting.py while a condition is typed; `value` is a contact's
-- value, `folded` the found one in small letters. contact_sample for the first look, a scan of the account for rare values.
SELECT found.value, count(*)
FROM (
    SELECT /* value */ AS value
    FROM contact
    WHERE contact.account_id = %(account_id)s AND contact.sample < %(share)s AND contact.state <> 'restricted'
) AS found
WHERE found.value <> '' AND starts_with(/* folded */, %(prefix)s)
GROUP BY found.value
ORDER BY count(*) DESC, found.value
LIMIT %(limit)s
