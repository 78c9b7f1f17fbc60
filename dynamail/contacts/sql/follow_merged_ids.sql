-- Who is left of contacts that were merged into others, by the id that went. Run by contacts/people_of_events.py for ids that no
-- contact has. Index: the primary key. Parameters: account_id, ids.
SELECT alias.id, contact.id, contact.state
FROM contact_alias AS alias
JOIN contact ON contact.account_id = alias.account_id AND contact.id = alias.contact_id
WHERE alias.account_id = %s AND alias.id = ANY(%s::uuid[])
