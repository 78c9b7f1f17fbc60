"""Readers of the log wait for transactions of the whole server, also for those of other databases. A test that means what it says about
the log, and not about the server, lets what was committed be old instead.
"""

from __future__ import annotations

from django.db import connection

YOUNG = 1_000  # no transaction of a server that was set up has a number below this one


def settle_log(reader: str) -> None:
    """What is committed can be read at once, in the order in which it was written. Call it before each look of this reader."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(tx::text::bigint), 0) FROM event WHERE tx < %s::text::xid8", [YOUNG]
        )
        (last,) = cursor.fetchone()
        # It began at the end of what was there, which has numbers of its own now.
        cursor.execute(
            "UPDATE event_cursor SET after_tx = %s, after_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' WHERE name = %s AND after_tx >= %s",
            [last, reader, YOUNG],
        )
        cursor.execute(
            "UPDATE event SET tx = (%s + young.place)::text::xid8 "
            "FROM (SELECT id, row_number() OVER (ORDER BY tx, id) AS place FROM event WHERE tx >= %s::text::xid8) AS young "
            "WHERE event.id = young.id",
            [last, YOUNG],
        )
