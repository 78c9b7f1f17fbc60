-- Answered requests of any accounts, in one statement. Run by accounts/request_log.py under the workers' role: COPY would be quicker, but
-- takes no tables with row-level security. A row that is there already stays. Key used: primary key. Parameters: rows, a JSON array of
-- objects with the columns' names; `body` is a text of JSON.
INSERT INTO api_request (account_id, id, at, api_key_id, door, method, path, status, code, ms, subject_id, detail, body)
SELECT account_id, id, at, api_key_id, door, method, path, status, code, ms, subject_id, detail, body::jsonb
FROM json_to_recordset(%(rows)s::json) AS given (
    account_id bigint, id uuid, at timestamptz, api_key_id bigint, door text, method text, path text, status smallint, code text,
    ms integer, subject_id uuid, detail text, body text
)
ON CONFLICT DO NOTHING
