-- The addresses of one block on their way into `suppression`. Called by consent/mass_suppressing.py; one table a session, empty at
-- commit.
CREATE TEMPORARY TABLE IF NOT EXISTS suppression_staging (
    address_hash bytea NOT NULL,
    scope text NOT NULL,
    email text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    expires_at timestamptz,
    event_id uuid NOT NULL
) ON COMMIT DELETE ROWS
