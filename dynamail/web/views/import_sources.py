"""Sources of imports: files elsewhere that are fetched on a schedule. Setting one up, watching it, stopping it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.consent.topics import find_topics
from dynamail.contacts.fetching.places import Place
from dynamail.contacts.fetching.refusing import list_refused
from dynamail.contacts.fetching.rounds import TOLD_AFTER
from dynamail.contacts.fetching.sftp_files import find_fingerprint
from dynamail.contacts.fetching.sources import (
    accept_new_key,
    change_source,
    create_source,
    fetch_first_file,
    is_being_fetched,
    list_imports_of,
    list_sources,
    make_place,
    pause_source,
    remove_source,
    resume_source,
    start_fetch,
)
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.mapping import IGNORE
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.importing.steps import OPEN
from dynamail.contacts.models import ContactImport, ImportSource
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.import_sources import FORMS
from dynamail.web.lookup import get_row
from dynamail.web.views.contacts import list_tabs

edits = needs(Permission.EDIT_CONTACTS)


@dataclass(frozen=True)
class SourceLine:
    """A source as the list and its page show it."""

    row: ImportSource
    place: Place
    state: str
    label: str
    refused: int = 0  # files

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a key waits for a member before anything is fetched."""
        return bool(self.row.shown_key) and not self.row.host_key

    @property
    def where(self) -> str:
        return (
            self.row.address
            if self.row.kind == ImportSource.Kind.URL
            else f"{self.place.host}:{self.place.port}"
        )


@edits
@require_GET
def import_sources(request: PageRequest) -> HttpResponse:
    context = {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, "contact_imports"),
        "lines": [_describe(source) for source in list_sources(request.account.pk)],
    }
    return render(request, "imports/sources/list.html", context)


@edits
@require_http_methods(["GET", "POST"])
def new_import_source(request: PageRequest) -> HttpResponse:
    kind = request.GET.get("kind", ImportSource.Kind.URL)
    if kind not in FORMS:
        raise Http404
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        source = create_source(request.account.pk, form.settings(), by=request.user, now=utc_now())
        return redirect("import_source", source.public_id)
    context = {
        "page_title": _("New source"),
        "crumbs": _crumbs(),
        "form": form,
        "kinds": [(label, f"?kind={value}", value == kind) for value, label in ImportSource.Kind.choices],
    }
    return render(request, "imports/sources/form.html", context, status=422 if form.errors else 200)


@edits
@require_http_methods(["GET", "POST"])
def edit_import_source(request: PageRequest, source_id: str) -> HttpResponse:
    source = get_row(ImportSource, request, source_id)
    form = FORMS[source.kind](request.POST or None, source=source)
    if request.method == "POST" and form.is_valid():
        change_source(source, form.settings(), by=request.user, now=utc_now())
        if not source.mapping:
            fetch_first_file(source)
        messages.success(request, _("Saved."))
        return redirect("import_source", source_id)
    crumbs = [*_crumbs(), {"title": source.name, "url": reverse("import_source", args=[source_id])}]
    context = {"page_title": _("Change the source"), "crumbs": crumbs, "form": form, "source": source}
    return render(request, "imports/sources/form.html", context, status=422 if form.errors else 200)


@edits
@never_cache
@require_GET
def show_import_source(request: PageRequest, source_id: str) -> HttpResponse:
    source = get_row(ImportSource, request, source_id)
    if request.htmx:  # asked again and again while the first file is on its way
        headers = {} if is_being_fetched(source) else {"HX-Refresh": "true"}
        return HttpResponse(status=204, headers=headers)
    return render(request, "imports/sources/show.html", _describe_page(request, source))


@edits
@require_POST
def act_on_import_source(request: PageRequest, source_id: str, action: str) -> HttpResponse:
    source = get_row(ImportSource, request, source_id)
    match action:
        case "run":
            start_fetch(source)
            messages.success(request, _("It is being fetched now."))
        case "first":
            fetch_first_file(source)
        case "pause":
            pause_source(source, by=request.user)
        case "resume":
            resume_source(source, by=request.user, now=utc_now())
        case "trust":
            if not accept_new_key(source, request.POST.get("key", ""), by=request.user):
                messages.error(request, _("The server has shown another key since. Look at it again."))
        case "remove":
            remove_source(source, by=request.user)
            return redirect("import_sources")
        case _:
            raise Http404
    return redirect("import_source", source_id)


def _describe_page(request: PageRequest, source: ImportSource) -> dict[str, Any]:
    imports = list_imports_of(source)
    options = Options.from_json(source.options)
    statement = options.statement
    topics = find_topics(request.account) if statement else []
    mapping = source.mapping or {"columns": [], "targets": []}
    return {
        "page_title": source.name,
        "crumbs": _crumbs(),
        "source": source,
        "line": _describe(source),
        "fetching": is_being_fetched(source),
        "waiting": next(
            (row for row in imports[:1] if row.state in (*OPEN, ContactImport.State.CHECKING)), None
        ),
        "rows": [(row, Counts.from_json(row.counts.get("imported"))) for row in imports],
        "fingerprint": find_fingerprint(source.host_key) if source.host_key else "",
        "shown_fingerprint": find_fingerprint(source.shown_key) if source.shown_key else "",
        "expected": [
            name
            for name, target in zip(mapping["columns"], mapping["targets"], strict=True)
            if target != IGNORE
        ],
        "topic": next((one for one in topics if statement and one.pk == statement.topic_id), None),
        "tags": options.tags,
        "refused": list_refused(source),
        "is_failing": source.failures >= TOLD_AFTER,
    }


def _describe(source: ImportSource) -> SourceLine:
    state, label = "paused", _("Paused")
    if source.shown_key and not source.host_key:  # nothing happens before somebody looks
        state, label = "pending", _("Key to confirm")
    elif not source.mapping:
        state, label = "pending", _("Not set up yet")
    elif source.problem:
        state, label = "failed", _("Failing")
    elif source.is_enabled:
        state, label = "active", _("Active")
    return SourceLine(source, make_place(source, with_secret=False), state, label, len(list_refused(source)))


def _crumbs() -> list[dict[str, str]]:
    return [
        {"title": _("Contacts"), "url": reverse("contacts")},
        {"title": _("Imports"), "url": reverse("contact_imports")},
        {"title": _("Sources"), "url": reverse("import_sources")},
    ]


urlpatterns: list[URLPattern] = [
    path("contacts/imports/sources/", import_sources, name="import_sources"),
    path("contacts/imports/sources/new/", new_import_source, name="import_source_new"),
    path("contacts/imports/sources/<str:source_id>/", show_import_source, name="import_source"),
    path("contacts/imports/sources/<str:source_id>/edit/", edit_import_source, name="import_source_edit"),
    path(
        "contacts/imports/sources/<str:source_id>/<str:action>/",
        act_on_import_source,
        name="import_source_action",
    ),
]
