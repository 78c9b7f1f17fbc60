"""The first steps of bringing in a file, which are the same whatever its rows are: suppressions or events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.forms import BaseForm
from django.http import HttpResponse
from django.shortcuts import redirect, render

from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.uploads import KEEP_DAYS
from dynamail.contacts.models import ContactImport
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest
from dynamail.web.forms.imports import ReadingForm, UploadForm, read_mapping
from dynamail.web.import_files import get_import

RECENT = 10  # imports beside the form
Form = TypeVar("Form", bound=BaseForm)


@dataclass(frozen=True)
class ImportKind:
    """What imports of one subject differ in. The page of an import is the route `name`, its columns are at `<name>_columns`."""

    subject: ContactImport.Subject
    name: str
    upload_template: str
    upload: Callable[..., ContactImport]
    read_anew: Callable[..., None]
    list_recent: Callable[..., Sequence[ContactImport]]

    def get(self, request: PageRequest, import_id: str) -> ContactImport:
        """Raises Http404."""
        return get_import(request, import_id, self.subject)


def take_file(request: PageRequest, kind: ImportKind, wizard: dict[str, Any], title: str) -> HttpResponse:
    """Step one: the upload, with the latest imports below it."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            row = kind.upload(
                request.account.pk, file.chunks(), file_name=file.name, by=request.user, now=utc_now()
            )
        except ImportProblem as problem:
            form.add_error("file", str(problem))
        else:
            return redirect(f"{kind.name}_columns", row.public_id)
    recent = kind.list_recent(request.account.pk, limit=RECENT)
    context = wizard | {
        "page_title": title,
        "form": form,
        "keep_days": KEEP_DAYS,
        "page_of_import": kind.name,
        "rows": [(row, Counts.from_json(row.counts.get("imported"))) for row in recent],
    }
    return render(request, kind.upload_template, context, status=422 if form.errors else 200)


def choose_columns(
    request: PageRequest,
    kind: ImportKind,
    import_id: str,
    make_form: Callable[..., Form],
    start: Callable[[ContactImport, list[str], Form], None],
    render_columns: Callable[[PageRequest, ContactImport, list[str], Form, str], HttpResponse],
) -> HttpResponse:
    """Step two: what each column is, and `start` when that can be taken; what cannot comes back as it was entered."""
    row = kind.get(request, import_id)
    if row.state != ContactImport.State.UPLOADED:
        return redirect(kind.name, import_id)
    form = make_form(request.POST or None, row=row)
    mapping, problem = row.mapping, ""
    if request.method == "POST":
        mapping = read_mapping(row, request.POST)
        if form.is_valid():
            try:
                start(row, mapping, form)
            except ImportProblem as error:
                problem = str(error)
            else:
                return redirect(kind.name, import_id)
    return render_columns(request, row, mapping, form, problem)


def reread_file(
    request: PageRequest,
    kind: ImportKind,
    import_id: str,
    render_problem: Callable[[ContactImport, str], HttpResponse],
) -> HttpResponse:
    """The file read by another encoding or separator; what cannot be read that way leaves everything as it was."""
    row = kind.get(request, import_id)
    form = ReadingForm(request.POST)
    if form.is_valid():
        try:
            kind.read_anew(row, **form.cleaned_data)
        except ImportProblem as problem:
            return render_problem(kind.get(request, import_id), str(problem))
    return redirect(f"{kind.name}_columns", import_id)
