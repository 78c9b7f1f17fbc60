-- Insert or update the staged people of one block. Called by contacts/importing/staging.py.
-- Uses contact_email_once (account_id, email_key). A row that would stay as it is, or that is restricted, is not written.
-- Empty cells never clear a value. Changes to known people go to the event log, under the staged id that no contact took; a new
-- person tells of its import itself (source_kind, source_id, created_at), and a million events more would double the cost.
WITH put AS (
    INSERT INTO contact AS kept (
        account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample, findings,
        source_kind, source_id, source_label, created_at, updated_at
    )
    SELECT
        %(account)s, id, email, email_key, name, attributes, tags,
        CASE WHEN suppressed THEN 'suppressed' ELSE 'active' END,
        language, '', lane, sample, findings, 'import', %(import)s, %(label)s, %(now)s, %(now)s
    FROM pg_temp.contact_staging
    ON CONFLICT (account_id, email_key) DO UPDATE SET
        name = CASE
            WHEN excluded.name = '' OR (kept.name <> '' AND NOT %(file_wins)s) THEN kept.name
            ELSE excluded.name
        END,
        language = CASE
            WHEN excluded.language = '' OR (kept.language <> '' AND NOT %(file_wins)s) THEN kept.language
            ELSE excluded.language
        END,
        attributes = CASE
            WHEN %(file_wins)s THEN kept.attributes || excluded.attributes
            ELSE excluded.attributes || kept.attributes
        END,
        tags = CASE
            WHEN kept.tags @> excluded.tags THEN kept.tags
            ELSE ARRAY(SELECT DISTINCT tag FROM unnest(kept.tags || excluded.tags) AS tag ORDER BY tag)
        END,
        findings = excluded.findings,
        updated_at = excluded.updated_at
    WHERE kept.state <> 'restricted' AND (
        (excluded.name <> '' AND excluded.name <> kept.name AND (%(file_wins)s OR kept.name = ''))
        OR (excluded.language <> '' AND excluded.language <> kept.language AND (%(file_wins)s OR kept.language = ''))
        OR NOT kept.tags @> excluded.tags
        OR kept.findings <> excluded.findings
        OR CASE
            WHEN %(file_wins)s THEN kept.attributes || excluded.attributes <> kept.attributes
            ELSE excluded.attributes || kept.attributes <> kept.attributes
        END
    )
    RETURNING kept.id, kept.email_key
),
changed AS (
    SELECT put.id, staged.id AS event_id, put.id = staged.id AS is_new
    FROM put JOIN pg_temp.contact_staging AS staged ON staged.email_key = put.email_key
),
told AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, source_kind, source_id)
    SELECT
        %(account)s, event_id, %(now)s, 'contact.updated', id, 'import', %(import_uid)s
    FROM changed
    WHERE NOT is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM changed
