"""How work in the background ends: finished, canceled or failed, and never left as if it still ran."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from dynamail.accounts.background import WorkCanceled, fail_work, finish_work, mark_canceled, start_work
from dynamail.accounts.models import BackgroundWork
from dynamail.contacts.patience import TooSlow

log = logging.getLogger(__name__)


class WorkRefused(Exception):
    """The work makes no sense any more; the text says why."""


def begin_work(work: BackgroundWork, *, now: datetime) -> bool:
    """Claim it. False when it is over or was canceled, also while the run that broke off could not hear it."""
    if start_work(work, now=now):
        return True
    if work.cancel_requested_at is not None and not work.is_over:
        mark_canceled(work, now=now, **work.result)
    return False


@contextmanager
def ending_work(work: BackgroundWork, *, now: datetime, if_canceled: str = "") -> Iterator[dict[str, Any]]:
    """Yields the result to fill, beginning with what the work has; it is kept however the work ends.

    A database that went away is no end: the task is tried again.
    """
    result = dict(work.result)
    try:
        yield result
    except (OperationalError, InterfaceError):
        raise
    except WorkCanceled:
        mark_canceled(work, now=now, message=if_canceled, **result)
    except WorkRefused as refused:
        fail_work(work, now=now, message=str(refused), **result)
    except TooSlow:
        message = _("Finding those who match took too long: take a costly condition out, or do it in parts.")
        fail_work(work, now=now, message=message, **result)
    except Exception:
        log.exception("work %s failed", work.public_id)
        message = _("This stopped because of an error in this service. What was done before it stays.")
        fail_work(work, now=now, message=message, **result)
        raise
    else:
        finish_work(work, now=now, **result)


def keep_result(work: BackgroundWork, result: dict[str, Any]) -> None:
    """In the transaction of a block, so that a run that takes over knows what was done."""
    BackgroundWork.objects.for_account(work.account_id).filter(pk=work.pk).update(result=result)
