-- Like hold_by_email.sql, by id. Index: the primary key. Parameters: account_id, ids.
SELECT id, id, state FROM contact WHERE account_id = %s AND id = ANY(%s::uuid[]) FOR KEY SHARE
