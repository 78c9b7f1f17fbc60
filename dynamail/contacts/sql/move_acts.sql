-- What a merged contact opened, clicked and was sent counts for the one who stays: added up where both have a row. Values that were
-- put aside move where the one who stays has none; "two persons" goes on to hold, and pairs that wait for a decision are dropped.
-- Called by contacts/merging.py under the locks of both contacts. Primary keys of the rows that stay; engagement's key,
-- interaction_contact, activity_contact, value_aside_contact, duplicate_pair_gone and duplicate_pair_kept of those that go.
-- Parameters: account_id, gone, kept.
WITH gone_engagement AS (
    DELETE FROM engagement WHERE account_id = %(account_id)s AND contact_id = %(gone)s RETURNING *
), added_engagement AS (
    INSERT INTO engagement AS old (account_id, contact_id, last_sent_at, last_opened_at, last_clicked_at, sent, opened, clicked)
    SELECT account_id, %(kept)s, last_sent_at, last_opened_at, last_clicked_at, sent, opened, clicked FROM gone_engagement
    ON CONFLICT (account_id, contact_id) DO UPDATE
    SET last_sent_at = greatest(old.last_sent_at, excluded.last_sent_at),
        last_opened_at = greatest(old.last_opened_at, excluded.last_opened_at),
        last_clicked_at = greatest(old.last_clicked_at, excluded.last_clicked_at),
        sent = old.sent + excluded.sent, opened = old.opened + excluded.opened, clicked = old.clicked + excluded.clicked
), gone_interaction AS (
    DELETE FROM interaction WHERE account_id = %(account_id)s AND contact_id = %(gone)s RETURNING *
), added_interaction AS (
    INSERT INTO interaction AS old (account_id, source_id, kind, contact_id, link_number, first_at, last_at, times)
    SELECT account_id, source_id, kind, %(kept)s, link_number, first_at, last_at, times FROM gone_interaction
    ON CONFLICT (account_id, source_id, kind, contact_id, link_number) DO UPDATE
    SET times = old.times + excluded.times, first_at = least(old.first_at, excluded.first_at),
        last_at = greatest(old.last_at, excluded.last_at)
), gone_aside AS (
    DELETE FROM value_aside WHERE account_id = %(account_id)s AND contact_id = %(gone)s RETURNING *
), moved_aside AS (
    INSERT INTO value_aside (account_id, attribute_id, contact_id, value, at)
    SELECT account_id, attribute_id, %(kept)s, value, at FROM gone_aside
    ON CONFLICT (account_id, attribute_id, contact_id) DO NOTHING
), gone_pair AS (
    DELETE FROM duplicate_pair
    WHERE account_id = %(account_id)s AND (gone_id = %(gone)s OR kept_id = %(gone)s)
    RETURNING *
), moved_pair AS (
    INSERT INTO duplicate_pair (account_id, rule, gone_id, kept_id, value, found_at, state)
    SELECT account_id, rule, CASE gone_id WHEN %(gone)s THEN %(kept)s ELSE gone_id END,
        CASE kept_id WHEN %(gone)s THEN %(kept)s ELSE kept_id END, value, found_at, state
    FROM gone_pair
    WHERE state = 'different' AND gone_id <> %(kept)s AND kept_id <> %(kept)s
    ON CONFLICT (account_id, rule, gone_id, kept_id) DO UPDATE SET state = excluded.state
), gone_activity AS (
    DELETE FROM activity WHERE account_id = %(account_id)s AND contact_id = %(gone)s RETURNING *
)
INSERT INTO activity AS old (account_id, kind, at, contact_id, source_id, link_number, n)
SELECT account_id, kind, at, %(kept)s, source_id, link_number, n FROM gone_activity
ON CONFLICT (account_id, kind, at, contact_id, source_id, link_number) DO UPDATE SET n = old.n + excluded.n
