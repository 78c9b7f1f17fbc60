-- Ids of some contacts that fit a condition, the same ones each time, spread over the account. Run by segments/previewing.py, first
-- over a share of the contacts by contact_sample, then over all.
SELECT contact.id
FROM contact
WHERE contact.account_id = %(account_id)s AND contact.sample < %(share)s AND (/* wanted */)
ORDER BY contact.sample, contact.id
LIMIT %(limit)s
