from __future__ import annotations

from procrastinate.contrib.django import app

from dynamail.inbound.retention import erase_received, forget_old_messages
from dynamail.lib.clock import utc_now


@app.task(name="inbound.forget_old_messages", queueing_lock="inbound.forget_old_messages")
def forget_old_messages_task(timestamp: int | None = None) -> None:
    forget_old_messages(now=utc_now())
    erase_received()
