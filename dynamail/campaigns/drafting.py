"""Making and changing drafts. A launched campaign is not changed; it is duplicated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from dynamail.accounts.audit import Actor, find_user, record_audit
from dynamail.accounts.models import Account
from dynamail.campaigns.errors import ChangedMeanwhile, NotEditable
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.lib.ids import new_id

DRAFT_FIELDS = (
    "name",
    "topic_id",
    "include_tags",
    "exclude_tags",
    "condition",
    "sender_id",
    "subject",
    "preheader",
    "kind",
    "body",
    "text",
    "utm",
)


@transaction.atomic
def create_campaign(
    account: Account | int, *, name: str, by: Actor, now: datetime, **values: Any
) -> Campaign:
    """A draft, with any of DRAFT_FIELDS already filled in."""
    _check_fields(values)
    campaign = Campaign.objects.add(
        account, uid=new_id(now), name=name, updated_at=now, created_by=find_user(by), **values
    )
    record_audit(campaign.account_id, by=by, action="campaign.created", subject=campaign)
    return campaign


def save_draft(
    campaign: Campaign, *, by: Actor, now: datetime, version: int | None = None, **values: Any
) -> Campaign:
    """Write the given fields if nobody was faster. Raises NotEditable, ChangedMeanwhile; `version` None skips the check."""
    _check_fields(values)
    rows = Campaign.objects.for_account(campaign.account_id).filter(pk=campaign.pk)
    claim = rows.filter(state=CampaignState.DRAFT)
    if version is not None:
        claim = claim.filter(version=version)
    if not claim.update(**values, version=F("version") + 1, updated_at=now, problem=""):
        saved = rows.get()
        if not saved.is_editable:
            raise NotEditable
        raise ChangedMeanwhile(saved_version=saved.version)
    return rows.select_related("topic", "sender").get()


@transaction.atomic
def duplicate_campaign(campaign: Campaign, *, name: str, by: Actor, now: datetime) -> Campaign:
    """A new draft with the same audience, sender and content."""
    values = {field: getattr(campaign, field) for field in DRAFT_FIELDS if field != "name"}
    copy = Campaign.objects.add(
        campaign.account_id, uid=new_id(now), name=name, updated_at=now, created_by=find_user(by), **values
    )
    record_audit(
        campaign.account_id, by=by, action="campaign.duplicated", subject=copy, source=campaign.public_id
    )
    return copy


@transaction.atomic
def delete_draft(campaign: Campaign, *, by: Actor) -> None:
    """Remove a draft. Raises NotEditable for anything that was launched: its numbers are a record."""
    record_audit(campaign.account_id, by=by, action="campaign.deleted", subject=campaign, name=campaign.name)
    deleted, _ = (
        Campaign.objects.for_account(campaign.account_id)
        .filter(pk=campaign.pk, state=CampaignState.DRAFT)
        .delete()
    )
    if not deleted:
        raise NotEditable


def _check_fields(values: dict[str, Any]) -> None:
    if unknown := values.keys() - set(DRAFT_FIELDS):
        raise TypeError(f"not fields of a draft: {', '.join(sorted(unknown))}")
