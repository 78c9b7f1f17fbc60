"""Hits of a reader, shipped as the web process ships them."""

from __future__ import annotations

from pathlib import Path

from dynamail.campaigns.models import Campaign
from dynamail.contacts.models import Contact
from dynamail.tracking.hits import CLICKED, NO_LINK, Hit, pack_hit
from dynamail.tracking.segments import SegmentWriter
from dynamail.tracking.shipping import ship_directory
from tests.support.personas import NOW
from tests.tracking.conftest import with_pool

MOMENT = int(NOW.timestamp() * 1000)


def hit_of(person: Contact, campaign: Campaign, kind: int = CLICKED, **values: object) -> Hit:
    link = 2 if kind == CLICKED else NO_LINK
    hit = Hit(person.account_id, MOMENT, campaign.uid.bytes, person.id.bytes, link, kind)
    return hit._replace(**values)


def ship(directory: Path, *hits: Hit) -> int:
    """Write the hits as one segment and ship it."""
    writer = SegmentWriter(directory)
    for hit in hits:
        writer.append(pack_hit(hit))
    writer.close()
    return with_pool(lambda pool: ship_directory(pool, directory, now=NOW))
