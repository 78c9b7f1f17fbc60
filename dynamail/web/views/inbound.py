"""Incoming mail: what people wrote, and where they may write to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.inbound.addressing import (
    add_address,
    add_domain,
    find_proof,
    note_proof,
    proof_name,
    remove_address,
    remove_domain,
    write_address,
)
from dynamail.inbound.errors import InboundError
from dynamail.inbound.listing import (
    PREFIX,
    InboundFilter,
    find_received,
    list_addresses,
    list_domains,
    list_received,
)
from dynamail.inbound.models import InboundAddress, InboundDomain, ReceivedMessage
from dynamail.inbound.reading import find_files, find_new_text, read_parts_of
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.protocols.dns import Resolver
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.inbound import InboundAddressForm, InboundDomainForm
from dynamail.web.lookup import get_row
from dynamail.web.settings_tabs import list_developer_tabs

PAGE_SIZE = 50
QUESTION_SECONDS = 5.0
# A stranger's document: no script, no form, no request to any host, ours included; links open in a new tab.
DOCUMENT_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)
OPEN_LINKS_OUTSIDE = '<base target="_blank" rel="noopener noreferrer">'
TONES = {"pass": "success", "fail": "error", "neutral": "neutral", "none": "neutral", "unknown": "warning"}
VIEWS: dict[str, Any] = {
    "reply": gettext_lazy("Answer"),
    "text": gettext_lazy("Text"),
    "html": gettext_lazy("HTML"),
    "headers": gettext_lazy("Headers"),
    "source": gettext_lazy("Source"),
}
manages = needs(Permission.MANAGE_DELIVERY)


@dataclass(frozen=True)
class VerdictLine:
    """A verdict with its tone."""

    name: str
    words: str
    tone: str


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_GET
def inbound(request: PageRequest) -> HttpResponse:
    account_id = request.account.pk
    search, replies = request.GET.get("q", "").strip()[:200], request.GET.get("show") == "replies"
    before = _read_cursor(request.GET.get("before", ""))
    filters = InboundFilter(search=search, replies_only=replies)
    rows = list_received(account_id, filters=filters, before=before, limit=PAGE_SIZE + 1)
    shown, more = rows[:PAGE_SIZE], len(rows) > PAGE_SIZE
    query = {"q": search, "show": "replies" if replies else ""}
    context = {
        "page_title": _("Inbound"),
        "tabs": list_developer_tabs(request, "inbound"),
        "rows": shown,
        "search": search,
        "replies": replies,
        "is_new": not rows and not search and not replies and before is None,
        "has_place": bool(list_addresses(account_id) or list_domains(account_id)),
        "next_url": _write_query(query | {"before": shown[-1].public_id}) if more else "",
        "first_url": _write_query(query) if before is not None else "",
        "listens": bool(settings.REPORTS_PORT),
    }
    return render(request, "inbound/list.html", context)


@manages
@require_GET
def inbound_message(request: PageRequest, received: str) -> HttpResponse:
    row = _get_received(request, received)
    read = read_parts_of(bytes(row.raw)) if row.raw is not None else None
    reply = find_new_text(read.text) if read else ""
    names = [name for name in VIEWS if read and (name != "html" or read.html) and (name != "reply" or reply)]
    chosen = request.GET.get("view", "")
    chosen = chosen if chosen in names else (names[0] if names else "")
    context = {
        "page_title": row.subject or _("(no subject)"),
        "crumbs": [{"title": _("Inbound"), "url": reverse("inbound")}],
        "row": row,
        "read": read,
        "reply": reply,
        "view": chosen,
        "tabs": [{"title": VIEWS[name], "url": f"?view={name}", "active": name == chosen} for name in names],
        "verdicts": [_describe_verdict(row, name) for name in ("spf", "dkim", "dmarc")],
        "files": list(enumerate(row.attachments)),
        "answered_url": _find_answered_url(row),
    }
    return render(request, "inbound/message.html", context)


@manages
@require_GET
def inbound_document(request: PageRequest, received: str) -> HttpResponse:
    row = _get_received(request, received)
    html = read_parts_of(bytes(row.raw)).html if row.raw is not None else ""
    response = HttpResponse(OPEN_LINKS_OUTSIDE + html)
    response["Content-Security-Policy"] = DOCUMENT_POLICY
    return response


@manages
@require_GET
def inbound_file(request: PageRequest, received: str, number: int) -> HttpResponse:
    """Always as a file to keep, whatever it says to be."""
    row = _get_received(request, received)
    files = find_files(bytes(row.raw)) if row.raw is not None else []
    if number >= len(files):
        raise Http404
    name = files[number].filename or "file"
    response = HttpResponse(files[number].content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


# ── Addresses and domains ────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_http_methods(["GET", "POST"])
def inbound_addresses(request: PageRequest) -> HttpResponse:
    """Lists both; each of its two forms makes one of them."""
    is_domain = "domain" in request.POST
    address_form = InboundAddressForm(request.POST if request.method == "POST" and not is_domain else None)
    domain_form = InboundDomainForm(request.POST if is_domain else None)
    form = domain_form if is_domain else address_form
    if request.method == "POST" and form.is_valid():
        try:
            name = _create(request, form.cleaned_data, is_domain=is_domain)
        except InboundError as error:
            form.add_error("domain" if is_domain else "name", str(error))
        else:
            messages.success(request, _("%s is in the list.") % name)
            return redirect("inbound_addresses")
    account_id = request.account.pk
    context = {
        "page_title": _("Addresses for incoming mail"),
        "crumbs": [{"title": _("Inbound"), "url": reverse("inbound")}],
        "addresses": [(row, write_address(row)) for row in list_addresses(account_id)],
        "domains": [(row, proof_name(row)) for row in list_domains(account_id)],
        "address_form": address_form,
        "domain_form": domain_form,
        "server": settings.HELO_NAME,
        "listens": bool(settings.REPORTS_PORT),
    }
    return render(request, "inbound/addresses.html", context, status=422 if form.errors else 200)


@manages
@require_POST
def inbound_address_remove(request: PageRequest, inbound_address: str) -> HttpResponse:
    row = get_row(InboundAddress, request, inbound_address)
    name = write_address(row)
    remove_address(row, by=request.member)
    messages.success(request, _("%s takes no mail any more.") % name)
    return redirect("inbound_addresses")


@manages
@require_POST
def inbound_domain_check(request: PageRequest, inbound_domain: str) -> HttpResponse:
    row = get_row(InboundDomain, request, inbound_domain)
    resolver = Resolver(settings.DNS_SERVERS, timeout=QUESTION_SECONDS / 2, lifetime=QUESTION_SECONDS)
    is_proved = async_to_sync(find_proof)(row, resolver)
    try:
        note_proof(row, is_proved=bool(is_proved), by=request.member, now=utc_now())
    except InboundError as error:
        messages.error(request, str(error))
        return redirect("inbound_addresses")
    if row.verified_at is not None:
        messages.success(request, _("%s is verified.") % row.name)
    elif is_proved is None:
        messages.error(request, _("The DNS does not answer. Try again in a minute."))
    else:
        messages.error(
            request, _("The TXT record is not there yet. New records may take an hour to be seen.")
        )
    return redirect("inbound_addresses")


@manages
@require_POST
def inbound_domain_remove(request: PageRequest, inbound_domain: str) -> HttpResponse:
    row = get_row(InboundDomain, request, inbound_domain)
    remove_domain(row, by=request.member)
    messages.success(request, _("%s takes no mail any more.") % row.name)
    return redirect("inbound_addresses")


def _create(request: PageRequest, said: dict[str, str], *, is_domain: bool) -> str:
    """Raises InboundError."""
    account_id = request.account.pk
    if is_domain:
        return add_domain(account_id, name=said["domain"], by=request.member, now=utc_now()).name
    return write_address(add_address(account_id, name=said["name"], note=said["note"], by=request.member))


def _describe_verdict(row: ReceivedMessage, name: str) -> VerdictLine:
    words = ReceivedMessage.Verdict(getattr(row, name)).label
    return VerdictLine(name.upper(), str(words), TONES[getattr(row, name)])


def _find_answered_url(row: ReceivedMessage) -> str:
    if row.email_id is None:
        return ""
    return reverse("message", args=[to_public_id("eml", row.email_id)])


def _get_received(request: PageRequest, public_id: str) -> ReceivedMessage:
    row = find_received(request.account.pk, public_id)
    if row is None:
        raise Http404
    return row


def _read_cursor(text: str) -> Any:
    try:
        return from_public_id(PREFIX, text) if text else None
    except UnknownId:
        return None


def _write_query(values: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in values.items() if value})


urlpatterns: list[URLPattern] = [
    path("developers/inbound/", inbound, name="inbound"),
    path("developers/inbound/addresses/", inbound_addresses, name="inbound_addresses"),
    path(
        "developers/inbound/addresses/<str:inbound_address>/remove/",
        inbound_address_remove,
        name="inbound_address_remove",
    ),
    path(
        "developers/inbound/domains/<str:inbound_domain>/check/",
        inbound_domain_check,
        name="inbound_domain_check",
    ),
    path(
        "developers/inbound/domains/<str:inbound_domain>/remove/",
        inbound_domain_remove,
        name="inbound_domain_remove",
    ),
    path("developers/inbound/<str:received>/", inbound_message, name="inbound_message"),
    path("developers/inbound/<str:received>/document/", inbound_document, name="inbound_document"),
    path("developers/inbound/<str:received>/files/<int:number>/", inbound_file, name="inbound_file"),
]
