from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from dynamail.lib.clock import utc_now
from dynamail.messages.retention import forget_old_emails

log = logging.getLogger(__name__)


@app.task(name="messages.forget_old_emails", queueing_lock="messages.forget_old_emails")
def forget_old_emails_task(timestamp: int | None = None) -> None:
    log.info("retention of single emails: %s", forget_old_emails(now=utc_now()))
