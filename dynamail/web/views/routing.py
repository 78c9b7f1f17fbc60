"""Pools and routing rules: which way a message takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.senders.errors import SenderError
from dynamail.senders.models import Pool, RoutingRule, Transport
from dynamail.senders.pools import list_memberships, remove_pool, save_pool
from dynamail.senders.routing import explain_route, list_rules, move_rule, remove_rule, save_rule
from dynamail.senders.streams import list_streams
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.routing import PoolForm, RuleForm, WayForm, name_streams
from dynamail.web.lookup import get_row

manages = needs(Permission.MANAGE_DELIVERY)


@manages
@require_GET
def show_routing(request: Any) -> HttpResponse:
    context = describe_rules(request) | {
        "page_title": _("Routing"),
        "crumbs": [_crumbs()[0]],
        "pools": [(pool, _list_parts(pool)) for pool in _list_pools(request)],
        "form": WayForm(auto_id="way_%s", streams=list_streams(request.account.pk)),
    }
    return render(request, "senders/routing.html", context)


@manages
@require_GET
def explain_way(request: Any) -> HttpResponse:
    """The answer to "which way would a message take?"; a page of its own where there is no JavaScript."""
    form = WayForm(request.GET, auto_id="way_%s", streams=list_streams(request.account.pk))
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        context["way"] = explain_route(
            request.account.pk,
            stream=form.cleaned_data["stream"],
            sender_domain=form.cleaned_data["sender"],
            recipient=form.cleaned_data["recipient"],
        )
    status = 200 if form.is_valid() else 422
    if request.htmx:
        return render(request, "senders/_way.html", context, status=status)
    context |= {"page_title": _("Which way would a message take?"), "crumbs": _crumbs()}
    return render(request, "senders/way.html", context, status=status)


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_http_methods(["GET", "POST"])
def edit_rule(request: Any, routing_rule: str = "") -> HttpResponse:
    row = get_row(RoutingRule, request, routing_rule) if routing_rule else None
    form = RuleForm(
        request.POST or None,
        pools=_list_pools(request),
        transports=_list_transports(request),
        streams=list_streams(request.account.pk),
        initial=_read_rule(row) if row else None,
    )
    if request.method == "POST" and form.is_valid():
        save_rule(request.account, form.settings(), rule=row, by=request.member, now=utc_now())
        return redirect("routing")
    title = _("Change the rule") if row else _("New rule")
    context = {"page_title": title, "form": form, "crumbs": _crumbs()}
    return render(request, "senders/rule_form.html", context, status=422 if form.is_bound else 200)


@manages
@require_POST
def act_on_rule(request: Any, routing_rule: str, action: str) -> HttpResponse:
    row = get_row(RoutingRule, request, routing_rule)
    match action:
        case "up" | "down":
            move_rule(row, up=action == "up", by=request.member)
        case "remove":
            remove_rule(row, by=request.member)
            messages.success(request, _("The rule was removed."))
        case _:
            raise Http404
    if request.htmx:
        return render(request, "senders/_rules.html", describe_rules(request))
    return redirect("routing")


def describe_rules(request: PageRequest) -> dict[str, Any]:
    """What `senders/_rules.html` shows."""
    default = Transport.objects.for_account(request.account).filter(is_default=True).first()
    names = dict(name_streams(list_streams(request.account.pk, archived=True)))
    rules = [(rule, names.get(rule.stream, rule.stream)) for rule in list_rules(request.account.pk)]
    return {"rules": rules, "default": default}


def _read_rule(row: RoutingRule) -> dict[str, str]:
    target = row.pool or row.transport
    return {
        "stream": row.stream,
        "sender_domain": row.sender_domain,
        "recipient_domain": row.recipient_domain,
        "target": target.public_id if target else "",
    }


# ── Pools ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_http_methods(["GET", "POST"])
def edit_pool(request: Any, pool: str = "") -> HttpResponse:
    row = get_row(Pool, request, pool) if pool else None
    members = list_memberships(row) if row else []
    form = PoolForm(
        request.POST or None,
        transports=_list_transports(request),
        members=members,
        initial={"name": row.name} if row else None,
    )
    if request.method == "POST" and form.is_valid() and _save_pool(request, form, row):
        return redirect("routing")
    context = {
        "page_title": row.name if row else _("New pool"),
        "form": form,
        "pool": row,
        "crumbs": _crumbs(),
    }
    return render(request, "senders/pool_form.html", context, status=422 if form.is_bound else 200)


def _save_pool(request: PageRequest, form: PoolForm, row: Pool | None) -> bool:
    """False when it was refused; the form says why."""
    try:
        save_pool(
            request.account,
            name=form.cleaned_data["name"],
            members=form.members(),
            pool=row,
            by=request.member,
            now=utc_now(),
        )
    except SenderError as error:
        form.add_error("name" if error.code == "name_taken" else None, str(error))
        return False
    return True


@manages
@require_POST
def act_on_pool(request: Any, pool: str, action: str) -> HttpResponse:
    row = get_row(Pool, request, pool)
    if action != "remove":
        raise Http404
    try:
        remove_pool(row, by=request.member)
    except SenderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("“%s” was removed.") % row.name)
    return redirect("routing")


def _list_parts(pool: Pool) -> list[tuple[Transport, int, float | None]]:
    """Each member with its weight and its share of the work; no share for one that stands by or is off."""
    members = list_memberships(pool)
    total = sum(one.weight for one in members if one.transport.is_enabled)
    return [
        (
            one.transport,
            one.weight,
            one.weight / total if total and one.weight and one.transport.is_enabled else None,
        )
        for one in members
    ]


def _list_pools(request: PageRequest) -> list[Pool]:
    return list(Pool.objects.for_account(request.account).order_by("name"))


def _list_transports(request: PageRequest) -> list[Transport]:
    return list(Transport.objects.for_account(request.account).order_by("name"))


def _crumbs() -> Sequence[dict[str, str]]:
    return [
        {"title": _("Sending"), "url": reverse("delivery_settings")},
        {"title": _("Routing"), "url": reverse("routing")},
    ]


urlpatterns = [
    path("settings/delivery/routing/", show_routing, name="routing"),
    path("settings/delivery/routing/way/", explain_way, name="routing_way"),
    path("settings/delivery/routing/rules/new/", edit_rule, name="routing_rule_new"),
    path("settings/delivery/routing/rules/<str:routing_rule>/", edit_rule, name="routing_rule"),
    path(
        "settings/delivery/routing/rules/<str:routing_rule>/<str:action>/",
        act_on_rule,
        name="routing_rule_action",
    ),
    path("settings/delivery/routing/pools/new/", edit_pool, name="pool_new"),
    path("settings/delivery/routing/pools/<str:pool>/", edit_pool, name="pool"),
    path("settings/delivery/routing/pools/<str:pool>/<str:action>/", act_on_pool, name="pool_action"),
]
