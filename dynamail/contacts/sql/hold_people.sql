-- Contacts by folded address, id and external id, also those that they were merged into, held against deletion until the caller commits: an event
-- about somebody who is erased at the same time would stay behind. One statement, in the order of ids like every merge, so that
-- nobody waits crosswise. Run by contacts/people_of_events.py, which picks out whom it asked for.
-- Indexes: contact_email_once, the primary key, contact_alias_email. Parameters: account_id, addresses, ids, external ids.
SELECT email_key, id, state FROM contact
WHERE account_id = %(account_id)s AND (
    email_key = ANY(%(keys)s::text[])
    OR id = ANY(%(ids)s::uuid[])
    OR id = ANY(ARRAY(
        SELECT contact_id FROM contact_alias WHERE account_id = %(account_id)s AND email_key = ANY(%(keys)s::text[])
        UNION ALL
        SELECT contact_id FROM contact_alias WHERE account_id = %(account_id)s AND id = ANY(%(ids)s::uuid[])
        UNION ALL
        SELECT contact_id FROM contact_external_id WHERE account_id = %(account_id)s AND external_id = ANY(%(external_ids)s::text[])
    ))
)
ORDER BY id
FOR KEY SHARE
