"""Bringing in events from a file: file → columns → dry run → import. Each step is an address of its own and can be left."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.accounts.zones import find_zone
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.steps import cancel_import, list_reject_reasons
from dynamail.contacts.importing.uploads import KEEP_DAYS
from dynamail.contacts.importing_events.columns import EventOptions, Target
from dynamail.contacts.importing_events.steps import (
    list_event_imports,
    read_events_anew,
    reopen_event_import,
    start_event_check,
    start_event_import,
    upload_events,
)
from dynamail.contacts.models import ContactImport
from dynamail.events.own_names import list_event_names
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.imports import read_mapping
from dynamail.web.forms.own_events import EventOptionsForm, list_event_columns, list_event_targets
from dynamail.web.import_files import answer_rejects, describe_reading
from dynamail.web.import_wizard import ImportKind, choose_columns, reread_file, take_file

State = ContactImport.State
edits = needs(Permission.EDIT_CONTACTS)
KIND = ImportKind(
    ContactImport.Subject.EVENTS,
    "event_import",
    "own_events/upload.html",
    upload=upload_events,
    read_anew=read_events_anew,
    list_recent=list_event_imports,
)
PASSES = {State.CHECKING: "checked", State.CHECKED: "checked"}  # whose counts a page shows; else the import's


@edits
@require_http_methods(["GET", "POST"])
def new_event_import(request: PageRequest) -> HttpResponse:
    return take_file(request, KIND, _wizard(1), _("Import events"))


@edits
@require_http_methods(["GET", "POST"])
def map_events(request: PageRequest, import_id: str) -> HttpResponse:
    def start(row: ContactImport, mapping: list[str], form: EventOptionsForm) -> None:
        start_event_check(row, mapping, form.make_options(), by=request.user, now=utc_now())

    return choose_columns(request, KIND, import_id, EventOptionsForm, start, _render_columns)


@edits
@require_POST
def preview_events(request: PageRequest, import_id: str) -> HttpResponse:
    """The columns with their samples understood anew while a member chooses. Nothing is saved."""
    row = KIND.get(request, import_id)
    context = _columns_context(request, row, read_mapping(row, request.POST))
    return render(request, "imports/_columns.html", context)


@edits
@require_POST
def reread_events(request: PageRequest, import_id: str) -> HttpResponse:
    def render_problem(row: ContactImport, problem: str) -> HttpResponse:
        return _render_columns(request, row, row.mapping, EventOptionsForm(row=row), problem)

    return reread_file(request, KIND, import_id, render_problem)


@needs(Permission.VIEW_CONTACTS)
@never_cache
@require_GET
def show_event_import(request: PageRequest, import_id: str) -> HttpResponse:
    """Where the import is: its progress, what the dry run found, its result."""
    row = KIND.get(request, import_id)
    if row.state == State.UPLOADED and request.member.may(Permission.EDIT_CONTACTS):
        return redirect("event_import_columns", import_id)
    if request.htmx and request.GET.get("state") != row.state:
        return HttpResponse(
            status=204, headers={"HX-Refresh": "true"}
        )  # heading and steps change with the state
    template = "own_events/_import.html" if request.htmx else "own_events/import.html"
    return render(request, template, _result_context(request, row))


@edits
@require_POST
def run_event_import(request: PageRequest, import_id: str) -> HttpResponse:
    row = KIND.get(request, import_id)
    try:
        start_event_import(row, by=request.user, now=utc_now())
    except ImportProblem as problem:
        row = KIND.get(request, import_id)
        context = _result_context(request, row) | {"problem": str(problem)}
        return render(request, "own_events/import.html", context, status=409)
    return redirect("event_import", import_id)


@edits
@require_POST
def reopen(request: PageRequest, import_id: str) -> HttpResponse:
    """Back to the columns."""
    row = KIND.get(request, import_id)
    try:
        reopen_event_import(row)
    except ImportProblem:
        return redirect("event_import", import_id)
    return redirect("event_import_columns", import_id)


@edits
@require_POST
def stop_event_import(request: PageRequest, import_id: str) -> HttpResponse:
    row = KIND.get(request, import_id)
    cancel_import(row, by=request.user, now=utc_now())
    row.refresh_from_db()
    if row.state == State.CANCELED and not row.file_path:
        return redirect("event_import_new")
    return redirect("event_import", import_id)


@edits
@require_GET
def download_event_rejects(request: PageRequest, import_id: str) -> StreamingHttpResponse:
    return answer_rejects(KIND.get(request, import_id))


def _render_columns(
    request: PageRequest, row: ContactImport, mapping: list[str], form: EventOptionsForm, problem: str
) -> HttpResponse:
    context = (
        _wizard(2)
        | _columns_context(request, row, mapping)
        | {
            "page_title": row.file_name,
            "form": form,
            "problem": problem,
            "known": [name.name for name in list_event_names(request.account.pk)],
        }
    )
    context |= describe_reading(row, has_header=EventOptions.from_json(row.options).has_header)
    return render(request, "own_events/columns.html", context, status=422 if problem or form.errors else 200)


def _columns_context(request: PageRequest, row: ContactImport, mapping: list[str]) -> dict[str, Any]:
    return {
        "row": row,
        "columns": list_event_columns(row, mapping, zone=find_zone(request.account.timezone)),
        "targets": list_event_targets(),
        "has_email": Target.EMAIL in mapping,
    }


def _result_context(request: PageRequest, row: ContactImport) -> dict[str, Any]:
    counts = Counts.from_json(row.counts.get(PASSES.get(State(row.state), "imported")))
    is_over = row.state not in (State.CHECKING, State.RUNNING)
    step = 3 if row.state in PASSES else 4
    return _wizard(step, done=row.state == State.FINISHED) | {
        "page_title": row.file_name,
        "row": row,
        "work": row.work,
        "counts": counts,
        "reasons": list_reject_reasons(row) if is_over and counts.invalid else [],
        "has_rejects": is_over and counts.invalid and row.file_path,
        "options": EventOptions.from_json(row.options),
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
        "keep_days": KEEP_DAYS,
    }


def _wizard(step: int, *, done: bool = False) -> dict[str, Any]:
    return {
        "steps": [_("File"), _("Columns"), _("Check"), _("Import")],
        "step": 5 if done else step,
        "crumbs": [
            {"title": _("Contacts"), "url": reverse("contacts")},
            {"title": _("Events"), "url": reverse("own_events")},
        ],
    }


_IMPORTS = "contacts/events/imports/"

urlpatterns: list[URLPattern] = [
    path(f"{_IMPORTS}new/", new_event_import, name="event_import_new"),
    path(f"{_IMPORTS}<str:import_id>/", show_event_import, name="event_import"),
    path(f"{_IMPORTS}<str:import_id>/columns/", map_events, name="event_import_columns"),
    path(f"{_IMPORTS}<str:import_id>/preview/", preview_events, name="event_import_preview"),
    path(f"{_IMPORTS}<str:import_id>/reading/", reread_events, name="event_import_reading"),
    path(f"{_IMPORTS}<str:import_id>/run/", run_event_import, name="event_import_run"),
    path(f"{_IMPORTS}<str:import_id>/reopen/", reopen, name="event_import_reopen"),
    path(f"{_IMPORTS}<str:import_id>/cancel/", stop_event_import, name="event_import_cancel"),
    path(f"{_IMPORTS}<str:import_id>/rejected.csv", download_event_rejects, name="event_import_rejects"),
]
