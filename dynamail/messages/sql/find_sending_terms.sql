-- The account as its single emails need it: its state, and what templates may say of it. Run by messages/email_facts.py.
-- Parameters: account_id, with_attributes (are the names of contacts' attributes wanted?).
SELECT state, name, postal_address, website, language, uid,
    CASE WHEN %(with_attributes)s THEN (
        SELECT coalesce(json_object_agg(attribute.number, attribute.key), '{}') FROM attribute
        WHERE attribute.account_id = account.id
    ) END
FROM account
WHERE id = %(account_id)s
