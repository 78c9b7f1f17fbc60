"""Webhooks: which systems are told what, whether they take it, and sending again what they did not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.events.kinds import EventKind
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.lib.sealing import CannotOpen
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.webhooks import ReplayForm, WebhookForm
from dynamail.web.settings_tabs import list_developer_tabs
from dynamail.webhooks.authorizing import list_authorizations
from dynamail.webhooks.endpoints import (
    change_endpoint,
    create_endpoint,
    find_endpoint,
    list_endpoints,
    pause_endpoint,
    remove_endpoint,
    resume_endpoint,
    rotate_keys,
    withdraw_authorization,
)
from dynamail.webhooks.errors import PROBLEMS, WebhookError
from dynamail.webhooks.keys import open_keys
from dynamail.webhooks.kinds import ALL, TEST, FieldGroup
from dynamail.webhooks.listing import (
    DeliveryFilter,
    count_waiting,
    find_delivery,
    list_attempts,
    list_deliveries,
)
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.payloads import fit
from dynamail.webhooks.replaying import replay_delivery, replay_range, send_test

manages = needs(Permission.MANAGE_API_KEYS)
PAGE = 50
AUTHORIZATIONS = 10  # of a page
State = WebhookDelivery.State
FILTERS: tuple[tuple[str, Promise], ...] = (
    ("", gettext_lazy("All")),
    (State.WAITING, gettext_lazy("Waiting")),
    (State.DELIVERED, gettext_lazy("Delivered")),
    (State.FAILED, gettext_lazy("To be tried again")),
    (State.GIVEN_UP, gettext_lazy("Given up")),
)
LOOKS: dict[str, tuple[Promise, str]] = {
    State.WAITING: (gettext_lazy("Waiting"), "info"),
    State.DELIVERED: (gettext_lazy("Delivered"), "success"),
    State.FAILED: (gettext_lazy("To be tried again"), "warning"),
    State.GIVEN_UP: (gettext_lazy("Given up"), "error"),
}


@dataclass(frozen=True)
class Line:
    """A delivery as the log shows it."""

    row: WebhookDelivery
    title: str
    label: str
    tone: str
    problem: str
    url: str


@manages
@require_GET
def show_webhooks(request: PageRequest) -> HttpResponse:
    rows = list(list_endpoints(request.account.pk))
    waiting = count_waiting(rows)
    context = {
        "page_title": _("Webhooks"),
        "tabs": list_developer_tabs(request, "webhooks"),
        "lines": [(row, _look_of(row), _tell_kinds(row), waiting.get(row.pk, 0)) for row in rows],
    }
    return render(request, "webhooks/list.html", context)


@manages
@never_cache
@require_http_methods(["GET", "POST"])
def create_webhook(request: PageRequest) -> HttpResponse:
    """The answer to the form is the one page that ever shows the secret."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, keys = create_endpoint(
                request.account.pk,
                form.chosen(),
                authorized=form.cleaned_data["authorized"],
                by=request.member,
                now=utc_now(),
            )
        except WebhookError as error:
            form.refuse(error)
        else:
            return _show(request, endpoint, secret=keys.secret, status=201)
    return _render_form(request, form, _("New webhook"))


@manages
@require_http_methods(["GET", "POST"])
def edit_webhook(request: PageRequest, webhook: str) -> HttpResponse:
    endpoint = _get(request, webhook)
    form = WebhookForm(request.POST or None, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        try:
            change_endpoint(
                endpoint,
                form.chosen(),
                authorized=form.cleaned_data["authorized"],
                by=request.member,
                now=utc_now(),
            )
        except WebhookError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("webhook", endpoint.public_id)
    return _render_form(request, form, str(endpoint), endpoint)


@manages
@never_cache
@require_GET
def show_webhook(request: PageRequest, webhook: str) -> HttpResponse:
    """The whole page, or for htmx the log alone, which asks again by itself."""
    endpoint = _get(request, webhook)
    if request.htmx:
        return render(request, "webhooks/_log.html", _describe_log(request, endpoint))
    return _show(request, endpoint)


@manages
@never_cache
@require_POST
def act_on_webhook(request: PageRequest, webhook: str, action: str) -> HttpResponse:
    endpoint, now, by = _get(request, webhook), utc_now(), request.member
    try:
        match action:
            case "pause":
                pause_endpoint(endpoint, by=by, now=now)
            case "resume":
                resume_endpoint(endpoint, by=by, now=now)
            case "withdraw":
                if withdraw_authorization(endpoint, by=by, now=now):
                    messages.success(
                        request, _("The authorization is withdrawn. Nothing more is sent there.")
                    )
            case "test":
                send_test(endpoint, by=by, now=now)
                messages.success(request, _("A test is on its way. It shows below in a moment."))
            case "rotate":
                return _show(request, endpoint, secret=rotate_keys(endpoint, by=by, now=now).secret)
            case "replay":
                return _replay(request, endpoint, now)
            case "remove":
                remove_endpoint(endpoint, by=by, now=now)
                messages.success(request, _("The webhook is removed. Nothing more is sent there."))
                return redirect("webhooks")
            case _:
                raise Http404
    except WebhookError as error:
        messages.error(request, str(error))
    return redirect("webhook", endpoint.public_id)


@manages
@require_GET
def show_delivery_of_webhook(request: PageRequest, webhook: str, delivery: str) -> HttpResponse:
    endpoint = _get(request, webhook)
    row = _get_delivery(endpoint, delivery)
    payload = fit(row.payload, endpoint.fields) if row.payload else None
    contact = to_public_id("con", row.contact_id) if row.contact_id else ""
    context = {
        "page_title": row.kind,
        "crumbs": [
            *_crumbs(),
            {"title": str(endpoint), "url": reverse("webhook", args=[endpoint.public_id])},
        ],
        "endpoint": endpoint,
        "line": _describe(endpoint, row),
        "body": json.dumps(payload, ensure_ascii=False, indent=2) if payload else "",
        "attempts": [(one, _tell_problem(one)) for one in list_attempts(row)],
        "contact_url": reverse("contact", args=[contact]) if contact else "",
        "may_replay": row.payload is not None and endpoint.state == WebhookEndpoint.State.ACTIVE,
        "is_live": not row.is_over,
    }
    part = "webhooks/_delivery.html" if request.htmx else "webhooks/delivery.html"
    return render(request, part, context)


@manages
@require_POST
def replay_delivery_of_webhook(request: PageRequest, webhook: str, delivery: str) -> HttpResponse:
    endpoint = _get(request, webhook)
    row = _get_delivery(endpoint, delivery)
    try:
        replay_delivery(endpoint, row, by=request.member, now=utc_now())
        messages.success(request, _("It is sent again, with the same webhook-id."))
    except WebhookError as error:
        messages.error(request, str(error))
    return redirect("webhook_delivery", endpoint.public_id, row.public_id)


# ── Parts of the pages ───────────────────────────────────────────────────────────────────────────────────────────────
def _show(
    request: PageRequest,
    endpoint: WebhookEndpoint,
    *,
    secret: str = "",
    status: int = 200,
    replay: ReplayForm | None = None,
) -> HttpResponse:
    authorizations = list_authorizations(endpoint, limit=AUTHORIZATIONS + 1)
    context = {
        "page_title": str(endpoint),
        "crumbs": _crumbs(),
        "endpoint": endpoint,
        "look": _look_of(endpoint),
        "why": _tell_why(endpoint),
        "secret": secret,
        "public_key": _find_public_key(endpoint),
        "kinds": _tell_kinds(endpoint),
        "given": [str(FieldGroup(one).label) for one in endpoint.fields if one in FieldGroup.values],
        "old_keys_sign": endpoint.old_keys_until is not None and endpoint.old_keys_until > utc_now(),
        "authorizations": authorizations[:AUTHORIZATIONS],
        "more_authorizations": len(authorizations) > AUTHORIZATIONS,
        "replay_form": replay or ReplayForm(now=utc_now()),
        **_describe_log(request, endpoint),
    }
    return render(request, "webhooks/show.html", context, status=status)


def _render_form(
    request: PageRequest, form: WebhookForm, title: str, endpoint: WebhookEndpoint | None = None
) -> HttpResponse:
    context = {"page_title": title, "crumbs": _crumbs(), "form": form, "endpoint": endpoint}
    return render(request, "webhooks/form.html", context, status=422 if form.is_bound else 200)


def _replay(request: PageRequest, endpoint: WebhookEndpoint, now: datetime) -> HttpResponse:
    form = ReplayForm(request.POST, now=now)
    if form.is_valid():
        try:
            replay_range(endpoint, form.wanted(), by=request.member, now=now)
        except WebhookError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(
                request, _("They are looked for in the background and sent one after the other.")
            )
            return redirect("webhook", endpoint.public_id)
    return _show(request, endpoint, replay=form, status=422)


def _describe_log(request: PageRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    state = request.GET.get("state", "")
    wanted = DeliveryFilter(state if state in State.values else "")
    before = _read_before(request.GET.get("after", ""))
    rows = list_deliveries(endpoint, wanted, before=before, limit=PAGE + 1)
    here = reverse("webhook", args=[endpoint.public_id])
    query = {"state": wanted.state} if wanted.state else {}
    after = {"after": rows[PAGE - 1].public_id} if len(rows) > PAGE else {}
    return {
        "endpoint": endpoint,
        "lines": [_describe(endpoint, row) for row in rows[:PAGE]],
        "filters": [
            (label, here + (f"?state={value}" if value else ""), value == wanted.state)
            for value, label in FILTERS
        ],
        "is_filtered": bool(wanted.state),
        "is_live": before is None and endpoint.removed_at is None,
        "live_url": f"{here}?{urlencode(query)}",
        "here": here,
        "first_url": f"{here}?{urlencode(query)}" if before is not None else "",
        "next_url": f"{here}?{urlencode(query | after)}" if after else "",
    }


def _describe(endpoint: WebhookEndpoint, row: WebhookDelivery) -> Line:
    label, tone = LOOKS[row.state]
    title = _("Test") if row.kind == TEST else str(EventKind(row.kind).label)
    url = reverse("webhook_delivery", args=[endpoint.public_id, row.public_id])
    return Line(row, title, str(label), tone, _tell_problem(row), url)


def _tell_problem(row: WebhookDelivery | WebhookAttempt) -> str:
    return str(PROBLEMS.get(row.error, row.error)) if row.error else ""


def _look_of(endpoint: WebhookEndpoint) -> tuple[str, str, str]:
    """State, label and tone of its badge."""
    if not endpoint.is_authorized:
        return "disabled", _("Not authorized"), "warning"
    if endpoint.state == WebhookEndpoint.State.ACTIVE and endpoint.failing_since:
        return "active", _("Failing"), "error"
    tone = {"active": "success", "paused": "warning", "disabled": "error"}[endpoint.state]
    return endpoint.state, str(WebhookEndpoint.State(endpoint.state).label), tone


def _tell_why(endpoint: WebhookEndpoint) -> str:
    reasons = {
        "gone": _("The server answered that nobody wants these messages any more (410 Gone)."),
        "failing": _("It had not taken a single message for days, however often we tried."),
    }
    return reasons.get(endpoint.why, "")


def _tell_kinds(endpoint: WebhookEndpoint) -> list[str]:
    return [_("All events")] if ALL in endpoint.kinds else list(endpoint.kinds)


def _find_public_key(endpoint: WebhookEndpoint) -> str:
    try:
        return open_keys(endpoint).public_key
    except CannotOpen:
        return ""


def _read_before(text: str) -> UUID | None:
    try:
        return from_public_id("whd", text) if text else None
    except UnknownId:
        return None


def _get(request: PageRequest, public_id: str) -> WebhookEndpoint:
    endpoint = find_endpoint(request.account.pk, public_id)
    if endpoint is None:
        raise Http404
    return endpoint


def _get_delivery(endpoint: WebhookEndpoint, public_id: str) -> WebhookDelivery:
    row = find_delivery(endpoint, public_id)
    if row is None:
        raise Http404
    return row


def _crumbs() -> list[dict[str, str]]:
    return [{"title": _("Webhooks"), "url": reverse("webhooks")}]


urlpatterns: list[URLPattern] = [
    path("developers/webhooks/", show_webhooks, name="webhooks"),
    path("developers/webhooks/new/", create_webhook, name="webhook_new"),
    path("developers/webhooks/<str:webhook>/", show_webhook, name="webhook"),
    path("developers/webhooks/<str:webhook>/edit/", edit_webhook, name="webhook_edit"),
    path("developers/webhooks/<str:webhook>/act/<str:action>/", act_on_webhook, name="webhook_action"),
    path(
        "developers/webhooks/<str:webhook>/deliveries/<str:delivery>/",
        show_delivery_of_webhook,
        name="webhook_delivery",
    ),
    path(
        "developers/webhooks/<str:webhook>/deliveries/<str:delivery>/replay/",
        replay_delivery_of_webhook,
        name="webhook_delivery_replay",
    ),
]
