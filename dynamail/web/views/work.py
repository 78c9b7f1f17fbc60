"""Long work: the list, one piece's progress (polled while it runs), canceling it, and the corner of every page."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.background import list_recent_work, request_cancel
from dynamail.accounts.models import BackgroundWork, Member
from dynamail.accounts.roles import Permission
from dynamail.contacts.undoing import may_undo, queue_undo
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId
from dynamail.segments.exporting import KIND as EXPORT
from dynamail.segments.exporting import fetch_export, read_wanted
from dynamail.web.access import PageRequest, member_page, needs


@member_page
@require_GET
def work(request: PageRequest) -> HttpResponse:
    rows = list_recent_work(request.account.pk)
    context = {
        "works": [(row, may_cancel(request.member, row)) for row in rows],
        "page_title": _("Work in progress"),
    }
    return render(request, "work/list.html", context)


@member_page
@never_cache
@require_GET
def tray(request: PageRequest) -> HttpResponse:
    """The corner of every page, by itself."""
    return render(request, "components/tray.html")


@member_page
@never_cache
@require_GET
def progress(request: PageRequest, work_id: str) -> HttpResponse:
    """One piece: a part for pages that poll, a page for people. When it is over, the part stops asking and says so."""
    row = _get_work(request, work_id)
    context = {
        "work": row,
        "may_cancel": may_cancel(request.member, row),
        "may_undo": may_undo(row, now=utc_now()) and request.member.may(Permission.EDIT_CONTACTS),
        "page_title": row.title,
    }
    if not request.htmx:
        return render(request, "work/one.html", context)
    response = render(request, "work/_progress.html", context)
    if row.is_over:
        response["HX-Trigger"] = "work-finished"
    return response


@needs(Permission.EXPORT_CONTACTS)
@never_cache
@require_GET
def file(request: PageRequest, work_id: str) -> HttpResponseBase:
    """The file that an export wrote; it is kept for a week."""
    row = _get_work(request, work_id)
    if row.kind != EXPORT:
        raise Http404
    path_ = fetch_export(row, by=request.member, now=utc_now())
    if path_ is None:
        messages.info(request, _("This file is not kept any more. Export it again."))
        return redirect("work_progress", work_id=work_id)
    name = f"{read_wanted(row).what}-{row.created_at:%Y-%m-%d}.csv"
    return FileResponse(
        path_.open("rb"), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8"
    )


@member_page
@require_POST
def cancel(request: PageRequest, work_id: str) -> HttpResponse:
    row = _get_work(request, work_id)
    if not may_cancel(request.member, row):
        return render(request, "web/403.html", status=403)
    if request_cancel(row, now=utc_now()):
        record_audit(
            request.account.pk, by=request.member, action="work.canceled", subject=row, title=row.title
        )
    row.refresh_from_db()
    if request.htmx:
        return render(request, "work/_progress.html", {"work": row, "may_cancel": True})
    messages.info(request, _("It stops at its next step. What is done stays done."))
    return redirect("work_progress", work_id=work_id)


@needs(Permission.EDIT_CONTACTS)
@require_POST
def undo(request: PageRequest, work_id: str) -> HttpResponse:
    """Take a change of many contacts back, as work of its own."""
    row = _get_work(request, work_id)
    undoing = queue_undo(row, by=request.user, now=utc_now())
    if undoing is None:
        messages.info(request, _("This cannot be taken back any more."))
        return redirect("work_progress", work_id=work_id)
    return redirect("work_progress", work_id=undoing.public_id)


def may_cancel(member: Member, row: BackgroundWork) -> bool:
    """Who started it, and who manages the account."""
    return row.created_by_id == member.user_id or member.may(Permission.MANAGE_ACCOUNT)


def _get_work(request: PageRequest, work_id: str) -> BackgroundWork:
    try:
        return BackgroundWork.objects.for_account(request.account).get(uid=BackgroundWork.uid_from(work_id))
    except (UnknownId, BackgroundWork.DoesNotExist):
        raise Http404 from None


urlpatterns: list[URLPattern] = [
    path("work/", work, name="work"),
    path("work/tray/", tray, name="work_tray"),
    path("work/<str:work_id>/", progress, name="work_progress"),
    path("work/<str:work_id>/file/", file, name="work_file"),
    path("work/<str:work_id>/undo/", undo, name="work_undo"),
    path("work/<str:work_id>/cancel/", cancel, name="work_cancel"),
]
