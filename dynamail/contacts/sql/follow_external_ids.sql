-- Whom external ids name. Held like those of hold_people.sql, which has them already. Run by contacts/people_of_events.py for events that
-- name a contact by one. Index: the primary key. Parameters: account_id, external ids.
SELECT link.external_id, contact.id, contact.state
FROM contact_external_id AS link
JOIN contact ON contact.account_id = link.account_id AND contact.id = link.contact_id
WHERE link.account_id = %s AND link.external_id = ANY(%s::text[])
ORDER BY contact.id
FOR KEY SHARE OF contact
