"""The Mailbox: what the capture transport kept. One for each account, one for the system's own mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.roles import Permission
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.senders.capture import SYSTEM_ACCOUNT
from dynamail.senders.mailbox import PAGE_SIZE, clear_mailbox, get_captured, list_captured, read_captured
from dynamail.senders.models import CapturedMessage, Transport
from dynamail.web.access import needs, public_page

# A message is its own document: no script, no form, no request to another host; links open in a new tab.
MESSAGE_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'self'"
)
OPEN_LINKS_OUTSIDE = '<base target="_blank" rel="noopener">'


@dataclass(frozen=True)
class Box:
    """Whose Mailbox, and the names of its routes."""

    account_id: int
    list_route: str
    message_route: str
    document_route: str
    is_system: bool = False


def _account_box(request: Any) -> Box:
    return Box(request.account.pk, "mailbox", "mailbox_message", "mailbox_document")


SYSTEM_BOX = Box(
    SYSTEM_ACCOUNT, "system_mailbox", "system_mailbox_message", "system_mailbox_document", is_system=True
)


@needs(Permission.VIEW_MAILBOX)
@require_GET
def show_mailbox(request: Any) -> HttpResponse:
    return _show_list(request, _account_box(request))


@needs(Permission.VIEW_MAILBOX)
@require_GET
def show_message(request: Any, message: str) -> HttpResponse:
    return _show_message(request, _account_box(request), message)


@needs(Permission.VIEW_MAILBOX)
@require_GET
def show_document(request: Any, message: str) -> HttpResponse:
    return _show_document(_account_box(request), message)


@needs(Permission.MANAGE_DELIVERY)
@require_POST
def empty_mailbox(request: Any) -> HttpResponse:
    deleted = clear_mailbox(request.account.pk)
    record_audit(request.account.pk, by=request.member, action="mailbox.cleared", deleted=deleted)
    messages.success(request, ngettext("%d message deleted.", "%d messages deleted.", deleted) % deleted)
    return redirect("mailbox")


@public_page
@require_GET
def show_system_mailbox(request: HttpRequest) -> HttpResponse:
    if refusal := _refuse_stranger(request):
        return refusal
    with account_scope(SYSTEM_ACCOUNT):
        return _show_list(request, SYSTEM_BOX)


@public_page
@require_GET
def show_system_message(request: HttpRequest, message: str) -> HttpResponse:
    if refusal := _refuse_stranger(request):
        return refusal
    with account_scope(SYSTEM_ACCOUNT):
        return _show_message(request, SYSTEM_BOX, message)


@public_page
@require_GET
def show_system_document(request: HttpRequest, message: str) -> HttpResponse:
    if refusal := _refuse_stranger(request):
        return refusal
    with account_scope(SYSTEM_ACCOUNT):
        return _show_document(SYSTEM_BOX, message)


def _refuse_stranger(request: HttpRequest) -> HttpResponse | None:
    """The system's mail holds password-reset links: the operator's alone, or open on a loopback address if so set."""
    if settings.OPEN_SYSTEM_MAILBOX or request.user.is_staff:  # type: ignore[union-attr]
        return None
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    raise Http404


def _show_list(request: HttpRequest, box: Box) -> HttpResponse:
    search = request.GET.get("q", "").strip()[:200]
    rows = list_captured(box.account_id, search=search, before=_read_cursor(request.GET.get("before", "")))
    shown, more = rows[:PAGE_SIZE], len(rows) > PAGE_SIZE
    context = {
        "page_title": _("System mail") if box.is_system else _("Mailbox"),
        "box": box,
        "search": search,
        "rows": [(row, reverse(box.message_route, args=[row.public_id])) for row in shown],
        "next_url": "?" + urlencode({"q": search, "before": shown[-1].public_id}) if more else "",
        "is_later_page": bool(request.GET.get("before")),
        "list_url": reverse(box.list_route),
        "relay": None
        if box.is_system
        else Transport.objects.for_account(box.account_id).filter(is_default=True).first(),
    }
    template = "mailbox/_rows.html" if request.headers.get("HX-Request") else _page(box, "list")
    return render(request, template, context)


def _show_message(request: HttpRequest, box: Box, public_id: str) -> HttpResponse:
    captured = _get(box, public_id)
    read = read_captured(captured)
    views = [("html", _("HTML"))] if read.html else []
    views += [("text", _("Text")), ("headers", _("Headers")), ("source", _("Source"))]
    wanted = request.GET.get("view", "")
    chosen = wanted if wanted in dict(views) else views[0][0]
    context = {
        "page_title": captured.subject or _("(no subject)"),
        "crumbs": [{"title": _("Mailbox"), "url": reverse(box.list_route)}],
        "message": captured,
        "read": read,
        "view": chosen,
        "tabs": [{"title": title, "url": f"?view={name}", "active": name == chosen} for name, title in views],
        "document_url": reverse(box.document_route, args=[public_id]),
        "is_system": box.is_system,
    }
    return render(request, _page(box, "message"), context)


def _show_document(box: Box, public_id: str) -> HttpResponse:
    html = read_captured(_get(box, public_id)).html
    response = HttpResponse(OPEN_LINKS_OUTSIDE + html)
    response["Content-Security-Policy"] = MESSAGE_POLICY
    return response


def _page(box: Box, name: str) -> str:
    return f"mailbox/system_{name}.html" if box.is_system else f"mailbox/{name}.html"


def _get(box: Box, public_id: str) -> CapturedMessage:
    try:
        captured = get_captured(box.account_id, from_public_id("cap", public_id))
    except UnknownId:
        captured = None
    if captured is None:
        raise Http404
    return captured


def _read_cursor(text: str) -> Any:
    try:
        return from_public_id("cap", text) if text else None
    except UnknownId:
        return None


urlpatterns = [
    path("mailbox/", show_mailbox, name="mailbox"),
    path("mailbox/clear/", empty_mailbox, name="mailbox_clear"),
    path("mailbox/system/", show_system_mailbox, name="system_mailbox"),
    path("mailbox/system/<str:message>/", show_system_message, name="system_mailbox_message"),
    path("mailbox/system/<str:message>/document/", show_system_document, name="system_mailbox_document"),
    path("mailbox/<str:message>/", show_message, name="mailbox_message"),
    path("mailbox/<str:message>/document/", show_document, name="mailbox_document"),
]
