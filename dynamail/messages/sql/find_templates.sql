-- Templates by id or name. Of those whose version the caller has at hand the source does not travel (null). Run by
-- messages/email_templates.py once for all emails that are accepted together. Indexes: the unique uid, template_account.
-- Parameters: account_id, uids, names, known_uids, known_versions (same order).
SELECT template.uid, template.name, template.version, template.archived_at IS NOT NULL,
    CASE WHEN known.uid IS NULL THEN template.kind END, CASE WHEN known.uid IS NULL THEN template.subject END,
    CASE WHEN known.uid IS NULL THEN template.preheader END, CASE WHEN known.uid IS NULL THEN template.source END
FROM template
LEFT JOIN unnest(%(known_uids)s::uuid[], %(known_versions)s::int[]) AS known (uid, version)
    ON known.uid = template.uid AND known.version = template.version
WHERE template.account_id = %(account_id)s
    AND (template.uid = ANY(%(uids)s::uuid[]) OR (template.name = ANY(%(names)s::text[]) AND template.archived_at IS NULL))
