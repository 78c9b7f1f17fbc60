"""The import wizard: file → columns → consent → dry run → import → result. Each step is an address of its own and can be left."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.conditions.tree import Finding
from dynamail.consent.topics import find_topics
from dynamail.contacts.catalog import CatalogError, list_attributes
from dynamail.contacts.fetching.taking import start_first_import
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.findings import FINDINGS, export_findings
from dynamail.contacts.importing.mapping import Target
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.statement import Merging, Options
from dynamail.contacts.importing.steps import (
    cancel_import,
    list_imports,
    list_reject_reasons,
    read_anew,
    set_mapping,
    start_check,
    upload_file,
)
from dynamail.contacts.importing.uploads import KEEP_DAYS, find_upload
from dynamail.contacts.models import ContactImport, Tag
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.imports import (
    ConsentForm,
    ReadingForm,
    UploadForm,
    list_column_choices,
    list_targets,
    read_mapping,
)
from dynamail.web.import_files import answer_csv, answer_rejects, describe_reading, get_import, list_findings
from dynamail.web.views.contacts import list_tabs

State = ContactImport.State
edits = needs(Permission.EDIT_CONTACTS)


@needs(Permission.VIEW_CONTACTS)
@require_GET
def imports(request: PageRequest) -> HttpResponse:
    rows = [(row, Counts.from_json(row.counts.get("imported"))) for row in list_imports(request.account.pk)]
    context = {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, "contact_imports"),
        "rows": rows,
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
    }
    return render(request, "imports/list.html", context)


@edits
@require_http_methods(["GET", "POST"])
def new_import(request: PageRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            row = upload_file(
                request.account.pk, file.chunks(), file_name=file.name, by=request.user, now=utc_now()
            )
        except ImportProblem as problem:
            form.add_error("file", str(problem))
        else:
            return redirect("contact_import_mapping", row.public_id)
    context = _wizard(1) | {"page_title": _("Import contacts"), "form": form, "keep_days": KEEP_DAYS}
    return render(request, "imports/upload.html", context, status=422 if form.errors else 200)


@edits
@require_http_methods(["GET", "POST"])
def map_columns(request: PageRequest, import_id: str) -> HttpResponse:
    row = _get_import(request, import_id)
    if row.state not in (State.UPLOADED, State.CHECKED):
        return redirect("contact_import", import_id)
    mapping, problem = row.mapping, ""
    if request.method == "POST":
        mapping = read_mapping(row, request.POST)
        try:
            set_mapping(row, mapping, by=request.user, now=utc_now())
        except ImportProblem as error:
            problem = str(error)
        else:
            return redirect("contact_import_consent", import_id)
    return _render_mapping(request, row, mapping, problem)


@edits
@require_POST
def preview_mapping(request: PageRequest, import_id: str) -> HttpResponse:
    """The columns with their samples judged anew while a member chooses. Nothing is saved."""
    row = _get_import(request, import_id)
    return render(
        request, "imports/_columns.html", _mapping_context(request, row, read_mapping(row, request.POST))
    )


@edits
@require_POST
def reread_file(request: PageRequest, import_id: str) -> HttpResponse:
    row = _get_import(request, import_id)
    form = ReadingForm(request.POST)
    if form.is_valid():
        try:
            read_anew(row, **form.cleaned_data)
        except ImportProblem as problem:
            return _render_mapping(request, _get_import(request, import_id), row.mapping, str(problem))
    return redirect("contact_import_mapping", import_id)


@edits
@require_http_methods(["GET", "POST"])
def state_consent(request: PageRequest, import_id: str) -> HttpResponse:
    row = _get_import(request, import_id)
    if row.state not in (State.UPLOADED, State.CHECKED):
        return redirect("contact_import", import_id)
    form = ConsentForm(request.POST or None, topics=find_topics(request.account), row=row)
    if request.method == "POST" and form.is_valid():
        try:
            start_check(row, form.make_options(), by=request.user, now=utc_now())
        except ImportProblem as problem:
            form.add_error(None, str(problem))
        else:
            return redirect("contact_import", import_id)
    tags = Tag.objects.for_account(request.account).order_by("name").values_list("name", flat=True)[:200]
    context = _wizard(3) | {"page_title": row.file_name, "form": form, "row": row, "tag_names": tags}
    return render(request, "imports/consent.html", context, status=422 if form.errors else 200)


@needs(Permission.VIEW_CONTACTS)
@never_cache
@require_GET
def show_import(request: PageRequest, import_id: str) -> HttpResponse:
    """Where the import is: progress of the dry run, its counts, progress of the import, its result."""
    row = _get_import(request, import_id)
    if row.state == State.UPLOADED and request.member.may(Permission.EDIT_CONTACTS) and not row.problem:
        return redirect("contact_import_mapping", import_id)
    if request.htmx and request.GET.get("state") != row.state:
        return HttpResponse(
            status=204, headers={"HX-Refresh": "true"}
        )  # heading and steps change with the state
    context = _result_context(request, row)
    return render(request, "imports/_result.html" if request.htmx else "imports/result.html", context)


@edits
@require_POST
def begin_import(request: PageRequest, import_id: str) -> HttpResponse:
    try:
        start_first_import(_get_import(request, import_id), by=request.user, now=utc_now())
    except (ImportProblem, CatalogError) as problem:
        messages.error(request, str(problem))
    return redirect("contact_import", import_id)


@edits
@require_POST
def stop_import(request: PageRequest, import_id: str) -> HttpResponse:
    row = _get_import(request, import_id)
    cancel_import(row, by=request.user, now=utc_now())
    row.refresh_from_db()
    if row.state == State.CANCELED and not row.file_path:
        messages.info(request, _("The file was removed; nobody was imported."))
        return redirect("contact_imports")
    return redirect("contact_import", import_id)


@edits
@require_GET
def download_findings(request: PageRequest, import_id: str, finding: str) -> StreamingHttpResponse:
    """The rows of the file in which this was noticed, with what was probably meant."""
    row = _get_import(request, import_id)
    if finding not in FINDINGS or Target.EMAIL not in row.mapping:
        raise Http404
    try:
        find_upload(row)
    except ImportProblem:
        raise Http404 from None
    return answer_csv(export_findings(row, Finding(finding)), f"{finding}-{row.public_id}.csv")


@edits
@require_GET
def download_rejects(request: PageRequest, import_id: str) -> StreamingHttpResponse:
    row = _get_import(request, import_id)
    return answer_rejects(row)


def _render_mapping(
    request: PageRequest, row: ContactImport, mapping: list[str], problem: str
) -> HttpResponse:
    context = (
        _wizard(2)
        | _mapping_context(request, row, mapping)
        | {"page_title": row.file_name, "problem": problem}
    )
    context |= describe_reading(row, has_header=Options.from_json(row.options).has_header)
    return render(request, "imports/mapping.html", context, status=422 if problem else 200)


def _mapping_context(request: PageRequest, row: ContactImport, mapping: list[str]) -> dict[str, Any]:
    attributes = list_attributes(request.account.pk)
    return {
        "row": row,
        "columns": list_column_choices(row, mapping, attributes),
        "targets": list_targets(attributes),
        "has_email": Target.EMAIL in mapping,
    }


def _result_context(request: PageRequest, row: ContactImport) -> dict[str, Any]:
    name = (
        "imported"
        if row.state in (State.RUNNING, State.FINISHED, State.CANCELED, State.FAILED)
        else "checked"
    )
    counts = Counts.from_json(row.counts.get(name))
    options = Options.from_json(row.options)
    over = row.state not in (State.CHECKING, State.RUNNING)
    step = {State.CHECKING: 4, State.CHECKED: 4, State.UPLOADED: 4}.get(State(row.state), 5)
    statement = options.statement
    return _wizard(step, done=row.state == State.FINISHED) | {
        "page_title": row.file_name,
        "row": row,
        "work": row.work,
        "counts": counts,
        "reasons": list_reject_reasons(row) if over and counts.invalid else [],
        "has_rejects": over and counts.invalid and row.file_path,
        "topic": next(
            (one for one in find_topics(request.account) if statement and one.pk == statement.topic_id), None
        ),
        "statement": statement,
        "findings": list_findings(row, counts, options) if over else [],
        "merging": Merging(options.merging).label,
        "tags": options.tags,
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
        "list_url": reverse("contacts") + f"?import={row.public_id}",
        "keep_days": KEEP_DAYS,
    }


def _wizard(step: int, *, done: bool = False) -> dict[str, Any]:
    return {
        "steps": [_("File"), _("Columns"), _("Consent"), _("Check"), _("Import")],
        "step": 6 if done else step,
        "crumbs": [
            {"title": _("Contacts"), "url": reverse("contacts")},
            {"title": _("Imports"), "url": reverse("contact_imports")},
        ],
    }


def _get_import(request: PageRequest, import_id: str) -> ContactImport:
    return get_import(request, import_id, ContactImport.Subject.CONTACTS)


urlpatterns: list[URLPattern] = [
    path("contacts/imports/", imports, name="contact_imports"),
    path("contacts/imports/new/", new_import, name="contact_import_new"),
    path("contacts/imports/<str:import_id>/", show_import, name="contact_import"),
    path("contacts/imports/<str:import_id>/columns/", map_columns, name="contact_import_mapping"),
    path("contacts/imports/<str:import_id>/columns/preview/", preview_mapping, name="contact_import_preview"),
    path("contacts/imports/<str:import_id>/reading/", reread_file, name="contact_import_reading"),
    path("contacts/imports/<str:import_id>/consent/", state_consent, name="contact_import_consent"),
    path("contacts/imports/<str:import_id>/start/", begin_import, name="contact_import_start"),
    path("contacts/imports/<str:import_id>/cancel/", stop_import, name="contact_import_cancel"),
    path(
        "contacts/imports/<str:import_id>/findings/<str:finding>.csv",
        download_findings,
        name="contact_import_findings",
    ),
    path("contacts/imports/<str:import_id>/rejected.csv", download_rejects, name="contact_import_rejects"),
]
