from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from dynamail.accounts.tenancy import account_scope
from dynamail.campaigns.launching import launch_due, list_due
from dynamail.campaigns.models import Campaign
from dynamail.lib.clock import utc_now

log = logging.getLogger(__name__)


@app.task(name="campaigns.launch_due", queueing_lock="campaigns.launch_due")
def launch_due_task(timestamp: int | None = None) -> None:
    """Each campaign in a transaction of its own: one that fails does not hold back the others."""
    for account_id, key in list_due(now=utc_now()):
        try:
            with account_scope(account_id):
                if campaign := Campaign.objects.for_account(account_id).filter(pk=key).first():
                    launch_due(campaign, now=utc_now())
        except Exception:
            # It stays scheduled and is tried again next minute.
            log.exception("Campaign %s of account %s could not be launched", key, account_id)
