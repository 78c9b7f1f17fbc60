-- The proof of an import, one row a contact. Called by consent/recording.py in the transaction of subscribe_contacts.sql.
-- Parameters: account_id, topic_id, act, basis, method, text, since, at, source_kind, source_id, actor, evidence, record ids, contact ids.
INSERT INTO consent_record (
    account_id, topic_id, act, basis, method, text, since, at, source_kind, source_id, actor, evidence, id, contact_id
)
SELECT %s, %s, %s, %s, %s, %s, %s::date, %s, %s, %s, %s, %s::jsonb, pair.id, pair.contact_id
FROM unnest(%s::uuid[], %s::uuid[]) AS pair (id, contact_id)
