"""Templates: the gallery that ships with the product, and the account's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.drafting import create_campaign
from dynamail.campaigns.previewing import find_people, make_context
from dynamail.campaigns.starting import BLANKS, find_defaults
from dynamail.content.editing import (
    ContentConflict,
    archive_template,
    create_template,
    duplicate_template,
    restore_template,
    save_template,
)
from dynamail.content.gallery import UnknownTemplate, get_gallery_template, list_gallery
from dynamail.content.models import Template
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.campaigns import read_public_id
from dynamail.web.forms.templates import TemplateSourceForm
from dynamail.web.views.campaign_access import get_person
from dynamail.web.views.campaign_content import read_start
from dynamail.web.views.source_editor import (
    check_source,
    fingerprint,
    list_variables,
    show_preview,
    show_result,
)

PAGE_SIZE = 24
GALLERY_SECONDS = 86_400

views = needs(Permission.VIEW_CAMPAIGNS)
edits = needs(Permission.EDIT_CAMPAIGNS)


@views
@require_GET
def show_templates(request: PageRequest) -> HttpResponse:
    archived = request.GET.get("archived") == "1"
    search = request.GET.get("q", "").strip()[:100]
    rows = Template.objects.for_account(request.account).filter(archived_at__isnull=not archived)
    if search:
        rows = rows.filter(name__icontains=search)
    after = _read_position(request.GET.get("after", ""))
    found = list(rows.order_by("-uid").filter(**after)[: PAGE_SIZE + 1])
    shown, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    keep = {"q": search, "archived": "1" if archived else ""}
    last = shown[-1].public_id if more else ""
    context = {
        "page_title": _("Templates"),
        "gallery": list_gallery(),
        "templates": shown,
        "blanks": BLANKS,
        "search": search,
        "archived": archived,
        "has_archived": Template.objects.for_account(request.account)
        .filter(archived_at__isnull=False)
        .exists(),
        "next_url": "?" + urlencode({**keep, "after": last}) if more else "",
        "previous_url": "?" + urlencode(keep) if after else "",
    }
    return render(request, "templates/list.html", context)


def _read_position(public_id: str) -> dict[str, Any]:
    uid = read_public_id(Template, public_id) if public_id else None
    # UUIDv7: the newest is the largest.
    return {"uid__lt": uid} if uid else {}


@edits
@require_POST
def start_template(request: PageRequest) -> HttpResponse:
    """A new template of one's own from the gallery, an own one, or a frame."""
    start = read_start(request, request.POST.get("start", ""))
    name = request.POST.get("name", "").strip()[:150] or _("Untitled template")
    template = create_template(
        request.account,
        name=name,
        by=request.member,
        now=utc_now(),
        kind=start.kind,
        source=start.body,
        subject=start.subject,
        preheader=start.preheader,
    )
    return redirect("template", template.public_id)


@edits
@require_http_methods(["GET", "POST"])
def edit_template(request: PageRequest, template: str) -> HttpResponse:
    row = _get(request, template)
    if request.method == "POST":
        return _save(request, row)
    seen = _fingerprint_of(row)
    fields = ("name", "kind", "subject", "preheader")
    initial = {field: getattr(row, field) for field in fields} | {"body": row.source, "seen": seen}
    context = {
        "page_title": row.name,
        "crumbs": [{"title": _("Templates"), "url": reverse("templates")}],
        "template": row,
        "form": TemplateSourceForm(initial=initial),
        "seen": seen,
        "version": row.version,
        "kinds": Template.Kind.choices,
        "kind": row.kind,
        "variables": list_variables(row.account_id),
        "checked": check_source(row.as_email(), row.account_id),
        "saved_at": row.updated_at,
        "state": "saved",
        "save_url": request.path,
        "preview_url": reverse("template_preview", args=[row.public_id]),
        "done_url": reverse("templates"),
    }
    return render(request, "templates/editor.html", context)


def _save(request: PageRequest, row: Template) -> HttpResponse:
    form = TemplateSourceForm(request.POST)
    if not form.is_valid():
        sentence = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return _answer(request, row, "refused", request.POST.get("seen", ""), sentence=sentence, status=422)
    values = form.values()
    mine = _fingerprint_of(Template(**values))
    theirs = _fingerprint_of(row)
    if theirs not in (form.cleaned_data["seen"], mine):
        return _answer(request, row, "conflict", theirs, status=409)
    try:
        if theirs != mine:
            row = save_template(row, by=request.member, now=utc_now(), version=row.version, **values)
    except ContentConflict:
        row.refresh_from_db()
        return _answer(request, row, "conflict", _fingerprint_of(row), status=409)
    if not request.htmx:
        return redirect("template", row.public_id)
    return _answer(request, row, "saved", mine)


def _answer(
    request: PageRequest, row: Template, state: str, seen: str, *, sentence: str = "", status: int = 200
) -> HttpResponse:
    checked = check_source(row.as_email(), row.account_id) if state == "saved" else None
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


def _fingerprint_of(row: Template) -> str:
    return fingerprint(row.name, row.kind, row.subject, row.preheader, row.source)


@views
@require_GET
def preview_template(request: PageRequest, template: str) -> HttpResponse:
    row = _get(request, template)
    person = get_person(request, request.GET.get("contact", ""))
    context = make_context(request.account, person, name=row.name, subject=row.subject, now=utc_now())
    return show_preview(request, row.as_email(), context)


@views
@require_GET
@cache_control(private=True, max_age=GALLERY_SECONDS)
def preview_gallery(request: PageRequest, slug: str) -> HttpResponse:
    try:
        ready = get_gallery_template(slug)
    except UnknownTemplate:
        raise Http404 from None
    context = make_context(request.account, None, name=ready.name, subject=ready.subject, now=utc_now())
    response = show_preview(request, ready.as_email(), context)
    del response["Cache-Control"]  # it changes with the product alone
    return response


@views
@require_GET
def search_people(request: PageRequest) -> HttpResponse:
    """Contacts to preview as."""
    search = request.GET.get("q", "").strip()[:100]
    context = {"people": find_people(request.account.pk, search), "search": search}
    return render(request, "templates/_people.html", context)


@edits
@require_POST
def act_on_template(request: PageRequest, template: str, action: str) -> HttpResponse:
    row, now = _get(request, template), utc_now()
    match action:
        case "duplicate":
            name = _("%s, copy") % row.name[:140]
            copy = duplicate_template(row, name=name, by=request.member, now=now)
            return redirect("template", copy.public_id)
        case "archive":
            archive_template(row, by=request.member, now=now)
            messages.success(request, _("“%s” is in the archive.") % row.name)
        case "restore":
            restore_template(row, by=request.member, now=now)
            messages.success(request, _("“%s” is back.") % row.name)
        case "use":
            return _start_campaign(request, row)
        case _:
            raise Http404
    return redirect("templates")


def _start_campaign(request: PageRequest, row: Template) -> HttpResponse:
    campaign = create_campaign(
        request.account,
        name=row.name,
        by=request.member,
        now=utc_now(),
        kind=row.kind,
        body=row.source,
        subject=row.subject,
        preheader=row.preheader,
        **find_defaults(request.account),
    )
    return redirect("campaign", campaign.public_id)


def _get(request: PageRequest, public_id: str) -> Template:
    uid = read_public_id(Template, public_id)
    row = Template.objects.for_account(request.account).filter(uid=uid).first() if uid else None
    if row is None:
        raise Http404
    return row


urlpatterns = [
    path("templates/", show_templates, name="templates"),
    path("templates/new/", start_template, name="template_new"),
    path("templates/people/", search_people, name="preview_people"),
    path("templates/gallery/<slug:slug>/preview/", preview_gallery, name="gallery_preview"),
    path("templates/<str:template>/", edit_template, name="template"),
    path("templates/<str:template>/preview/", preview_template, name="template_preview"),
    path("templates/<str:template>/do/<str:action>/", act_on_template, name="template_action"),
]
