"""What programs asked of the API and were told: found by status, path, key and time, one shown with its masked body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from dynamail.accounts.api_keys import list_api_keys
from dynamail.accounts.models import ApiKey, ApiRequest
from dynamail.accounts.request_log import RequestFilter, find_request, is_status, list_requests
from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.messages.email_log import find_email
from dynamail.web.access import PageRequest, needs
from dynamail.web.periods import CHOICES, Period
from dynamail.web.settings_tabs import list_developer_tabs

PAGE_SIZE = 50
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "SMTP")
STATUSES = (
    ("", gettext_lazy("All")),
    ("2xx", gettext_lazy("Went well")),
    ("4xx", gettext_lazy("Refused")),
    ("5xx", gettext_lazy("Failed")),
)


@dataclass(frozen=True)
class Line:
    """A request as the list shows it."""

    row: ApiRequest
    key_name: str
    tone: str


@dataclass(frozen=True)
class Wanted:
    """The filter as the page's address says it: `values` are the fields that narrow."""

    filters: RequestFilter
    values: dict[str, str]

    def url(self, **more: str) -> str:
        query = {name: value for name, value in (self.values | more).items() if value}
        return reverse("api_requests") + ("?" + urlencode(query) if query else "")


@needs(Permission.MANAGE_API_KEYS)
@require_GET
def api_requests(request: PageRequest) -> HttpResponse:
    wanted, names = _read_wanted(request), _name_keys(request.account.pk)
    before = _read_cursor(request.GET.get("before", ""))
    rows = list_requests(request.account.pk, filters=wanted.filters, before=before, limit=PAGE_SIZE + 1)
    shown = rows[:PAGE_SIZE]
    more = len(rows) > PAGE_SIZE
    context = {
        "page_title": _("Requests"),
        "tabs": list_developer_tabs(request, "api_requests"),
        "wanted": wanted,
        "lines": [Line(row, names.get(row.api_key_id or 0, ""), find_tone(row.status)) for row in shown],
        "is_new": not shown and not wanted.values and before is None,
        "is_live": before is None,
        "live_url": wanted.url(live="1"),
        "next_url": wanted.url(before=shown[-1].public_id) if more else "",
        "first_url": wanted.url() if before is not None else "",
        "statuses": [
            (value, label, wanted.url(status=value), value == wanted.values.get("status", ""))
            for value, label in STATUSES
        ],
        "methods": METHODS,
        "keys": list_api_keys(request.account.pk),
        "periods": CHOICES,
    }
    if not request.htmx or request.htmx.boosted:
        return render(request, "requests/list.html", context)
    if "new" in request.GET:  # an open page without requests asks for the first
        return HttpResponse(status=204, headers={"HX-Refresh": "true"} if shown else {})
    response = render(request, "requests/_list.html", context)
    if "live" not in request.GET:
        response["HX-Push-Url"] = wanted.url()  # without the empty fields of the form
    return response


def _read_wanted(request: PageRequest) -> Wanted:
    get = {name: value.replace("\x00", "").strip()[:200] for name, value in request.GET.dict().items()}
    period = Period.read(get, now=utc_now(), zone=timezone.get_current_timezone())
    key = _find_key(request, get.get("key", ""))
    status = get.get("status", "")
    method = get.get("method", "")
    values = {
        "q": get.get("q", ""),
        "status": status if is_status(status) else "",
        "method": method if method in METHODS else "",
        "key": key.public_id if key else "",
        **period.values,
    }
    filters = RequestFilter(
        status=values["status"],
        method=values["method"],
        key_id=key.pk if key else None,
        since=period.since,
        until=period.until,
        search=values["q"],
    )
    return Wanted(filters, {name: value for name, value in values.items() if value})


def _find_key(request: PageRequest, public_id: str) -> ApiKey | None:
    try:
        uid = ApiKey.uid_from(public_id)
    except UnknownId:
        return None
    return ApiKey.objects.for_account(request.account).filter(uid=uid).first()


def _name_keys(account_id: int) -> dict[int, str]:
    return dict(ApiKey.objects.for_account(account_id).values_list("pk", "name"))


def find_tone(status: int) -> str:
    return "success" if status < 400 else "warning" if status < 500 else "error"


def _read_cursor(text: str) -> Any:
    try:
        return from_public_id("req", text) if text else None
    except UnknownId:
        return None


@needs(Permission.MANAGE_API_KEYS)
@require_GET
def api_request(request: PageRequest, request_id: str) -> HttpResponse:
    row = find_request(request.account.pk, request_id)
    if row is None:
        raise Http404
    body = row.body if isinstance(row.body, dict) else {}
    context = {
        "page_title": f"{row.method} {row.path}".strip() or row.door,
        "crumbs": [{"title": _("Requests"), "url": reverse("api_requests")}],
        "row": row,
        "tone": find_tone(row.status),
        "key": ApiKey.objects.for_account(request.account).filter(pk=row.api_key_id).first(),
        "errors": body.get("errors", []),
        "sent": json.dumps(body["request"], ensure_ascii=False, indent=2) if "request" in body else "",
        "email_url": _find_email_url(request, row),
    }
    return render(request, "requests/request.html", context)


def _find_email_url(request: PageRequest, row: ApiRequest) -> str:
    if row.subject_id is None or not request.member.may(Permission.VIEW_MAILBOX):
        return ""
    if find_email(request.account.pk, row.subject_id) is None:
        return ""
    return reverse("message", args=[to_public_id("eml", row.subject_id)])


urlpatterns: list[URLPattern] = [
    path("developers/requests/", api_requests, name="api_requests"),
    path("developers/requests/<str:request_id>/", api_request, name="api_request"),
]
