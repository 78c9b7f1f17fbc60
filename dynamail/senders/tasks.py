from __future__ import annotations

from procrastinate.contrib.django import app

from dynamail.lib.clock import utc_now
from dynamail.senders.mailbox import remove_old_captures


@app.task(name="senders.remove_old_captures", queueing_lock="senders.remove_old_captures")
def remove_old_captures_task(timestamp: int | None = None) -> None:
    remove_old_captures(now=utc_now())
