from __future__ import annotations

from django.db import connection, transaction
from procrastinate.contrib.django import app

from dynamail.events.own import forget_keys
from dynamail.lib.clock import utc_now
from dynamail.lib.partitions import drop_old_partitions, ensure_partitions


@app.task(name="events.turn_partitions", queueing_lock="events.turn_partitions")
def turn_partitions_task(timestamp: int | None = None) -> None:
    """Make the coming months and drop those past their retention; tables belong to the owner's role."""
    now = utc_now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE dynamail_owner")
        ensure_partitions(cursor, now=now)
        drop_old_partitions(cursor, now=now)


@app.task(name="events.forget_keys", queueing_lock="events.forget_keys")
def forget_keys_task(timestamp: int | None = None) -> None:
    """Ids of senders' events go with the months of the events themselves."""
    forget_keys(now=utc_now())
