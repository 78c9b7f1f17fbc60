"""From draft to running, and the ways to stop.

A launch freezes audience and content in one transaction with the change of state: a launched campaign has its chunks, or it
is not launched. Every change of state is one conditional UPDATE; the loser of a race changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import Account
from dynamail.campaigns.audiences import choice_of, narrow
from dynamail.campaigns.errors import ChangedMeanwhile, InThePast, NotReady, TooFarAhead, WrongMoment
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.readiness import Problem, list_blocking
from dynamail.campaigns.reviewing import check_launch
from dynamail.content.links import Link, Utm, with_utm
from dynamail.events.counters import read_totals
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.messages.composing import compile_frozen, read_frozen
from dynamail.messages.deciding import resend_unknown
from dynamail.messages.freezing import (
    FrozenSender,
    FrozenSettings,
    FrozenSource,
    cancel_chunks,
    freeze_audience,
    freeze_content,
    pause_chunks,
    resume_chunks,
)
from dynamail.messages.guard_rails import make_tally
from dynamail.tracking.links import FrozenLink, freeze_links

State = CampaignState
FARTHEST = timedelta(days=366)


@transaction.atomic
def schedule_campaign(
    campaign: Campaign, *, at: datetime, by: Actor, now: datetime, version: int | None = None
) -> None:
    """Launch it at a set time. Raises NotReady, InThePast, TooFarAhead, WrongMoment, ChangedMeanwhile."""
    if at <= now:
        raise InThePast
    if at > now + FARTHEST:
        raise TooFarAhead
    _move(campaign, (State.DRAFT,), State.SCHEDULED, now=now, scheduled_at=at, problem="")
    _check_unchanged(campaign, version)
    _check_ready(campaign, now)
    record_audit(campaign.account_id, by=by, action="campaign.scheduled", subject=campaign, at=at.isoformat())


@transaction.atomic
def unschedule_campaign(campaign: Campaign, *, by: Actor, now: datetime) -> None:
    """Make a scheduled campaign a draft again. Raises WrongMoment when its minute has come."""
    _move(campaign, (State.SCHEDULED,), State.DRAFT, now=now, scheduled_at=None)
    record_audit(campaign.account_id, by=by, action="campaign.unscheduled", subject=campaign)


@transaction.atomic
def hold_campaign(campaign: Campaign, *, problems: list[Problem], now: datetime) -> None:
    """A scheduled campaign that cannot be launched becomes a draft that says why. Raises WrongMoment."""
    problem = " ".join(str(one.sentence) for one in problems)[:500]
    _move(campaign, (State.SCHEDULED,), State.DRAFT, now=now, scheduled_at=None, problem=problem)
    record_audit(campaign.account_id, by=None, action="campaign.held", subject=campaign, problem=problem)


@transaction.atomic
def launch_campaign(campaign: Campaign, *, by: Actor, now: datetime, version: int | None = None) -> int:
    """Freeze audience and content and start sending; returns the number of recipients.

    Launching a launched campaign raises WrongMoment and changes nothing. With a `version` it is launched only as the member saw
    it. Raises NotReady, ChangedMeanwhile.
    """
    # The row is locked from here on: what is checked is what is frozen.
    _move(campaign, (State.DRAFT, State.SCHEDULED), State.LAUNCHING, now=now, launched_at=now, problem="")
    _check_unchanged(campaign, version)
    return _start(campaign, by=by, now=now)


def launch_due(campaign: Campaign, *, now: datetime) -> None:
    """Launch a scheduled campaign whose time has come, or give it back as a draft that says what is missing.

    What was unscheduled or put off since it was read is left alone, and so is what another worker launched.
    """
    with suppress(WrongMoment):
        try:
            _launch_due(campaign, now)
        except NotReady as error:
            hold_campaign(campaign, problems=error.problems, now=now)


@transaction.atomic
def _launch_due(campaign: Campaign, now: datetime) -> None:
    due = Campaign.objects.for_account(campaign.account_id).filter(
        pk=campaign.pk, state=State.SCHEDULED, scheduled_at__lte=now
    )
    if not due.update(state=State.LAUNCHING, launched_at=now, updated_at=now, problem=""):
        raise WrongMoment
    campaign.refresh_from_db()
    _start(campaign, by=None, now=now)


def _start(campaign: Campaign, *, by: Actor, now: datetime) -> int:
    _check_ready(campaign, now)
    frozen = _freeze(campaign, now)
    _move(campaign, (State.LAUNCHING,), State.RUNNING, now=now, frozen=frozen)
    _record(
        campaign,
        "campaign.launched",
        EventKind.CAMPAIGN_LAUNCHED,
        by=by,
        now=now,
        **_tell_audience(campaign, frozen),
    )
    return frozen


@transaction.atomic
def pause_campaign(campaign: Campaign, *, by: Actor, now: datetime, problem: str = "") -> None:
    """Stop claiming; what is on the wire ends, at most one window per worker. Raises WrongMoment."""
    _move(campaign, (State.RUNNING,), State.PAUSED, now=now, problem=problem[:500])
    pause_chunks(campaign.account_id, source_id=campaign.uid)
    _record(campaign, "campaign.paused", EventKind.CAMPAIGN_PAUSED, by=by, now=now)


@transaction.atomic
def resume_campaign(campaign: Campaign, *, by: Actor, now: datetime) -> None:
    """Go on where it stopped. The guard rails count anew: who resumes has seen why it stopped. Raises WrongMoment."""
    baseline = asdict(make_tally(read_totals(campaign.account_id, campaign.uid)))
    _move(
        campaign, (State.PAUSED,), State.RUNNING, now=now, problem="", stopped_by={}, guard_baseline=baseline
    )
    resume_chunks(campaign.account_id, source_id=campaign.uid)
    _record(campaign, "campaign.resumed", EventKind.CAMPAIGN_RESUMED, by=by, now=now)


@transaction.atomic
def cancel_campaign(campaign: Campaign, *, by: Actor, now: datetime) -> int:
    """Stop for good; those who were not reached yet are counted as canceled. Returns their number. Raises WrongMoment.

    A scheduled campaign has reached nobody: it is unscheduled, not canceled.
    """
    before = (State.RUNNING, State.PAUSED, State.LAUNCHING)
    _move(campaign, before, State.CANCELED, now=now, finished_at=now)
    canceled = cancel_chunks(campaign.account_id, source_id=campaign.uid, now=now)
    _record(campaign, "campaign.canceled", EventKind.CAMPAIGN_CANCELED, by=by, now=now)
    return canceled


@transaction.atomic
def resend_doubtful(campaign: Campaign, *, by: Actor, now: datetime) -> int:
    """Send the messages in doubt again; a finished campaign runs until they are settled. Returns how many. Raises WrongMoment."""
    before = (State.RUNNING, State.FINISHED)
    _move(campaign, before, State.RUNNING, now=now, finished_at=None)
    resent = resend_unknown(campaign.account_id, source_id=campaign.uid, now=now)
    if not resent:
        raise WrongMoment  # Another member decided first.
    record_audit(campaign.account_id, by=by, action="campaign.resent", subject=campaign, messages=resent)
    return resent


def list_due(*, now: datetime) -> list[tuple[int, int]]:
    """(account id, campaign key) of scheduled campaigns whose time has come, the longest waiting first."""
    rows = Campaign.objects.across_accounts(reason="scheduled launches")
    due = rows.filter(state=State.SCHEDULED, scheduled_at__lte=now).order_by("scheduled_at")
    return list(due.values_list("account_id", "pk"))


def _check_unchanged(campaign: Campaign, version: int | None) -> None:
    """Read the locked row again; is it what the member saw?"""
    campaign.refresh_from_db()
    if version is not None and version != campaign.version:
        raise ChangedMeanwhile(saved_version=campaign.version)


def _check_ready(campaign: Campaign, now: datetime) -> None:
    if problems := list_blocking(check_launch(campaign, now=now)):
        raise NotReady(problems)


def _move(
    campaign: Campaign, before: tuple[State, ...], after: State, *, now: datetime, **values: object
) -> None:
    rows = Campaign.objects.for_account(campaign.account_id).filter(pk=campaign.pk, state__in=before)
    if not rows.update(state=after, updated_at=now, **values):
        raise WrongMoment


def _record(
    campaign: Campaign, action: str, kind: EventKind, *, by: Actor, now: datetime, **data: object
) -> None:
    record_audit(campaign.account_id, by=by, action=action, subject=campaign, **data)
    record_event(campaign.account_id, kind, source_kind="campaign", source_id=campaign.uid, now=now)


def _tell_audience(campaign: Campaign, frozen: int) -> dict[str, object]:
    """For the audit log: how many, and what was asked of them."""
    return {"recipients": frozen} | ({"condition": campaign.condition} if campaign.condition else {})


def _freeze(campaign: Campaign, now: datetime) -> int:
    account: Account = campaign.account
    sender, topic, choice = campaign.sender, campaign.topic, choice_of(campaign)
    assert sender is not None  # noqa: S101 - readiness refused otherwise
    assert topic is not None and choice is not None  # noqa: S101, PT018 - the same
    content = freeze_content(
        campaign.account_id,
        source_id=campaign.uid,
        source=FrozenSource(
            campaign.kind, campaign.subject, campaign.body, campaign.preheader, campaign.text
        ),
        sender=FrozenSender(sender.email, sender.name or account.from_name or account.name, sender.reply_to),
        settings=FrozenSettings(
            topic_id=topic.pk,
            topic_name=topic.name,
            campaign_name=campaign.name,
            account_name=account.name,
            account_uid=account.uid.hex,
            account_address=account.postal_address,
            account_website=account.website,
            language=account.language,
            tracking=topic.tracking,
            utm=campaign.utm,
        ),
        launched_at=now,
    )
    links = compile_frozen(read_frozen(content)).links  # numbered as the workers will number them
    freeze_links(
        campaign.account_id,
        campaign.uid,
        [
            FrozenLink(link.number, _tag_address(link, campaign.utm), link.label, link.is_dynamic)
            for link in links
        ],
    )
    return freeze_audience(
        campaign.account_id,
        source_id=campaign.uid,
        topic_id=topic.pk,
        include_tags=choice.include_tags,
        exclude_tags=choice.exclude_tags,
        narrowing=narrow(campaign.account_id, choice, now=now),
        launched_at=now,
    )


def _tag_address(link: Link, utm: dict[str, str]) -> str:
    """Where a click leads. A token names only the number, so the tags are kept here; dynamic addresses get theirs at sending."""
    return with_utm(link.url, Utm(**utm)) if utm and not link.is_dynamic else link.url
