"""The report of a campaign: how it went, and who got it and who did not and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dynamail.accounts.roles import Permission
from dynamail.campaigns.explaining import explain_person
from dynamail.campaigns.guarding import find_notice
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.recipients import PAGE, iter_people, list_people
from dynamail.campaigns.stats import (
    Hour,
    Totals,
    read_curve,
    read_domains,
    read_lanes,
    read_links,
    summarize_campaigns,
)
from dynamail.contacts.exporting import guard_formula
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.messages.accounting import Accounting, Whereabouts, count_outcomes
from dynamail.web.access import needs
from dynamail.web.charts import Chart, Series, make_bar_chart, make_funnel_chart, make_line_chart
from dynamail.web.states import look_up_state

HOURS_FOR_A_LINE = 8


@needs(Permission.VIEW_CAMPAIGNS)
@require_GET
def show_report(request: Any, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    totals = summarize_campaigns(request.account.pk, [row])[row.uid]
    context = {
        "page_title": row.name,
        "crumbs": [{"title": _("Campaigns"), "url": reverse("campaigns")}],
        "campaign": row,
        "totals": totals,
        "notice": find_notice(row),
        "parts": _list_parts(count_outcomes(request.account.pk, row.uid)),
        "funnel": _draw_funnel(row, totals),
        "curve": _draw_curve(read_curve(request.account.pk, row, now=utc_now())),
        "links": read_links(request.account.pk, row),
        "lanes": read_lanes(request.account.pk, row),
        "domains": read_domains(request.account.pk, row),
        "tracking": row.topic.tracking if row.topic else "none",
        "has_acts": bool(totals.all_opens or totals.all_clicks),
        "tabs": _tabs(row, "report"),
    }
    return render(request, "reports/page.html", context)


@needs(Permission.VIEW_CAMPAIGNS)
@require_GET
def show_recipients(request: Any, campaign: str) -> HttpResponse:
    """Every recipient with outcome and reason; one class at a time."""
    row = get_campaign(request, campaign)
    place = _read_place(request.GET.get("outcome", Whereabouts.DELIVERED))
    after = _read_cursor(request.GET.get("after", ""))
    search = request.GET.get("q", "").strip()[:254]
    explanation = explain_person(request.account.pk, row, search, now=utc_now()) if search else None
    if explanation:
        people = [explanation.person] if explanation.person else []
    else:
        people = list_people(request.account.pk, row, place, after=after, size=PAGE + 1)
    shown, accounting = people[:PAGE], count_outcomes(request.account.pk, row.uid)
    next_url = ""
    if len(people) > PAGE:
        next_url = "?" + urlencode({"outcome": place, "after": to_public_id("msg", shown[-1].key)})
    context = {
        "page_title": row.name,
        "crumbs": [{"title": _("Campaigns"), "url": reverse("campaigns")}],
        "campaign": row,
        "rows": shown,
        "outcome": place,
        "outcomes": [
            (look_up_state(name).label, count, f"?outcome={name}", name == place)
            for name, count in _list_parts(accounting)
        ],
        "next_url": next_url,
        "search": search,
        "explanation": explanation,
        "tabs": _tabs(row, "recipients"),
    }
    return render(request, "reports/recipients.html", context)


@needs(Permission.EXPORT_CONTACTS)
@require_GET
def download_recipients(request: Any, campaign: str) -> StreamingHttpResponse:
    """The list of recipients as CSV, streamed; cells that a spreadsheet would run are defused."""
    row = get_campaign(request, campaign)
    response = StreamingHttpResponse(
        _write_csv(request.account.pk, row), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{row.public_id}-recipients.csv"'
    return response


def _write_csv(account_id: int, campaign: Campaign) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        ["email", "outcome", "at", "reason", "smtp_code", "enhanced_code", "reply", "opened", "clicked"]
    )
    for one in iter_people(account_id, campaign):
        cells = [
            one.email,
            one.outcome,
            one.at.isoformat() if one.at else "",
            one.reason,
            one.smtp_code or "",
        ]
        cells += [one.enhanced_code, one.reply, "yes" if one.opened else "", "yes" if one.clicked else ""]
        writer.writerow([guard_formula(str(cell)) for cell in cells])
        if buffer.tell() > 65_536:
            yield _take(buffer)
    yield _take(buffer)


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def get_campaign(request: Any, public_id: str) -> Campaign:
    """The account's campaign, or 404."""
    try:
        uid = Campaign.uid_from(public_id)
    except UnknownId:
        raise Http404 from None
    row = (
        Campaign.objects.for_account(request.account)
        .select_related("topic", "sender")
        .filter(uid=uid)
        .first()
    )
    if row is None:
        raise Http404
    return row


def _tabs(campaign: Campaign, active: str) -> list[dict[str, object]]:
    pages = [
        ("report", _("Report"), "campaign_report"),
        ("recipients", _("Recipients"), "campaign_recipients"),
    ]
    return [
        {"title": title, "url": reverse(route, args=[campaign.public_id]), "active": name == active}
        for name, title, route in pages
    ]


def _draw_funnel(campaign: Campaign, totals: Totals) -> Chart:
    steps = [(_("Recipients"), campaign.frozen), (_("Delivered"), totals.delivered)]
    if totals.opened or totals.clicked:
        steps += [(_("Opened"), totals.opened), (_("Clicked"), totals.clicked)]
    return make_funnel_chart(_("From recipients to clicks"), axis=_("Step"), column=_("People"), steps=steps)


def _draw_curve(hours: list[Hour]) -> Chart | None:
    if not any(hour.opens or hour.clicks for hour in hours):
        return None
    points = [formats.date_format(timezone.localtime(hour.start), "j M, H:i") for hour in hours]
    series = [
        Series(_("Opens"), [hour.opens for hour in hours]),
        Series(_("Clicks"), [hour.clicks for hour in hours]),
    ]
    draw = (
        make_bar_chart if len(hours) < HOURS_FOR_A_LINE else make_line_chart
    )  # a line of two points says nothing
    return draw(_("Opens and clicks per hour after launch"), axis=_("Hour"), points=points, series=series)


def _list_parts(accounting: Accounting) -> list[tuple[str, int]]:
    return [(str(place), getattr(accounting, place)) for place in Whereabouts]


def _read_place(text: str) -> Whereabouts:
    try:
        return Whereabouts(text)
    except ValueError:
        raise Http404 from None


def _read_cursor(text: str) -> Any:
    try:
        return from_public_id("msg", text) if text else None
    except UnknownId:
        return None


urlpatterns = [
    path("campaigns/<str:campaign>/report/", show_report, name="campaign_report"),
    path("campaigns/<str:campaign>/recipients/", show_recipients, name="campaign_recipients"),
    path("campaigns/<str:campaign>/recipients.csv", download_recipients, name="campaign_recipients_csv"),
]
