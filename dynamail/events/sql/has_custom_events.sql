-- The same for the log of the accounts' own events. Key used: custom_event_tx. Parameter: the reader's name.
SELECT EXISTS (
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
    WHERE event_cursor.name = %(reader)s
)
