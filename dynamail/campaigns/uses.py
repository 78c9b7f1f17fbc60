"""Which campaigns ask for an attribute, a tag, a topic or a segment in their audience."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import QuerySet

from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.referring import References, find_references
from dynamail.segments.usage import Use, is_named

UNSENT = (CampaignState.DRAFT, CampaignState.SCHEDULED)
MOST_LOOKED_AT = 2_000  # campaigns, the latest first


def list_campaigns_naming(account_id: int, kind: str, name: str) -> list[Campaign]:
    """Campaigns whose condition names it, the latest first, launched ones included. `kind` is a usage.Thing."""
    rows = _with_condition(account_id)
    return [campaign for campaign, found in _iter_references(rows) if is_named(found, kind, name)]


def find_campaign_uses(account_id: int, kind: str, name: str) -> list[Use]:
    """Those of them that are still to be launched: without it they could not be."""
    rows = _with_condition(account_id).filter(state__in=UNSENT)
    return [
        Use("campaign", campaign.public_id, campaign.name)
        for campaign, found in _iter_references(rows)
        if is_named(found, kind, name)
    ]


def count_segment_uses(account_id: int) -> Counter[str]:
    """In how many audiences each segment is named, by its public id."""
    return Counter(
        name for _campaign, found in _iter_references(_with_condition(account_id)) for name in found.segments
    )


def _with_condition(account_id: int) -> QuerySet[Campaign]:
    rows = Campaign.objects.for_account(account_id).exclude(condition={}).order_by("-uid")
    return rows.only("account_id", "uid", "name", "state", "condition", "launched_at", "updated_at")


def _iter_references(rows: QuerySet[Campaign]) -> Iterator[tuple[Campaign, References]]:
    for campaign in rows[:MOST_LOOKED_AT]:
        try:
            yield campaign, find_references(parse_condition(campaign.condition))
        except ConditionFault:
            continue  # its own page says so
