from __future__ import annotations

from datetime import timedelta

from procrastinate.contrib.django import app

from dynamail.events.models import IngestSegment
from dynamail.lib.clock import utc_now

KEEP_SEGMENT_IDS = timedelta(days=30)  # no file of hits waits longer than this to be shipped


@app.task(name="tracking.forget_segments", queue="default")
def forget_segments() -> int:
    """Forget the ids of segments whose files are long gone; returns how many."""
    deleted, _ = IngestSegment.objects.filter(at__lt=utc_now() - KEEP_SEGMENT_IDS).delete()
    return deleted
