"""The catalogue of attributes: coverage, where each is used, another type after a dry run, the archive."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import BackgroundWork
from dynamail.accounts.roles import Permission
from dynamail.contacts.catalog import (
    CatalogError,
    archive_attribute,
    change_attribute,
    create_attribute,
    list_attributes,
    measure_coverage,
    restore_attribute,
)
from dynamail.contacts.changing_types import (
    CHECK_KIND,
    NewType,
    check_new_type,
    count_aside,
    export_aside,
    forget_aside,
    queue_change,
    queue_check,
)
from dynamail.contacts.models import Attribute
from dynamail.lib.clock import utc_now
from dynamail.web.access import PageRequest, needs
from dynamail.web.attribute_uses import list_attribute_uses
from dynamail.web.forms.catalog import AttributeForm, NewTypeForm
from dynamail.web.lookup import get_row
from dynamail.web.views.catalog import make_page, render_form

views = needs(Permission.VIEW_CONTACTS)
edits = needs(Permission.EDIT_CONTACTS)


@views
@require_GET
def attributes(request: PageRequest) -> HttpResponse:
    account_id = request.account.pk
    coverage = measure_coverage(account_id)
    context = make_page(request, "attributes") | {
        "rows": [
            (row, coverage.filled.get(row.number, 0), coverage.percent(row.number))
            for row in list_attributes(account_id)
        ],
        "exact": coverage.exact,
        "archived": list_attributes(account_id, archived=True),
    }
    return render(request, "catalog/attributes.html", context)


@edits
@require_http_methods(["GET", "POST"])
def new_attribute(request: PageRequest) -> HttpResponse:
    form = AttributeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = create_attribute(request.account.pk, by=request.user, now=utc_now(), **form.cleaned_data)
        except CatalogError as error:
            form.add_error(
                "key" if error.code.startswith("key") or error.code == "bad_key" else None, str(error)
            )
        else:
            messages.success(request, _("“%s” was added.") % row.label)
            return redirect("attributes")
    return render_form(request, form, _("New attribute"), "attributes")


@edits
@require_http_methods(["GET", "POST"])
def edit_attribute(request: PageRequest, attribute_id: str) -> HttpResponse:
    row = get_row(Attribute, request, attribute_id)
    form = AttributeForm(request.POST or None, attribute=row)
    if request.method == "POST" and form.is_valid():
        choices = form.cleaned_data.get("choices", row.choices)
        try:
            change_attribute(
                row, label=form.cleaned_data["label"], choices=choices, by=request.user, now=utc_now()
            )
        except CatalogError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("attributes")
    context = make_page(request, "attributes") | {
        "page_title": row.label,
        "crumbs": _crumbs(),
        "tabs": None,
        "attribute": row,
        "form": form,
        "type_form": NewTypeForm(attribute=row),
        "uses": list_attribute_uses(row),
        "aside": count_aside(row),
    }
    return render(request, "catalog/attribute.html", context, status=422 if form.errors else 200)


@edits
@require_POST
def put_attribute_away(request: PageRequest, attribute_id: str) -> HttpResponse:
    """Archive, or take out of the archive."""
    row = get_row(Attribute, request, attribute_id)
    change = archive_attribute if row.archived_at is None else restore_attribute
    change(row, by=request.user, now=utc_now())
    return redirect("attributes")


# ── Another type ─────────────────────────────────────────────────────────────────────────────────────────────────────
@edits
@require_POST
def check_type(request: PageRequest, attribute_id: str) -> HttpResponse:
    """Start the dry run; its page waits for it."""
    row = get_row(Attribute, request, attribute_id)
    new = _read_new_type(request, row)
    if new is None:
        return redirect("attribute", attribute_id)
    work = queue_check(row, new, by=request.user, now=utc_now())
    return redirect("attribute_type", attribute_id, work.public_id)


@edits
@require_GET
def show_type_check(request: PageRequest, attribute_id: str, work_id: str) -> HttpResponse:
    """The dry run while it goes on, and what it found, with what a change would break."""
    row = get_row(Attribute, request, attribute_id)
    work = get_row(BackgroundWork, request, work_id)
    if work.kind != CHECK_KIND or work.subject_id != row.public_id:
        return redirect("attribute", attribute_id)
    found = work.result if work.state == BackgroundWork.State.FINISHED else {}
    context: dict[str, Any] = {
        "page_title": _("Another type for “%s”") % row.label,
        "crumbs": [*_crumbs(), {"title": row.label, "url": reverse("attribute", args=[row.public_id])}],
        "attribute": row,
        "work": work,
        "found": found,
        "new_type": dict(Attribute.Type.choices).get(work.result.get("type", ""), ""),
        "uses": list_attribute_uses(row),
    }
    return render(request, "catalog/type_check.html", context)


@edits
@require_POST
def change_type(request: PageRequest, attribute_id: str) -> HttpResponse:
    """After the dry run, with its word: `work`."""
    row = get_row(Attribute, request, attribute_id)
    work = get_row(BackgroundWork, request, request.POST.get("work", ""))
    if work.kind != CHECK_KIND or work.subject_id != row.public_id or "filled" not in work.result:
        messages.error(request, _("Check the values first."))
        return redirect("attribute", attribute_id)
    new = NewType(work.result["type"], tuple(work.result["choices"]))
    try:
        change = queue_change(row, new, by=request.user, now=utc_now())
    except CatalogError as error:
        messages.error(request, str(error))
        return redirect("attribute", attribute_id)
    return redirect("work_progress", change.public_id)


@needs(Permission.EXPORT_CONTACTS)
@require_GET
def download_aside(request: PageRequest, attribute_id: str) -> HttpResponseBase:
    """The values that did not fit, with whose they are."""
    row = get_row(Attribute, request, attribute_id)
    record_audit(
        request.account.pk,
        by=request.user,
        action="contacts.exported",
        subject=row,
        columns=["email", row.label],
    )
    response = StreamingHttpResponse(export_aside(row), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.key}-set-aside.csv"'
    return response


@edits
@require_POST
def drop_aside(request: PageRequest, attribute_id: str) -> HttpResponse:
    row = get_row(Attribute, request, attribute_id)
    dropped = forget_aside(row, by=request.user, now=utc_now())
    text = ngettext("%(count)s value dropped.", "%(count)s values dropped.", dropped)
    messages.success(request, text % {"count": dropped})
    return redirect("attribute", attribute_id)


def _read_new_type(request: PageRequest, row: Attribute) -> NewType | None:
    form = NewTypeForm(request.POST, attribute=row)
    try:
        if form.is_valid():
            return check_new_type(form.cleaned_data["type"], form.cleaned_data["choices"])
        messages.error(request, _("Choose a type."))
    except CatalogError as error:
        messages.error(request, str(error))
    return None


def _crumbs() -> list[dict[str, str]]:
    return [
        {"title": _("Contacts"), "url": reverse("contacts")},
        {"title": _("Attributes"), "url": reverse("attributes")},
    ]


urlpatterns: list[URLPattern] = [
    path("contacts/attributes/", attributes, name="attributes"),
    path("contacts/attributes/new/", new_attribute, name="attribute_new"),
    path("contacts/attributes/<str:attribute_id>/", edit_attribute, name="attribute"),
    path("contacts/attributes/<str:attribute_id>/archive/", put_attribute_away, name="attribute_archive"),
    path("contacts/attributes/<str:attribute_id>/check/", check_type, name="attribute_check"),
    path("contacts/attributes/<str:attribute_id>/type/", change_type, name="attribute_change_type"),
    path(
        "contacts/attributes/<str:attribute_id>/type/<str:work_id>/", show_type_check, name="attribute_type"
    ),
    path("contacts/attributes/<str:attribute_id>/aside/", download_aside, name="attribute_aside"),
    path("contacts/attributes/<str:attribute_id>/aside/drop/", drop_aside, name="attribute_aside_drop"),
]
