"""From draft to running, and the ways to stop.

A launch freezes audience and content in one transaction with the change of state: a launched campaign has its chunks, or it
is not launched. Every change of state is one conditional UPDATE; the loser of a race changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.campaigns.errors import CampaignError, NotReady
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.readiness import blocks
from dynamail.campaigns.reviewing import review_campaign
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.messages.freezing import (
    Audience,
    cancel_chunks,
    freeze_audience,
    freeze_content,
    pause_chunks,
    resume_chunks,
)

State = CampaignState


class WrongMoment(CampaignError):
    """The campaign's state changed in the meantime; look at it again."""

    code = "wrong_moment"

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class InThePast(CampaignError):
    """That time has passed. Choose a later one, or launch now."""

    code = "in_the_past"

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


def audience_of(campaign: Campaign) -> Audience:
    """Who the campaign goes to, as its draft says now. Raises NotReady without a topic."""
    if campaign.topic_id is None:
        raise ValueError("a campaign without a topic has no audience")
    return Audience(
        topic_id=campaign.topic_id,
        include_tags=tuple(campaign.include_tags),
        exclude_tags=tuple(campaign.exclude_tags),
    )


@transaction.atomic
def schedule_campaign(campaign: Campaign, *, at: datetime, by: Member, now: datetime) -> None:
    """Launch it at a set time. Raises NotReady, InThePast, WrongMoment."""
    if at <= now:
        raise InThePast
    _check_ready(campaign)
    _move(campaign, (State.DRAFT,), State.SCHEDULED, now=now, scheduled_at=at)
    record_audit(campaign.account_id, by=by, action="campaign.scheduled", subject=campaign, at=at.isoformat())


@transaction.atomic
def unschedule_campaign(campaign: Campaign, *, by: Member, now: datetime) -> None:
    """Make a scheduled campaign a draft again. Raises WrongMoment when its minute has come."""
    _move(campaign, (State.SCHEDULED,), State.DRAFT, now=now, scheduled_at=None)
    record_audit(campaign.account_id, by=by, action="campaign.unscheduled", subject=campaign)


@transaction.atomic
def launch_campaign(campaign: Campaign, *, by: Member | None, now: datetime) -> int:
    """Freeze audience and content and start sending; returns the number of recipients.

    Launching a launched campaign raises WrongMoment and changes nothing. Raises NotReady.
    """
    _check_ready(campaign)
    _move(campaign, (State.DRAFT, State.SCHEDULED), State.LAUNCHING, now=now, launched_at=now)
    campaign.refresh_from_db()
    freeze_content(campaign.account_id, campaign.uid, **_content_of(campaign), now=now)
    frozen = freeze_audience(campaign.account_id, campaign.uid, audience_of(campaign), now=now)
    if frozen == 0:
        raise NotReady(blocks(review_campaign(campaign).problems))
    _move(campaign, (State.LAUNCHING,), State.RUNNING, now=now, frozen=frozen)
    record_audit(campaign.account_id, by=by, action="campaign.launched", subject=campaign, recipients=frozen)
    record_event(
        campaign.account_id,
        EventKind.CAMPAIGN_LAUNCHED,
        source_kind="campaign",
        source_id=campaign.uid,
        now=now,
    )
    return frozen


@transaction.atomic
def pause_campaign(campaign: Campaign, *, by: Member | None, now: datetime, problem: str = "") -> None:
    """Stop claiming; what is on the wire ends, at most one window per worker. Raises WrongMoment."""
    _move(campaign, (State.RUNNING,), State.PAUSED, now=now, problem=problem[:500])
    pause_chunks(campaign.account_id, campaign.uid)
    _record(campaign, "campaign.paused", EventKind.CAMPAIGN_PAUSED, by=by, now=now)


@transaction.atomic
def resume_campaign(campaign: Campaign, *, by: Member, now: datetime) -> None:
    """Go on where it stopped. Raises WrongMoment."""
    _move(campaign, (State.PAUSED,), State.RUNNING, now=now, problem="")
    resume_chunks(campaign.account_id, campaign.uid)
    _record(campaign, "campaign.resumed", EventKind.CAMPAIGN_RESUMED, by=by, now=now)


@transaction.atomic
def cancel_campaign(campaign: Campaign, *, by: Member, now: datetime) -> None:
    """Stop for good; those who were not reached yet are counted as canceled. Raises WrongMoment."""
    _move(
        campaign,
        (State.RUNNING, State.PAUSED, State.LAUNCHING, State.SCHEDULED),
        State.CANCELED,
        now=now,
        finished_at=now,
    )
    cancel_chunks(campaign.account_id, campaign.uid, now=now)
    _record(campaign, "campaign.canceled", EventKind.CAMPAIGN_CANCELED, by=by, now=now)


def list_due(*, now: datetime) -> list[tuple[int, int]]:
    """(account id, campaign key) of scheduled campaigns whose time has come."""
    rows = Campaign.objects.across_accounts(reason="scheduled launches")
    return list(rows.filter(state=State.SCHEDULED, scheduled_at__lte=now).values_list("account_id", "pk"))


def _check_ready(campaign: Campaign) -> None:
    if problems := blocks(review_campaign(campaign).problems):
        raise NotReady(problems)


def _move(
    campaign: Campaign, before: tuple[State, ...], after: State, *, now: datetime, **values: object
) -> None:
    rows = Campaign.objects.for_account(campaign.account_id).filter(pk=campaign.pk, state__in=before)
    if not rows.update(state=after, updated_at=now, **values):
        raise WrongMoment


def _record(campaign: Campaign, action: str, kind: EventKind, *, by: Member | None, now: datetime) -> None:
    record_audit(campaign.account_id, by=by, action=action, subject=campaign)
    record_event(campaign.account_id, kind, source_kind="campaign", source_id=campaign.uid, now=now)


def _content_of(campaign: Campaign) -> dict[str, object]:
    account = Account.objects.get(pk=campaign.account_id)
    assert campaign.sender is not None  # noqa: S101 - readiness refused otherwise
    assert campaign.topic is not None  # noqa: S101
    return {
        "kind": campaign.kind,
        "source": {
            "subject": campaign.subject,
            "preheader": campaign.preheader,
            "body": campaign.body,
            "text": campaign.text,
        },
        "sender": {
            "name": campaign.sender.name or account.from_name or account.name,
            "email": campaign.sender.email,
            "reply_to": campaign.sender.reply_to,
        },
        "settings": {
            "campaign": campaign.name,
            "topic_id": campaign.topic_id,
            "topic": campaign.topic.name,
            "tracking": campaign.topic.tracking,
            "utm": campaign.utm,
            "account": account.name,
            "postal_address": account.postal_address,
            "language": account.language,
        },
    }
