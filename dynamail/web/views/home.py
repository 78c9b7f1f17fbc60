"""Home: the last thirty days, what is being sent now, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from dynamail.accounts.roles import Permission
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.stats import HOME_DAYS, Day, Totals, read_days, read_period, summarize_campaigns
from dynamail.contacts.models import Contact
from dynamail.lib.clock import utc_now
from dynamail.messages.accounting import count_outcomes
from dynamail.senders.domain_names import write_domain_name
from dynamail.senders.domains import may_leave
from dynamail.senders.models import Sender, SendingDomain, Transport
from dynamail.web.access import member_page
from dynamail.web.charts import Chart, Series, make_line_chart
from dynamail.web.numbers import format_percent

RECENT = 6
LIVE_STATES = (CampaignState.LAUNCHING, CampaignState.RUNNING, CampaignState.PAUSED)


@dataclass(frozen=True)
class Figure:
    """One number of the top row, its change against the thirty days before, its curve."""

    label: str
    value: object
    kind: str  # number, percent
    change: str
    tone: str
    trend: tuple[float, ...]


@dataclass(frozen=True)
class ToDo:
    title: str | Promise
    text: str | Promise
    url: str
    icon: str
    tone: str


@member_page
@require_GET
def show_home(request: Any) -> HttpResponse:
    now, account_id = utc_now(), request.account.pk
    month = timedelta(days=HOME_DAYS)
    totals = read_period(account_id, start=now - month, end=now + timedelta(hours=1))
    before = read_period(account_id, start=now - 2 * month, end=now - month)
    days = read_days(account_id, now=now)
    recent = list(Campaign.objects.for_account(account_id).order_by("-updated_at", "-pk")[:RECENT])
    sums = summarize_campaigns(account_id, recent)
    context = {
        "page_title": _("Home"),
        "figures": _figures(totals, before, days),
        "curve": _draw_days(days) if any(day.delivered for day in days) else None,
        "live": _live(account_id),
        "todos": _todos(request),
        "recent": [(campaign, sums[campaign.uid]) for campaign in recent],
        "may_edit": request.member.may(Permission.EDIT_CAMPAIGNS),
        "may_import": request.member.may(Permission.EDIT_CONTACTS),
    }
    return render(request, "home/page.html", context)


@member_page
@require_GET
def show_live(request: Any) -> HttpResponse:
    """What is being sent now; polled while anything is."""
    return render(request, "home/_live.html", {"live": _live(request.account.pk)})


def _live(account_id: int) -> list[tuple[Campaign, Any]]:
    rows = Campaign.objects.for_account(account_id).filter(state__in=LIVE_STATES).order_by("launched_at")
    return [(campaign, count_outcomes(account_id, campaign.uid)) for campaign in rows]


def _figures(totals: Totals, before: Totals, days: list[Day]) -> list[Figure]:
    return [
        Figure(
            _("Delivered, 30 days"),
            totals.delivered,
            "number",
            _relative_change(totals.delivered, before.delivered),
            _tone(totals.delivered, before.delivered),
            tuple(float(day.delivered) for day in days),
        ),
        _rate(_("Delivery rate"), totals.delivery_rate, before.delivery_rate),
        _rate(_("Open rate"), totals.open_rate, before.open_rate, tuple(float(day.opened) for day in days)),
        _rate(
            _("Click rate"), totals.click_rate, before.click_rate, tuple(float(day.clicked) for day in days)
        ),
        _rate(_("Unsubscribed"), totals.unsubscribe_rate, before.unsubscribe_rate, is_bad=True),
    ]


def _rate(
    label: str,
    share: float | None,
    before: float | None,
    trend: tuple[float, ...] = (),
    *,
    is_bad: bool = False,
) -> Figure:
    change, tone = "", ""
    if share is not None and before is not None:
        points = (share - before) * 100
        change = _("%+.1f pt") % points
        tone = "" if abs(points) < 0.05 else ("success" if (points > 0) != is_bad else "error")
    return Figure(label, share, "percent", change, tone, trend)


def _relative_change(count: int, before: int) -> str:
    return (
        f"{'+' if count >= before else '-'}{format_percent(abs(count - before) / before)}" if before else ""
    )


def _tone(count: int, before: int) -> str:
    return ("success" if count >= before else "error") if before else ""


def _draw_days(days: list[Day]) -> Chart:
    points = [formats.date_format(day.on, "j M") for day in days]
    series = [
        Series(_("Delivered"), [day.delivered for day in days]),
        Series(_("Opened"), [day.opened for day in days]),
    ]
    return make_line_chart(_("Delivered and opened per day"), axis=_("Day"), points=points, series=series)


def _todos(request: Any) -> list[ToDo]:
    """What stands between this account and its next campaign, first things first."""
    account = request.account
    found: list[ToDo] = []
    if not Contact.objects.for_account(account).exists() and request.member.may(Permission.EDIT_CONTACTS):
        found.append(
            ToDo(
                gettext_lazy("Import your contacts"),
                gettext_lazy("A file with one person per row"),
                reverse("contact_import_new"),
                "upload",
                "primary",
            )
        )
    if request.member.may(Permission.MANAGE_DELIVERY):
        found += _delivery_todos(account)
    if not account.postal_address and request.member.may(Permission.MANAGE_ACCOUNT):
        found.append(
            ToDo(
                gettext_lazy("Add your postal address"),
                gettext_lazy("The law of several countries asks for it in every campaign"),
                reverse("account_settings"),
                "building",
                "warning",
            )
        )
    for campaign in Campaign.objects.for_account(account).filter(state=CampaignState.PAUSED)[:5]:
        found.append(
            ToDo(
                _("“%s” is paused") % campaign.name,
                campaign.problem or _("Resume or cancel it"),
                reverse("campaign", args=[campaign.public_id]),
                "player-pause",
                "warning",
            )
        )
    return found


def _delivery_todos(account: Any) -> list[ToDo]:
    found = []
    senders = Sender.objects.for_account(account)
    if not senders.filter(verified_at__isnull=False).exists():
        text = (
            gettext_lazy("Open the link in the mail we sent")
            if senders.exists()
            else gettext_lazy("The address your mail is from")
        )
        found.append(
            ToDo(gettext_lazy("Verify a sender"), text, reverse("delivery_settings"), "at", "warning")
        )
    failed = Transport.objects.for_account(account).filter(is_default=True, check_result__ok=False).first()
    if failed is not None:
        found.append(
            ToDo(
                _("“%s” does not answer") % failed.name,
                failed.host,
                reverse("delivery_settings"),
                "server",
                "error",
            )
        )
    elif not Transport.objects.for_account(account).filter(is_default=True).exists():
        text = gettext_lazy("Until then mail lands in the Mailbox")
        found.append(ToDo(gettext_lazy("Choose a relay"), text, reverse("delivery_settings"), "send", "info"))
    return found + _domain_todos(account)


def _domain_todos(account: Any) -> list[ToDo]:
    """Mail that leaves needs a verified domain, and one that was verified has to stay so."""
    domains = SendingDomain.objects.for_account(account).order_by("name")
    failing = domains.filter(Q(state=SendingDomain.State.LOST) | Q(failing_since__isnull=False))
    found = [
        ToDo(
            _("The DNS records of %s are missing") % write_domain_name(domain.name),
            gettext_lazy("Mail from it is stopped")
            if domain.state == SendingDomain.State.LOST
            else gettext_lazy("In three days its mail is stopped"),
            reverse("sending_domain", args=[domain.public_id]),
            "world",
            "error",
        )
        for domain in failing[:3]
    ]
    verified = domains.filter(state=SendingDomain.State.VERIFIED)
    if may_leave(account.pk) and not found and not verified.exists():
        text = gettext_lazy("Mail leaves only from domains whose DNS proves that they are yours")
        found.append(
            ToDo(gettext_lazy("Verify your domain"), text, reverse("sending_domains"), "world", "warning")
        )
    return found


urlpatterns = [
    path("", show_home, name="home"),
    path("home/live/", show_live, name="home_live"),
]
