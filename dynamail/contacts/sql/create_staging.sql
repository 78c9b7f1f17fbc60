-- The rows of one block on their way into `contact`. Called by contacts/importing/staging.py; one table a session, empty at commit.
CREATE TEMPORARY TABLE IF NOT EXISTS contact_staging (
    id uuid NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL,
    name text NOT NULL,
    language text NOT NULL,
    attributes jsonb NOT NULL,
    tags bigint[] NOT NULL,
    lane smallint NOT NULL,
    sample smallint NOT NULL,
    findings smallint NOT NULL,
    suppressed boolean NOT NULL,
    has_left boolean NOT NULL
) ON COMMIT DELETE ROWS
