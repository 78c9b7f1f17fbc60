-- What the staged people of one block would do, without doing it: the dry run. Called by contacts/importing/staging.py.
-- The conditions are those of upsert_contacts.sql. `given` counts who would become subscribed to the stated topic,
-- `left_alone` who unsubscribed, from it or from everything, and stays so; both only among contacts that may be mailed.
SELECT
    count(*) FILTER (WHERE kept.id IS NULL),
    count(*) FILTER (
        WHERE kept.state <> 'restricted' AND (
            (staged.name <> '' AND staged.name <> kept.name AND (%(file_wins)s OR kept.name = ''))
            OR (staged.language <> '' AND staged.language <> kept.language AND (%(file_wins)s OR kept.language = ''))
            OR NOT kept.tags @> staged.tags
            OR kept.findings <> staged.findings
            OR CASE
                WHEN %(file_wins)s THEN kept.attributes || staged.attributes <> kept.attributes
                ELSE staged.attributes || kept.attributes <> kept.attributes
            END
        )
    ),
    count(*) FILTER (
        WHERE coalesce(kept.state = 'active', NOT staged.suppressed)
        AND (subscription.state IS NULL OR subscription.state = 'pending')
        AND NOT staged.has_left
    ),
    count(*) FILTER (
        WHERE coalesce(kept.state = 'active', NOT staged.suppressed)
        AND (staged.has_left OR subscription.state = 'unsubscribed')
    )
FROM pg_temp.contact_staging AS staged
LEFT JOIN contact AS kept ON kept.account_id = %(account)s AND kept.email_key = staged.email_key
LEFT JOIN subscription
    ON subscription.account_id = %(account)s
    AND subscription.topic_id = %(topic)s
    AND subscription.contact_id = kept.id
