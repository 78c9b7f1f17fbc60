"""What every lane of one worker works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from dynamail.delivery.database import Database
from dynamail.delivery.journal import Journal
from dynamail.delivery.sources import Sources
from dynamail.delivery.ways import Ways

LEASE = timedelta(seconds=120)  # how long a worker may be silent before another takes its work over


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run needs."""

    database: Database
    journal: Journal
    sources: Sources
    ways: Ways
    worker_id: UUID
    width: int  # messages declared at once per chunk, at most
