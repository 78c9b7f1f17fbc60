-- Is there anything in the logs behind the two readers of segments? Called each second by segments/following.py, so that an idle
-- installation moves no cursor. Keys used: event_tx, custom_event_tx. Parameters: the readers' names.
SELECT EXISTS (
    SELECT
    FROM event_cursor
    CROSS JOIN LATERAL (
        SELECT
        FROM event
        WHERE (event.tx, event.id) > (event_cursor.after_tx::text::xid8, coalesce(event_cursor.after_id, '00000000-0000-0000-0000-000000000000'::uuid))
          AND event.tx < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY event.tx, event.id
        LIMIT 1
    ) AS news
    WHERE event_cursor.name = %(reader)s
) OR EXISTS (
    SELECT
    FROM event_cursor
    CROSS JOIN LATERAL (
        SELECT
        FROM custom_event
        WHERE (custom_event.tx, custom_event.id) > (event_cursor.after_tx::text::xid8, coalesce(event_cursor.after_id, '00000000-0000-0000-0000-000000000000'::uuid))
          AND custom_event.tx < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY custom_event.tx, custom_event.id
        LIMIT 1
    ) AS news
    WHERE event_cursor.name = %(own_reader)s
)
