"""From review to the last message: test, launch, schedule, watch, pause, resume, cancel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.audiences import choice_of, count_recipients
from dynamail.campaigns.drafting import delete_draft, duplicate_campaign
from dynamail.campaigns.errors import CampaignError, NotReady
from dynamail.campaigns.guarding import find_notice
from dynamail.campaigns.launching import (
    cancel_campaign,
    launch_campaign,
    pause_campaign,
    resend_doubtful,
    resume_campaign,
    schedule_campaign,
    unschedule_campaign,
)
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.readiness import Card
from dynamail.campaigns.reviewing import Review, review_campaign
from dynamail.campaigns.trying import send_test
from dynamail.conditions.faults import ConditionFault
from dynamail.lib.clock import utc_now
from dynamail.messages.accounting import Accounting, Whereabouts, count_outcomes
from dynamail.segments.counting import TooCostly
from dynamail.segments.wording import describe_costly
from dynamail.senders.models import Transport
from dynamail.web.access import PageRequest, needs, public_page
from dynamail.web.forms.campaigns import ScheduleForm, TestForm
from dynamail.web.numbers import format_number
from dynamail.web.views.campaign_access import get_campaign, get_person
from dynamail.web.views.campaign_cards import CardView, of_card

sends = needs(Permission.SEND_CAMPAIGNS)
views = needs(Permission.VIEW_CAMPAIGNS)
edits = needs(Permission.EDIT_CAMPAIGNS)

RATE_WINDOW = timedelta(seconds=20)  # the pace shown is that of the last seconds
GROWTH_WITHOUT_ASKING = 0.01  # share by which an audience may grow between the review and the launch


# ── Review ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@views
@require_GET
def show_review(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    if not row.is_editable:
        return redirect("campaign", row.public_id)
    return _render_review(request, row)


def _render_review(
    request: PageRequest,
    row: Campaign,
    *,
    test_form: TestForm | None = None,
    schedule_form: ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = utc_now()
    review = review_campaign(row, now=now)
    tomorrow = timezone.localtime(now + timedelta(days=1)).replace(hour=10, minute=0, second=0)
    context = {
        "page_title": _("Review"),
        "crumbs": _crumbs(row),
        "campaign": row,
        "review": review,
        "groups": group_problems(review),
        "test_form": test_form or TestForm(initial={"to": request.user.email}),
        "schedule_form": schedule_form or ScheduleForm(initial={"at": tomorrow}),
        "earliest": timezone.localtime(now),
        "uses_mailbox": not Transport.objects.for_account(row.account_id).filter(is_default=True).exists(),
    }
    return render(request, "campaigns/review.html", context, status=status)


def group_problems(review: Review) -> list[CardView]:
    """The cards with what to mend on each; those without a problem are left out."""
    cards = [CardView(card, of_card(review.problems, card)) for card in Card]
    return [card for card in cards if card.problems]


def _crumbs(row: Campaign) -> list[dict[str, str]]:
    return [
        {"title": _("Campaigns"), "url": reverse("campaigns")},
        {"title": row.name, "url": reverse("campaign", args=[row.public_id])},
    ]


@sends
@require_POST
def try_campaign(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    form = TestForm(request.POST)
    if form.is_valid():
        try:
            accepted = send_test(
                row,
                to=form.cleaned_data["to"],
                as_contact=get_person(request, form.cleaned_data["person"]),
                own_pages=request.build_absolute_uri(reverse("test_message_link")),
                by=request.member,
                now=utc_now(),
            )
        except CampaignError as error:
            form.add_error("to", str(error))
        else:
            sentence = ngettext(
                "%d test message is on its way.", "%d test messages are on their way.", len(accepted)
            )
            messages.success(request, sentence % len(accepted))
            return redirect("campaign_review", row.public_id)
    if not row.is_editable:
        return redirect("campaign", row.public_id)
    return _render_review(request, row, test_form=form, status=422)


@public_page
@require_GET
def show_test_link(request: HttpRequest) -> HttpResponse:
    """Where the unsubscribe link of a test message leads."""
    return render(request, "campaigns/test_link.html", {"page_title": _("This was a test message")})


# ── Launch ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@sends
@require_POST
def launch(request: PageRequest, campaign: str) -> HttpResponse:
    """Start now. `confirmed` is the number of recipients that the member agreed to, `version` what they looked at."""
    row = get_campaign(request, campaign)
    try:
        _check_confirmed(row, request.POST.get("confirmed", ""))
        recipients = launch_campaign(row, by=request.member, now=utc_now(), version=_read_version(request))
    except CampaignError as error:
        return _refuse(request, row, error)
    sentence = ngettext("Sending to %s contact has begun.", "Sending to %s contacts has begun.", recipients)
    messages.success(request, sentence % format_number(recipients))
    return redirect("campaign", row.public_id)


@sends
@require_POST
def schedule(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    form = ScheduleForm(request.POST)
    if form.is_valid():
        try:
            schedule_campaign(
                row,
                at=form.cleaned_data["at"],
                by=request.member,
                now=utc_now(),
                version=_read_version(request),
            )
        except NotReady as error:
            return _refuse(request, row, error)
        except CampaignError as error:
            form.add_error("at", str(error))
        else:
            messages.success(request, _("The campaign is scheduled."))
            return redirect("campaign", row.public_id)
    if not row.is_editable:
        return redirect("campaign", row.public_id)
    return _render_review(request, row, schedule_form=form, status=422)


def _refuse(request: PageRequest, row: Campaign, error: CampaignError) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("campaign_review" if row.is_editable else "campaign", row.public_id)


class AudienceGrew(CampaignError):
    """More people than the member agreed to."""

    code = "audience_grew"


class AudienceUncounted(CampaignError):
    """Whether more people than the member agreed to would be written to cannot be said."""

    code = "audience_uncounted"


def _check_confirmed(row: Campaign, confirmed: str) -> None:
    """Nobody's agreement to write to 100 people launches a message to 10 000."""
    if not row.is_editable:
        return  # the launch itself says what is wrong
    number = int(confirmed) if confirmed.isascii() and confirmed.isdigit() and len(confirmed) < 12 else -1
    choice = choice_of(row)
    try:
        recipients = count_recipients(row.account_id, choice, now=utc_now()) if choice else 0
    except ConditionFault:
        return  # the same
    except TooCostly as error:  # the launch may be luckier, and then nobody agreed to its number
        raise AudienceUncounted(describe_costly(error)) from None
    if number < 0 or recipients > number * (1 + GROWTH_WITHOUT_ASKING):
        sentence = _(
            "The message would go to %s contacts now. Look at the review again and confirm that number."
        )
        raise AudienceGrew(sentence % format_number(recipients))


def _read_version(request: PageRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


# ── Live ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Part:
    """A stretch of the bar: where recipients are, in thousandths of all."""

    place: str
    label: Any
    tone: str
    count: int
    start: float
    width: float
    url: str = ""


@dataclass(frozen=True)
class Pace:
    """How fast it goes; `left` is the time to the end, None while nobody knows. `since` and `settled` are the earlier look."""

    per_second: float | None
    left: timedelta | None
    since: datetime
    settled: int

    @property
    def per_minute(self) -> float | None:
        return self.per_second * 60 if self.per_second is not None else None

    @property
    def left_words(self) -> str:
        """ "4 min", never finer than it is true."""
        if self.left is None:
            return ""
        if self.left < timedelta(minutes=1):
            return _("less than a minute")
        now = utc_now()
        return timesince(now, now + self.left, depth=1)


PLACES: tuple[tuple[Whereabouts, Any, str], ...] = (
    (Whereabouts.DELIVERED, gettext_lazy("Delivered"), "success"),
    (Whereabouts.DEFERRED, gettext_lazy("Deferred"), "warning"),
    (Whereabouts.BOUNCED, gettext_lazy("Bounced"), "error"),
    (Whereabouts.SUPPRESSED, gettext_lazy("Suppressed"), "neutral"),
    (Whereabouts.EXPIRED, gettext_lazy("Expired"), "warning"),
    (Whereabouts.UNKNOWN, gettext_lazy("In doubt"), "warning"),
    (Whereabouts.CANCELED, gettext_lazy("Canceled"), "neutral"),
    (Whereabouts.REMAINING, gettext_lazy("Waiting"), "info"),
)


@views
@never_cache
@require_GET
def show_progress(request: PageRequest, campaign: str) -> HttpResponse:
    """Polled every two seconds while it runs; what it answers when it is over asks no more."""
    return render(
        request, "campaigns/_progress.html", progress_context(request, get_campaign(request, campaign))
    )


def progress_context(request: PageRequest, row: Campaign) -> dict[str, Any]:
    outcomes = count_outcomes(row.account_id, row.uid)
    pace = measure_pace(outcomes, _read_pace(request.GET), now=utc_now())
    return {
        "campaign": row,
        "outcomes": outcomes,
        "share": outcomes.settled / outcomes.frozen if outcomes.frozen else None,
        "may_resend": row.state in (CampaignState.RUNNING, CampaignState.FINISHED),
        "left": outcomes.remaining + outcomes.deferred,
        "parts": list_parts(row, outcomes),
        "pace": pace,
        "notice": find_notice(row),
        "is_polled": row.state in (CampaignState.LAUNCHING, CampaignState.RUNNING, CampaignState.PAUSED),
    }


def list_parts(row: Campaign, outcomes: Accounting) -> list[Part]:
    """The stretches of the bar, one after the other, adding up to the whole."""
    parts, start = [], 0.0
    for place, label, tone in PLACES:
        count = getattr(outcomes, place)
        width = 1000 * count / outcomes.frozen if outcomes.frozen else 0.0
        url = reverse("campaign_recipients", args=[row.public_id]) + f"?outcome={place}"
        parts.append(Part(place, label, tone, count, round(start, 3), round(width, 3), url))
        start += width
    return parts


def measure_pace(outcomes: Accounting, before: Pace | None, *, now: datetime) -> Pace:
    """From two looks at the numbers; the earlier one travels in the address of the poll."""
    if before is None or before.settled > outcomes.settled:
        return Pace(None, None, now, outcomes.settled)
    seconds = (now - before.since).total_seconds()
    gained = outcomes.settled - before.settled
    if seconds < 1 or gained == 0:
        return Pace(None, None, before.since, before.settled)
    rate = gained / seconds
    left = timedelta(seconds=(outcomes.remaining + outcomes.deferred) / rate)
    if seconds > RATE_WINDOW.total_seconds():
        # Slide on, but keep the pace: the next look is only two seconds away.
        half = now - RATE_WINDOW / 2
        return Pace(rate, left, half, outcomes.settled - int(rate * (now - half).total_seconds()))
    return Pace(rate, left, before.since, before.settled)


def _read_pace(query: Any) -> Pace | None:
    try:
        since = datetime.fromtimestamp(float(query["since"]), timezone.get_default_timezone())
        return Pace(None, None, since, int(query["settled"]))
    except (KeyError, ValueError, OverflowError, OSError):
        return None


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@sends
@require_POST
def control_campaign(request: PageRequest, campaign: str, action: str) -> HttpResponse:
    """Pause, resume, cancel, send again what is in doubt, unschedule."""
    row, now = get_campaign(request, campaign), utc_now()
    try:
        match action:
            case "pause":
                pause_campaign(row, by=request.member, now=now)
            case "resume":
                resume_campaign(row, by=request.member, now=now)
            case "cancel":
                cancel_campaign(row, by=request.member, now=now)
            case "resend":
                resent = resend_doubtful(row, by=request.member, now=now)
                sentence = ngettext("%d message is sent again.", "%d messages are sent again.", resent)
                messages.success(request, sentence % resent)
            case "unschedule":
                unschedule_campaign(row, by=request.member, now=now)
                messages.success(request, _("The campaign is a draft again."))
            case _:
                raise Http404
    except CampaignError as error:
        messages.error(request, str(error))
    return redirect("campaign", row.public_id)


@edits
@require_POST
def copy_campaign(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    name = _("%s, copy") % row.name[:140]
    copy = duplicate_campaign(row, name=name, by=request.member, now=utc_now())
    messages.success(request, _("This is the copy. Nothing is sent before you say so."))
    return redirect("campaign", copy.public_id)


@edits
@require_POST
def remove_draft(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    try:
        delete_draft(row, by=request.member)
    except CampaignError as error:
        messages.error(request, str(error))
        return redirect("campaign", row.public_id)
    messages.success(request, _("“%s” is deleted.") % row.name)
    return redirect("campaigns")
