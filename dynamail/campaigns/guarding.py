"""What the guard rails say about a campaign, in words for its page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.events.counters import read_totals
from dynamail.messages.guard_rails import LIMITS, Cause, Level, Tally, Verdict, judge, make_tally


@dataclass(frozen=True)
class Notice:
    """A warning or the reason for a stop. `advice` says what to do before resuming."""

    level: str
    title: str
    text: str
    advice: str


def find_notice(campaign: Campaign) -> Notice | None:
    """Why it was stopped, or that it comes close; None when all is well. Reads a few counters."""
    if campaign.stopped_by and campaign.state == CampaignState.PAUSED:
        by = campaign.stopped_by
        return _describe(Verdict(Level.STOP, by["cause"], by["count"], by["of"]))
    tally = make_tally(read_totals(campaign.account_id, campaign.uid))
    if campaign.state == CampaignState.RUNNING:
        tally = tally.since(Tally(**campaign.guard_baseline))
    verdict = judge(tally)
    return None if verdict.level is Level.OK else _describe(verdict, is_live=campaign.is_live)


def _describe(verdict: Verdict, *, is_live: bool = True) -> Notice:
    cause = Cause(verdict.cause)
    was_stopped = verdict.level is Level.STOP and is_live
    figures = {
        "count": number_format(verdict.count, force_grouping=True),
        "of": number_format(verdict.of, force_grouping=True),
        "share": number_format(verdict.share * 100, decimal_pos=2 if cause is Cause.COMPLAINTS else 1),
        "limit": number_format(LIMITS[cause].stop * 100, decimal_pos=1),
    }
    if cause is Cause.BOUNCES:
        text = (
            _("%(count)s of %(of)s addresses do not exist (%(share)s %%; it stops at %(limit)s %%).")
            % figures
        )
        advice = _(
            "Where did these addresses come from? Remove the old or bought part of the list, then resume."
        )
    else:
        text = (
            _("%(count)s of %(of)s people marked it as spam (%(share)s %%; it stops at %(limit)s %%).")
            % figures
        )
        advice = _("Did these people ask for this mail? Narrow the audience to those who did, then resume.")
    title = _("It was paused to protect your reputation") if was_stopped else _("Close to the limit")
    if not is_live:
        title, advice = _("Above what mailbox providers accept"), ""
    return Notice("error" if verdict.level is Level.STOP else "warning", title, text, advice)
