-- How many of a share of the contacts fit a condition, and how many the share has. Run by segments/counting.py at each change in
-- the builder. Uses contact_sample (account_id, sample); samples below `share` are share ÷ 1000 of all contacts.
SELECT count(*) FILTER (WHERE /* wanted */), count(*)
FROM contact
WHERE contact.account_id = %(account_id)s AND contact.sample < %(share)s
