"""The list of campaigns, a new one, and the page of each: set-up while it is a draft, progress once it was launched."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.drafting import create_campaign, save_draft
from dynamail.campaigns.errors import CampaignError
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.starting import BLANKS, find_defaults
from dynamail.campaigns.stats import summarize_campaigns
from dynamail.content.gallery import list_gallery
from dynamail.content.models import Template
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.campaigns import NewCampaignForm, read_public_id
from dynamail.web.views.campaign_access import get_campaign
from dynamail.web.views.campaign_cards import (
    count_audience,
    setup_context,
    show_card,
    show_line,
    show_readiness,
)
from dynamail.web.views.campaign_content import (
    edit_content,
    keep_as_template,
    preview_content,
    read_start,
    restart_content,
)
from dynamail.web.views.campaign_sending import (
    control_campaign,
    copy_campaign,
    launch,
    progress_context,
    remove_draft,
    schedule,
    show_progress,
    show_review,
    show_test_link,
    try_campaign,
)

PAGE_SIZE = 25
OWN_TEMPLATES_SHOWN = 12
State = CampaignState

# What the chips above the list ask for.
FILTERS: dict[str, tuple[Any, tuple[State, ...]]] = {
    "": (gettext_lazy("All"), ()),
    "draft": (gettext_lazy("Drafts"), (State.DRAFT,)),
    "scheduled": (gettext_lazy("Scheduled"), (State.SCHEDULED,)),
    "live": (gettext_lazy("Sending"), (State.LAUNCHING, State.RUNNING, State.PAUSED)),
    "sent": (gettext_lazy("Sent"), (State.FINISHED,)),
    "canceled": (gettext_lazy("Canceled"), (State.CANCELED,)),
}

views = needs(Permission.VIEW_CAMPAIGNS)
edits = needs(Permission.EDIT_CAMPAIGNS)


@views
@require_GET
def show_campaigns(request: PageRequest) -> HttpResponse:
    search, state = request.GET.get("q", "").strip()[:150], request.GET.get("state", "")
    rows = _filter(request, search, state)
    after = read_public_id(Campaign, request.GET.get("after", ""))
    found = list((rows.filter(uid__lt=after) if after else rows)[: PAGE_SIZE + 1])
    shown, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    totals = summarize_campaigns(request.account.pk, shown)
    keep = {"q": search, "state": state}
    context = {
        "page_title": _("Campaigns"),
        "rows": [(row, totals[row.uid]) for row in shown],
        "search": search,
        "state": state,
        "is_narrowed": bool(search or state or after),
        "chips": [
            {"title": title, "url": "?" + urlencode({"q": search, "state": name}), "active": name == state}
            for name, (title, _states) in FILTERS.items()
        ],
        "next_url": "?" + urlencode({**keep, "after": shown[-1].public_id}) if more else "",
        "first_url": "?" + urlencode(keep) if after else "",
    }
    return render(request, "campaigns/_list.html" if request.htmx else "campaigns/list.html", context)


def _filter(request: PageRequest, search: str, state: str) -> QuerySet[Campaign]:
    """The newest first; ids are made at creation, so their order is that of time and makes the pages' keys."""
    rows = Campaign.objects.for_account(request.account).select_related("topic").order_by("-uid")
    _title, states = FILTERS.get(state, FILTERS[""])
    if states:
        rows = rows.filter(state__in=states)
    return rows.filter(name__icontains=search.replace("\x00", "")) if search else rows


@edits
@require_http_methods(["GET", "POST"])
def create(request: PageRequest) -> HttpResponse:
    """A name, and one press on what the content starts with."""
    today = date_format(timezone.localdate(), "j F Y")
    form = NewCampaignForm(request.POST or None, initial={"name": _("Campaign of %s") % today})
    if request.method == "POST" and form.is_valid():
        start = read_start(request, request.POST.get("start", ""))
        campaign = create_campaign(
            request.account,
            name=form.cleaned_data["name"],
            by=request.member,
            now=utc_now(),
            kind=start.kind,
            body=start.body,
            subject=start.subject,
            preheader=start.preheader,
            **find_defaults(request.account),
        )
        return redirect("campaign", campaign.public_id)
    own = Template.objects.for_account(request.account).filter(archived_at=None).order_by("-updated_at")
    context = {
        "page_title": _("New campaign"),
        "crumbs": [{"title": _("Campaigns"), "url": reverse("campaigns")}],
        "form": form,
        "gallery": list_gallery(),
        "templates": own[:OWN_TEMPLATES_SHOWN],
        "blanks": BLANKS,
    }
    return render(request, "campaigns/new.html", context, status=422 if form.is_bound else 200)


@views
@require_GET
def show_campaign(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    context: dict[str, Any] = {
        "page_title": row.name,
        "crumbs": [{"title": _("Campaigns"), "url": reverse("campaigns")}],
        "campaign": row,
    }
    if row.state in (State.DRAFT, State.SCHEDULED):
        return render(request, "campaigns/setup.html", context | setup_context(request, row))
    return render(request, "campaigns/live.html", context | progress_context(request, row))


@edits
@require_POST
def rename(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    form = NewCampaignForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the campaign a name of at most 150 characters."))
        return redirect("campaign", row.public_id)
    try:
        save_draft(row, by=request.member, now=utc_now(), name=form.cleaned_data["name"])
    except CampaignError as error:
        messages.error(request, str(error))
    return redirect("campaign", row.public_id)


@edits
@require_GET
def choose_start(request: PageRequest, campaign: str) -> HttpResponse:
    """Another template for a draft that has content already."""
    row = get_campaign(request, campaign)
    if not row.is_editable:
        return redirect("campaign", row.public_id)
    own = Template.objects.for_account(request.account).filter(archived_at=None).order_by("-updated_at")
    context = {
        "page_title": _("Choose a template"),
        "crumbs": [
            {"title": _("Campaigns"), "url": reverse("campaigns")},
            {"title": row.name, "url": reverse("campaign", args=[row.public_id])},
        ],
        "campaign": row,
        "gallery": list_gallery(),
        "templates": own[:OWN_TEMPLATES_SHOWN],
        "blanks": BLANKS,
    }
    return render(request, "campaigns/start.html", context)


urlpatterns = [
    path("campaigns/", show_campaigns, name="campaigns"),
    path("campaigns/new/", create, name="campaign_new"),
    path("campaigns/<str:campaign>/", show_campaign, name="campaign"),
    path("campaigns/<str:campaign>/name/", rename, name="campaign_rename"),
    path("campaigns/<str:campaign>/cards/<str:card>/", show_card, name="campaign_card"),
    path("campaigns/<str:campaign>/ready/", show_readiness, name="campaign_ready"),
    path("campaigns/<str:campaign>/audience/", count_audience, name="campaign_audience"),
    path("campaigns/<str:campaign>/line/", show_line, name="campaign_line"),
    path("campaigns/<str:campaign>/content/", edit_content, name="campaign_content"),
    path("campaigns/<str:campaign>/preview/", preview_content, name="campaign_preview"),
    path("campaigns/<str:campaign>/start/", choose_start, name="campaign_start"),
    path("campaigns/<str:campaign>/restart/", restart_content, name="campaign_restart"),
    path("campaigns/<str:campaign>/as-template/", keep_as_template, name="campaign_as_template"),
    path("campaigns/<str:campaign>/review/", show_review, name="campaign_review"),
    path("campaigns/<str:campaign>/test/", try_campaign, name="campaign_test"),
    path("campaigns/<str:campaign>/launch/", launch, name="campaign_launch"),
    path("campaigns/<str:campaign>/schedule/", schedule, name="campaign_schedule"),
    path("campaigns/<str:campaign>/progress/", show_progress, name="campaign_progress"),
    path("campaigns/<str:campaign>/duplicate/", copy_campaign, name="campaign_duplicate"),
    path("campaigns/<str:campaign>/delete/", remove_draft, name="campaign_delete"),
    path("campaigns/<str:campaign>/do/<str:action>/", control_campaign, name="campaign_action"),
    path("test-message/", show_test_link, name="test_message_link"),
]
