"""What an account has that conditions may name."""

from __future__ import annotations

from dynamail.conditions.catalog import Catalog, KnownAttribute, KnownCampaign, KnownRow, KnownSegment
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.parsing import parse_condition
from dynamail.consent.models import Topic
from dynamail.contacts.models import Attribute, Tag
from dynamail.events.models import EventName
from dynamail.lib.ids import to_public_id
from dynamail.messages.models import FrozenContent
from dynamail.segments.models import Segment

CAMPAIGN_PREFIX = "cmp"


def load_catalog(account_id: int) -> Catalog:
    """Everything by the names that conditions use. Segments that cannot be read are left out: nobody is in them."""
    return Catalog(
        attributes=_load_attributes(account_id),
        tags={tag.public_id: KnownRow(tag.pk, tag.name) for tag in Tag.objects.for_account(account_id)},
        topics={
            topic.public_id: KnownRow(topic.pk, topic.name) for topic in Topic.objects.for_account(account_id)
        },
        events={row.name: KnownRow(row.pk, row.name) for row in EventName.objects.for_account(account_id)},
        campaigns=_load_campaigns(account_id),
        segments=_load_segments(account_id),
    )


def _load_attributes(account_id: int) -> dict[str, KnownAttribute]:
    return {
        row.key: KnownAttribute(
            row.number,
            row.key,
            row.label,
            row.type,
            tuple(map(str, row.choices)),
            row.archived_at is not None,
        )
        for row in Attribute.objects.for_account(account_id)
    }


def _load_campaigns(account_id: int) -> dict[str, KnownCampaign]:
    """Those that were launched: their content is frozen under the campaign's own id, with its name at launch."""
    rows = FrozenContent.objects.for_account(account_id).values_list("id", "settings__campaign_name")
    return {to_public_id(CAMPAIGN_PREFIX, uid): KnownCampaign(uid, name or "") for uid, name in rows}


def _load_segments(account_id: int) -> dict[str, KnownSegment]:
    found = {}
    for row in Segment.objects.for_account(account_id).only("uid", "name", "definition", "archived_at"):
        try:
            condition = parse_condition(row.definition)
        except ConditionFault:
            continue
        found[row.public_id] = KnownSegment(row.uid, row.name, condition, row.archived_at is not None)
    return found
