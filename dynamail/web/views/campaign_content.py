"""What a campaign says: what it starts with, its source editor, its preview."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.drafting import save_draft
from dynamail.campaigns.errors import ChangedMeanwhile, NotEditable
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.previewing import email_of, make_context
from dynamail.campaigns.starting import Start, start_blank, start_from_gallery, start_from_template
from dynamail.content.editing import create_template
from dynamail.content.gallery import UnknownTemplate, get_gallery_template
from dynamail.content.models import Template
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.campaigns import read_public_id
from dynamail.web.forms.templates import CampaignSourceForm
from dynamail.web.views.campaign_access import get_campaign, get_person
from dynamail.web.views.source_editor import (
    check_source,
    fingerprint,
    list_variables,
    show_preview,
    show_result,
)

edits = needs(Permission.EDIT_CAMPAIGNS)


def read_start(request: PageRequest, chosen: str) -> Start:
    """`gallery:welcome`, `template:tpl_…` or `blank:mjml` as pressed on the page. Raises Http404."""
    source, _colon, name = chosen.partition(":")
    try:
        if source == "gallery":
            return start_from_gallery(get_gallery_template(name))
        if source == "blank":
            return start_blank(name)
    except (UnknownTemplate, LookupError):
        raise Http404 from None
    uid = read_public_id(Template, name) if source == "template" else None
    template = Template.objects.for_account(request.account).filter(uid=uid).first() if uid else None
    if template is None:
        raise Http404
    return start_from_template(template)


@edits
@require_http_methods(["GET", "POST"])
def edit_content(request: PageRequest, campaign: str) -> HttpResponse:
    """GET: the editor. POST: a save, by the editor (answered in part) or by a plain form."""
    row = get_campaign(request, campaign)
    if request.method == "POST":
        return _save(request, row)
    if not row.is_editable:
        return redirect("campaign", row.public_id)
    seen = _fingerprint_of(row)
    form = CampaignSourceForm(initial={"kind": row.kind, "body": row.body, "text": row.text, "seen": seen})
    context = {
        "page_title": _("Content"),
        "crumbs": [
            {"title": _("Campaigns"), "url": reverse("campaigns")},
            {"title": row.name, "url": reverse("campaign", args=[row.public_id])},
        ],
        "campaign": row,
        "form": form,
        "seen": seen,
        "version": row.version,
        "kinds": Campaign.Kind.choices,
        "kind": row.kind,
        "variables": list_variables(row.account_id),
        "checked": check_source(email_of(row), row.account_id),
        "saved_at": row.updated_at,
        "state": "saved",
        "save_url": request.path,
        "preview_url": reverse("campaign_preview", args=[row.public_id]),
        "done_url": reverse("campaign", args=[row.public_id]),
    }
    return render(request, "campaigns/content.html", context)


def _save(request: PageRequest, row: Campaign) -> HttpResponse:
    form = CampaignSourceForm(request.POST)
    now = utc_now()
    if not form.is_valid():
        return _answer(
            request, row, state="refused", seen=request.POST.get("seen", ""), form=form, status=422
        )
    values = form.values()
    mine = _fingerprint_of(Campaign(**values))
    theirs = _fingerprint_of(row)
    if theirs not in (form.cleaned_data["seen"], mine):
        return _answer(request, row, state="conflict", seen=theirs, status=409)
    try:
        if theirs != mine:
            row = save_draft(row, by=request.member, now=now, version=row.version, **values)
    except ChangedMeanwhile:
        row.refresh_from_db()
        return _answer(request, row, state="conflict", seen=_fingerprint_of(row), status=409)
    except NotEditable as error:
        return _answer(request, row, state="refused", seen=theirs, sentence=str(error), status=409)
    if not request.htmx:
        return redirect(
            (request.POST.get("then") == "done" and "campaign") or "campaign_content", row.public_id
        )
    return _answer(request, row, state="saved", seen=mine)


def _answer(
    request: PageRequest,
    row: Campaign,
    *,
    state: str,
    seen: str,
    form: Any = None,
    sentence: str = "",
    status: int = 200,
) -> HttpResponse:
    if form is not None:
        sentence = " ".join(f"{error}" for errors in form.errors.values() for error in errors)
    checked = check_source(email_of(row), row.account_id) if state == "saved" else None
    return show_result(
        request,
        state=state,
        seen=seen,
        version=row.version,
        checked=checked,
        at=row.updated_at,
        sentence=sentence,
        status=status,
    )


def _fingerprint_of(row: Campaign) -> str:
    return fingerprint(row.kind, row.body, row.text)


@needs(Permission.VIEW_CAMPAIGNS)
@require_GET
def preview_content(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    person = get_person(request, request.GET.get("contact", ""))
    context = make_context(row.account, person, name=row.name, subject=row.subject, now=utc_now())
    return show_preview(request, email_of(row), context)


@edits
@require_POST
def restart_content(request: PageRequest, campaign: str) -> HttpResponse:
    """Begin the content anew from a template. An empty subject takes the template's."""
    row = get_campaign(request, campaign)
    start = read_start(request, request.POST.get("start", ""))
    values: dict[str, Any] = {"kind": start.kind, "body": start.body, "text": ""}
    if not row.subject and start.subject:
        values |= {"subject": start.subject, "preheader": start.preheader}
    try:
        save_draft(row, by=request.member, now=utc_now(), **values)
    except NotEditable as error:
        messages.error(request, str(error))
        return redirect("campaign", row.public_id)
    return redirect("campaign_content", row.public_id)


@edits
@require_POST
def keep_as_template(request: PageRequest, campaign: str) -> HttpResponse:
    row = get_campaign(request, campaign)
    name = request.POST.get("name", "").strip()[:150] or row.name
    template = create_template(
        row.account,
        name=name,
        by=request.member,
        now=utc_now(),
        kind=row.kind,
        source=row.body,
        subject=row.subject,
        preheader=row.preheader,
    )
    messages.success(request, _("Saved as the template “%s”.") % template.name)
    return redirect("campaign_content" if row.is_editable else "campaign", row.public_id)
