-- Like follow_merged_emails.sql, by the id that went. Index: the primary key. Parameters: account_id, ids.
SELECT alias.id, contact.id, contact.state
FROM contact_alias AS alias
JOIN contact ON contact.account_id = alias.account_id AND contact.id = alias.contact_id
WHERE alias.account_id = %s AND alias.id = ANY(%s::uuid[])
ORDER BY contact.id
FOR KEY SHARE OF contact
