"""Procrastinate's entry points."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from dynamail.lib.clock import utc_now
from dynamail.privacy.retention import run_retention

logger = logging.getLogger(__name__)


@app.task(name="privacy.run_retention", queue="default")
def run_retention_task(timestamp: int = 0) -> None:
    """Daily. `timestamp` is when the schedule said so; what counts is the time of the run."""
    logger.info("retention: %s", run_retention(now=utc_now()))
