"""Bringing in the suppressions of another system: file → columns → run → result. Each step is an address of its own and can be left."""

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
from dynamail.contacts.importing.steps import cancel_import, list_reject_reasons
from dynamail.contacts.importing.uploads import KEEP_DAYS
from dynamail.contacts.importing_suppressions.columns import Defaults, Target
from dynamail.contacts.importing_suppressions.steps import (
    list_suppression_imports,
    read_suppressions_anew,
    start_suppression_import,
    upload_suppressions,
)
from dynamail.contacts.models import ContactImport
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.imports import read_mapping
from dynamail.web.forms.suppressions import (
    REASON_WORDS,
    DefaultsForm,
    list_suppression_columns,
    list_suppression_targets,
)
from dynamail.web.import_files import answer_rejects, describe_reading
from dynamail.web.import_wizard import ImportKind, choose_columns, reread_file, take_file

State = ContactImport.State
edits = needs(Permission.EDIT_CONTACTS)
KIND = ImportKind(
    ContactImport.Subject.SUPPRESSIONS,
    "suppression_import",
    "suppressions/upload.html",
    upload=upload_suppressions,
    read_anew=read_suppressions_anew,
    list_recent=list_suppression_imports,
)


@edits
@require_http_methods(["GET", "POST"])
def new_suppression_import(request: PageRequest) -> HttpResponse:
    return take_file(request, KIND, _wizard(1), _("Import suppressions"))


@edits
@require_http_methods(["GET", "POST"])
def map_suppressions(request: PageRequest, import_id: str) -> HttpResponse:
    def start(row: ContactImport, mapping: list[str], form: DefaultsForm) -> None:
        start_suppression_import(row, mapping, form.make_defaults(), by=request.user, now=utc_now())

    return choose_columns(request, KIND, import_id, DefaultsForm, start, _render_columns)


@edits
@require_POST
def preview_suppressions(request: PageRequest, import_id: str) -> HttpResponse:
    """The columns with their samples understood anew while a member chooses. Nothing is saved."""
    row = KIND.get(request, import_id)
    return render(
        request, "imports/_columns.html", _columns_context(request, row, read_mapping(row, request.POST))
    )


@edits
@require_POST
def reread_suppressions(request: PageRequest, import_id: str) -> HttpResponse:
    def render_problem(row: ContactImport, problem: str) -> HttpResponse:
        return _render_columns(request, row, row.mapping, DefaultsForm(row=row), problem)

    return reread_file(request, KIND, import_id, render_problem)


@needs(Permission.VIEW_CONTACTS)
@never_cache
@require_GET
def show_suppression_import(request: PageRequest, import_id: str) -> HttpResponse:
    """Where the import is: its progress, its result."""
    row = KIND.get(request, import_id)
    if row.state == State.UPLOADED and request.member.may(Permission.EDIT_CONTACTS):
        return redirect("suppression_import_columns", import_id)
    if request.htmx and request.GET.get("state") != row.state:
        return HttpResponse(
            status=204, headers={"HX-Refresh": "true"}
        )  # heading and steps change with the state
    context = _result_context(request, row)
    return render(
        request, "suppressions/_result.html" if request.htmx else "suppressions/result.html", context
    )


@edits
@require_POST
def stop_suppression_import(request: PageRequest, import_id: str) -> HttpResponse:
    row = KIND.get(request, import_id)
    cancel_import(row, by=request.user, now=utc_now())
    row.refresh_from_db()
    if row.state == State.CANCELED and not row.file_path:
        return redirect("suppressions")
    return redirect("suppression_import", import_id)


@edits
@require_GET
def download_suppression_rejects(request: PageRequest, import_id: str) -> StreamingHttpResponse:
    row = KIND.get(request, import_id)
    return answer_rejects(row)


def _render_columns(
    request: PageRequest, row: ContactImport, mapping: list[str], form: DefaultsForm, problem: str
) -> HttpResponse:
    context = (
        _wizard(2)
        | _columns_context(request, row, mapping)
        | {"page_title": row.file_name, "form": form, "problem": problem}
    )
    context |= describe_reading(row, has_header=Defaults.from_json(row.options).has_header)
    return render(
        request, "suppressions/columns.html", context, status=422 if problem or form.errors else 200
    )


def _columns_context(request: PageRequest, row: ContactImport, mapping: list[str]) -> dict[str, Any]:
    return {
        "row": row,
        "columns": list_suppression_columns(row, mapping, zone=find_zone(request.account.timezone)),
        "targets": list_suppression_targets(),
        "has_email": Target.EMAIL in mapping,
    }


def _result_context(request: PageRequest, row: ContactImport) -> dict[str, Any]:
    counts = Counts.from_json(row.counts.get("imported"))
    over = row.state != State.RUNNING
    defaults = Defaults.from_json(row.options)
    return _wizard(3, done=row.state == State.FINISHED) | {
        "page_title": row.file_name,
        "row": row,
        "work": row.work,
        "counts": counts,
        "reasons": list_reject_reasons(row) if over and counts.invalid else [],
        "has_rejects": over and counts.invalid and row.file_path,
        "usual_reason": REASON_WORDS[defaults.reason],
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
        "list_url": reverse("suppressions") + f"?import={row.public_id}",
        "keep_days": KEEP_DAYS,
    }


def _wizard(step: int, *, done: bool = False) -> dict[str, Any]:
    return {
        "steps": [_("File"), _("Columns"), _("Import")],
        "step": 4 if done else step,
        "crumbs": [
            {"title": _("Contacts"), "url": reverse("contacts")},
            {"title": _("Suppressions"), "url": reverse("suppressions")},
        ],
    }


_IMPORTS = "contacts/suppressions/imports/"

urlpatterns: list[URLPattern] = [
    path(f"{_IMPORTS}new/", new_suppression_import, name="suppression_import_new"),
    path(f"{_IMPORTS}<str:import_id>/", show_suppression_import, name="suppression_import"),
    path(f"{_IMPORTS}<str:import_id>/columns/", map_suppressions, name="suppression_import_columns"),
    path(f"{_IMPORTS}<str:import_id>/preview/", preview_suppressions, name="suppression_import_preview"),
    path(f"{_IMPORTS}<str:import_id>/reading/", reread_suppressions, name="suppression_import_reading"),
    path(f"{_IMPORTS}<str:import_id>/cancel/", stop_suppression_import, name="suppression_import_cancel"),
    path(
        f"{_IMPORTS}<str:import_id>/rejected.csv",
        download_suppression_rejects,
        name="suppression_import_rejects",
    ),
]
