-- Who is left of contacts that were merged into others, by the address that went; of two merges the later one comes last. Held like
-- those of hold_people.sql, which has them already unless the merge ended meanwhile. Run by contacts/people_of_events.py for addresses
-- that no contact has. Index: contact_alias_email. Parameters: account_id, addresses.
SELECT alias.email_key, contact.id, contact.state
FROM contact_alias AS alias
JOIN contact ON contact.account_id = alias.account_id AND contact.id = alias.contact_id
WHERE alias.account_id = %s AND alias.email_key = ANY(%s::text[])
ORDER BY alias.merged_at, contact.id
FOR KEY SHARE OF contact
