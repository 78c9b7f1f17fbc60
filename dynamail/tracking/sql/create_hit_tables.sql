-- The hits of one segment on their way in: as they came, and what may be kept of them. Run by tracking/shipping.py.
CREATE TEMP TABLE IF NOT EXISTS hit (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    machine boolean NOT NULL,
    source_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    link_number smallint NOT NULL,
    single boolean NOT NULL,
    url text NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS kept_hit (
    LIKE hit, lane smallint NOT NULL, message_id uuid, source_kind text NOT NULL
) ON COMMIT DELETE ROWS;
