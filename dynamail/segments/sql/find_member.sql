-- Does one contact fit a condition? Run by segments/previewing.py for "why" on the contact's card. contact's primary key.
SELECT contact.id
FROM contact
WHERE contact.account_id = %(account_id)s AND contact.id = %(contact_id)s AND (/* wanted */)
