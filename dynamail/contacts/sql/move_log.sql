-- The story of a merged contact goes on under the one who stays: proof of consent, which names the address it was given by, the
-- log of messages, events and reports, and what other systems call the person. Called by contacts/merging.py under the locks of both contacts. Indexes used:
-- consent_record_contact, event_contact, custom_event_contact, message_contact, feedback_report_message, contact_alias_kept,
-- contact_external_id_of.
-- Parameters: account_id, gone, kept, email of the one who goes.
WITH consent AS (
    UPDATE consent_record
    SET contact_id = %(kept)s, evidence = jsonb_build_object('address', %(email)s::text) || evidence
    WHERE account_id = %(account_id)s AND contact_id = %(gone)s
), facts AS (
    UPDATE event SET contact_id = %(kept)s WHERE account_id = %(account_id)s AND contact_id = %(gone)s
), own_facts AS (
    UPDATE custom_event SET contact_id = %(kept)s WHERE account_id = %(account_id)s AND contact_id = %(gone)s
), messages AS (
    UPDATE message SET contact_id = %(kept)s WHERE account_id = %(account_id)s AND contact_id = %(gone)s RETURNING id
), reports AS (
    UPDATE feedback_report SET contact_id = %(kept)s
    FROM messages
    WHERE feedback_report.account_id = %(account_id)s AND feedback_report.message_id = messages.id
), external_ids AS (
    UPDATE contact_external_id SET contact_id = %(kept)s WHERE account_id = %(account_id)s AND contact_id = %(gone)s
)
UPDATE contact_alias SET contact_id = %(kept)s WHERE account_id = %(account_id)s AND contact_id = %(gone)s
