"""Sending domains: which DNS records to publish, and what was found of them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.lib.clock import utc_now
from dynamail.protocols.address import AddressError, parse_address
from dynamail.senders.domain_checks import UNKNOWN
from dynamail.senders.domain_names import iter_parents, write_domain_name
from dynamail.senders.domain_records import keep_until, list_records, read_installation_names
from dynamail.senders.domain_states import GRACE, is_being_checked, read_findings
from dynamail.senders.domains import (
    add_domain,
    change_labels,
    list_current_keys,
    list_retired_keys,
    list_senders_at,
    may_leave,
    remove_domain,
    rotate_keys,
    start_check,
)
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DkimKey, SendingDomain
from dynamail.web.access import PageRequest, needs
from dynamail.web.domain_words import RecordLook, describe_record, describe_state
from dynamail.web.forms.domains import DomainForm, HostNamesForm
from dynamail.web.lookup import get_row
from dynamail.web.settings_tabs import list_settings_tabs

manages = needs(Permission.MANAGE_DELIVERY)

# A campaign in one of these states still sends; its mail would leave unsigned.
SENDING_STATES = (
    CampaignState.SCHEDULED,
    CampaignState.LAUNCHING,
    CampaignState.RUNNING,
    CampaignState.PAUSED,
)


@dataclass(frozen=True)
class DomainLine:
    """A domain in the list."""

    domain: SendingDomain
    name: str
    label: str | Promise
    tone: str
    right: int
    total: int


@dataclass(frozen=True)
class RetiredKey:
    key: DkimKey
    until: Any
    may_go: bool


@manages
@require_GET
def list_domains(request: PageRequest) -> HttpResponse:
    if email := request.GET.get("sender"):
        return redirect(_find_page_for(request, email))
    domains = SendingDomain.objects.for_account(request.account).order_by("name")
    context = {
        "page_title": _("Settings"),
        "tabs": list_settings_tabs(request, "sending_domains"),
        "lines": [_line(domain) for domain in domains],
        "may_leave": may_leave(request.account.pk),
    }
    return render(request, "domains/list.html", context)


@manages
@require_http_methods(["GET", "POST"])
def create_domain(request: PageRequest) -> HttpResponse:
    form = DomainForm(request.POST or None, initial={"name": request.GET.get("name", "")[:300]})
    if request.method == "POST" and form.is_valid():
        try:
            domain = add_domain(
                request.account, name=form.cleaned_data["name"], by=request.member, now=utc_now()
            )
        except SenderError as error:
            form.add_error("name", str(error))
        else:
            return redirect("sending_domain", domain.public_id)
    context = {"page_title": _("New domain"), "form": form, "crumbs": _crumbs()}
    return render(request, "domains/new.html", context, status=422 if form.is_bound else 200)


@manages
@never_cache
@require_GET
def show_domain(request: PageRequest, domain: str) -> HttpResponse:
    return render(
        request,
        "domains/page.html",
        {**_describe(get_row(SendingDomain, request, domain)), "crumbs": _crumbs()},
    )


@manages
@never_cache
@require_GET
def show_records(request: PageRequest, domain: str) -> HttpResponse:
    """What the page asks for while it waits: nothing as long as nothing has changed."""
    context = _describe(get_row(SendingDomain, request, domain))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "domains/_body.html", context)


@manages
@require_http_methods(["GET", "POST"])
def edit_names(request: PageRequest, domain: str) -> HttpResponse:
    row = get_row(SendingDomain, request, domain)
    initial = {"return_path": row.return_path_label, "tracking": row.tracking_label}
    form = HostNamesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            change_labels(row, **form.cleaned_data, by=request.member, now=utc_now())
        except SenderError as error:
            form.add_error("tracking" if error.code == "labels_equal" else _field_of(form), str(error))
        else:
            messages.success(request, _("Saved. Publish the records with the new names."))
            return redirect("sending_domain", row.public_id)
    context = {
        "page_title": _("Names of the hosts"),
        "form": form,
        "domain": row,
        "shown_name": write_domain_name(row.name),
        "crumbs": [*_crumbs(), _crumb(row)],
    }
    return render(request, "domains/names.html", context, status=422 if form.is_bound else 200)


@manages
@require_http_methods(["GET", "POST"])
def delete_domain(request: PageRequest, domain: str) -> HttpResponse:
    """Names who uses the domain; while a campaign from it is being sent it stays."""
    row = get_row(SendingDomain, request, domain)
    senders = list_senders_at(row)
    campaigns = Campaign.objects.for_account(request.account).filter(sender__in=senders)
    sending = list(campaigns.filter(state__in=SENDING_STATES).order_by("name"))
    if request.method == "POST" and not sending:
        remove_domain(row, by=request.member)
        messages.success(request, _("%s is removed.") % write_domain_name(row.name))
        return redirect("sending_domains")
    context = {
        "page_title": _("Remove %s") % write_domain_name(row.name),
        "domain": row,
        "senders": senders,
        "drafts": list(campaigns.filter(state=CampaignState.DRAFT).order_by("name")),
        "sending": sending,
        "crumbs": [*_crumbs(), _crumb(row)],
    }
    return render(request, "domains/remove.html", context, status=409 if request.method == "POST" else 200)


@manages
@require_POST
def act_on_domain(request: PageRequest, domain: str, action: str) -> HttpResponse:
    row = get_row(SendingDomain, request, domain)
    match action:
        case "check":
            start_check(row, now=utc_now())
        case "rotate":
            _rotate(request, row)
        case _:
            raise Http404
    return redirect("sending_domain", row.public_id)


def _rotate(request: PageRequest, row: SendingDomain) -> None:
    try:
        rotate_keys(row, by=request.member, now=utc_now())
    except SenderError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("There are new keys. Publish their records; the present ones sign until then.")
        )


def _find_page_for(request: PageRequest, email: str) -> str:
    """The page of the domain that the address belongs to, or the form that adds it."""
    try:
        name = parse_address(email).domain
    except AddressError:
        return reverse("sending_domain_new")
    rows = SendingDomain.objects.for_account(request.account).filter(name__in=iter_parents(name))
    if nearest := max(rows, key=lambda row: len(row.name), default=None):
        return reverse("sending_domain", args=[nearest.public_id])
    return f"{reverse('sending_domain_new')}?{urlencode({'name': name})}"


def _describe(row: SendingDomain) -> dict[str, Any]:
    now = utc_now()
    looks = _list_looks(row)
    required = [look for look in looks if look.is_required]
    label, tone = describe_state(row)
    is_running = is_being_checked(row, now=now)
    is_waiting = row.state != SendingDomain.State.VERIFIED or any(look.is_new_key for look in looks)
    return {
        "page_title": write_domain_name(row.name),
        "domain": row,
        "shown_name": write_domain_name(row.name),
        "label": label,
        "tone": tone,
        "required": required,
        "advised": [look for look in looks if not look.is_required],
        "right": sum(look.is_right for look in looks),
        "total": len(looks),
        "required_right": sum(look.is_right for look in required),
        "is_running": is_running,
        "is_polled": is_running or is_waiting,
        "lost_at": row.failing_since + GRACE if row.failing_since else None,
        "keys": list_current_keys(row),
        "retired": [
            RetiredKey(key, until, until < now)
            for key in list_retired_keys(row)
            if (until := keep_until(key))
        ],
        "may_rotate": row.state == SendingDomain.State.VERIFIED
        and not any(look.is_new_key for look in looks),
        "has_names": bool(read_installation_names().return_path),
        "is_stale": any(finding.is_stale for finding in read_findings(row).values()),
        "seen": _digest(row, is_running=is_running),
    }


def _list_looks(row: SendingDomain) -> list[RecordLook]:
    keys = list_current_keys(row)
    findings = read_findings(row)
    by_selector = {key.selector: key for key in keys}
    is_rotating = any(key.activated_at for key in keys)
    looks = []
    for record in list_records(row, keys, read_installation_names()):
        key = by_selector.get(record.selector)
        looks.append(
            describe_record(
                record,
                findings.get(record.key, UNKNOWN),
                domain=row,
                algorithm=key.get_algorithm_display() if key else "",
                is_new_key=bool(key and is_rotating and not key.activated_at),
            )
        )
    return looks


def _digest(row: SendingDomain, *, is_running: bool) -> str:
    """Changes when the page would."""
    seen = f"{row.state} {row.checked_at} {row.failing_since} {is_running}"
    return sha256(seen.encode()).hexdigest()[:16]


def _line(domain: SendingDomain) -> DomainLine:
    label, tone = describe_state(domain)
    findings = read_findings(domain)
    right = sum(finding.is_right for finding in findings.values())
    return DomainLine(domain, write_domain_name(domain.name), label, tone, right, len(findings))


def _field_of(form: HostNamesForm) -> str:
    """The field whose word is at fault: the one that was changed."""
    return form.changed_data[0] if form.changed_data else "return_path"


def _crumbs() -> list[dict[str, str]]:
    return [{"title": _("Domains"), "url": reverse("sending_domains")}]


def _crumb(row: SendingDomain) -> dict[str, str]:
    return {"title": write_domain_name(row.name), "url": reverse("sending_domain", args=[row.public_id])}


urlpatterns = [
    path("settings/domains/", list_domains, name="sending_domains"),
    path("settings/domains/new/", create_domain, name="sending_domain_new"),
    path("settings/domains/<str:domain>/", show_domain, name="sending_domain"),
    path("settings/domains/<str:domain>/records/", show_records, name="sending_domain_records"),
    path("settings/domains/<str:domain>/names/", edit_names, name="sending_domain_names"),
    path("settings/domains/<str:domain>/remove/", delete_domain, name="sending_domain_remove"),
    path("settings/domains/<str:domain>/<str:action>/", act_on_domain, name="sending_domain_action"),
]
