"""How fast and how much: limits towards destinations, what their servers ask for, warm-up, the account's limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.senders.destination_rules import (
    KnownDestination,
    list_destinations,
    list_lessons,
    remove_destination_rule,
    retry_destination,
    set_destination_rule,
)
from dynamail.senders.destinations import LIMIT_NAMES, load_destinations
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DestinationRule, Transport
from dynamail.senders.warming import Warmup, find_account_use, find_warmup, start_warmup, stop_warmup
from dynamail.web.access import needs
from dynamail.web.forms.limits import HEADINGS, RuleForm, WarmupForm
from dynamail.web.lookup import get_row
from dynamail.web.settings_tabs import list_settings_tabs

manages = needs(Permission.MANAGE_DELIVERY)


@dataclass(frozen=True)
class LimitCell:
    """A limit as the table shows it: what is in force, and what is built in where the account changed it."""

    value: float | None
    built_in: float | None
    is_own: bool


@dataclass(frozen=True)
class LimitLine:
    """A destination, or a rule of the account for one transport towards it."""

    destination: KnownDestination
    rule: DestinationRule | None
    cells: list[LimitCell]

    @property
    def is_of_one_transport(self) -> bool:
        return self.rule is not None and self.rule.transport_id is not None


@dataclass(frozen=True)
class WarmingTransport:
    """A transport and its plan, if one is on its way."""

    transport: Transport
    warmup: Warmup | None


@manages
@require_GET
def show_limits(request: Any) -> HttpResponse:
    now = utc_now()
    context = {
        "page_title": _("Limits"),
        "tabs": list_settings_tabs(request, "delivery_settings"),
        "crumbs": _crumbs()[:1],
        "lessons": list_lessons(request.account, now=now),
        "lines": [line for one in list_destinations(request.account) for line in _list_lines(one)],
        "limit_labels": [HEADINGS[name] for name in LIMIT_NAMES],
        "warming": _list_warming(request, now),
        "use": find_account_use(request.account, now=now),
    }
    return render(request, "limits/page.html", context)


@manages
@require_http_methods(["GET", "POST"])
def create_rule(request: Any) -> HttpResponse:
    destination = next(
        (one for one in load_destinations() if one.name == request.GET.get("destination")), None
    )
    form = RuleForm(
        request.POST or None,
        transports=_list_transports(request),
        destination=destination.name if destination else "",
    )
    if request.method == "POST" and form.is_valid():
        return _save_rule(request, form, site=form.chosen_site, transport=form.chosen_transport)
    title = destination.title if destination else _("Own limits")
    context = {"page_title": title, "form": form, "crumbs": _crumbs()}
    return render(request, "limits/rule.html", context, status=422 if form.is_bound else 200)


@manages
@require_http_methods(["GET", "POST"])
def edit_rule(request: Any, rule: str) -> HttpResponse:
    row = get_row(DestinationRule, request, rule)
    initial = {name: getattr(row, name) for name in LIMIT_NAMES}
    form = RuleForm(request.POST or None, transports=[], rule=row, initial=initial)
    if request.method == "POST" and form.is_valid():
        return _save_rule(request, form, site=row.site, transport=row.transport)
    title = next((one.title for one in list_destinations(request.account) if row in one.rules), row.site)
    context = {"page_title": title, "form": form, "rule": row, "crumbs": _crumbs()}
    return render(request, "limits/rule.html", context, status=422 if form.is_bound else 200)


@manages
@require_POST
def remove_rule(request: Any, rule: str) -> HttpResponse:
    remove_destination_rule(get_row(DestinationRule, request, rule), by=request.member)
    messages.success(request, _("The built-in limits count again."))
    return redirect("limits")


@manages
@require_POST
def try_again(request: Any) -> HttpResponse:
    """Forget what a destination's replies taught. Nothing to forget any more is as good."""
    transport = request.POST.get("transport", "")
    if not transport.isdecimal():
        raise Http404
    retry_destination(
        request.account,
        transport_id=int(transport[:18]),
        site=request.POST.get("site", "")[:253],
        by=request.member,
    )
    messages.success(request, _("The workers try again within seconds."))
    return redirect("limits")


@manages
@require_http_methods(["GET", "POST"])
def begin_warmup(request: Any, transport: str) -> HttpResponse:
    row = get_row(Transport, request, transport)
    form = WarmupForm(request.POST or None, initial={"target_per_day": row.per_day})
    if request.method == "POST" and form.is_valid():
        try:
            start_warmup(row, by=request.member, now=utc_now(), **form.cleaned_data)
        except SenderError as error:
            form.add_error("target_per_day", str(error))
        else:
            messages.success(request, _("The warm-up of “%s” begins today.") % row.name)
            return redirect("limits")
    title = _("Warm up “%s”") % row.name
    context = {"page_title": title, "form": form, "crumbs": _crumbs()}
    return render(request, "limits/warmup.html", context, status=422 if form.is_bound else 200)


@manages
@require_POST
def end_warmup(request: Any, transport: str) -> HttpResponse:
    row = get_row(Transport, request, transport)
    if stop_warmup(row, by=request.member):
        messages.success(request, _("The warm-up of “%s” has ended.") % row.name)
    return redirect("limits")


def _save_rule(request: Any, form: RuleForm, *, site: str, transport: Transport | None) -> HttpResponse:
    set_destination_rule(
        request.account, site=site, transport=transport, limits=form.limits, by=request.member
    )
    messages.success(request, _("Saved. The workers follow within seconds."))
    return redirect("limits")


def _list_transports(request: Any) -> list[Transport]:
    return list(Transport.objects.for_account(request.account).order_by("name"))


def _list_warming(request: Any, now: datetime) -> list[WarmingTransport]:
    return [WarmingTransport(one, find_warmup(one, now=now)) for one in _list_transports(request)]


def _list_lines(destination: KnownDestination) -> list[LimitLine]:
    """What counts for all transports first, then the rules for single ones."""
    for_all = next((rule for rule in destination.rules if rule.transport_id is None), None)
    others = [rule for rule in destination.rules if rule is not for_all]
    return [_make_line(destination, rule) for rule in (for_all, *others)]


def _make_line(destination: KnownDestination, rule: DestinationRule | None) -> LimitLine:
    cells = []
    for name in LIMIT_NAMES:
        built_in, own = getattr(destination.limits, name), getattr(rule, name, None)
        cells.append(LimitCell(built_in if own is None else own, built_in, own is not None))
    return LimitLine(destination, rule, cells)


def _crumbs() -> list[dict[str, str]]:
    return [
        {"title": _("Sending"), "url": reverse("delivery_settings")},
        {"title": _("Limits"), "url": reverse("limits")},
    ]


urlpatterns = [
    path("settings/delivery/limits/", show_limits, name="limits"),
    path("settings/delivery/limits/new/", create_rule, name="limits_rule_new"),
    path("settings/delivery/limits/try-again/", try_again, name="limits_try_again"),
    path("settings/delivery/limits/warm-up/<str:transport>/", begin_warmup, name="warmup"),
    path("settings/delivery/limits/warm-up/<str:transport>/stop/", end_warmup, name="warmup_stop"),
    path("settings/delivery/limits/<str:rule>/", edit_rule, name="limits_rule"),
    path("settings/delivery/limits/<str:rule>/remove/", remove_rule, name="limits_rule_remove"),
]
