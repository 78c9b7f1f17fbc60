-- Is there anything in the log behind this reader that can be read now? Asked several times a second by events/tailing.py, so that an idle
-- installation moves no cursor. Key used: event_tx. Parameter: the reader's name.
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
)
