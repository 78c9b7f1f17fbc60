"""Transports: choosing a kind, setting one up, its health, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.senders.apis import save_api
from dynamail.senders.direct import save_direct
from dynamail.senders.errors import SenderError
from dynamail.senders.health import Health, measure_health
from dynamail.senders.models import Transport
from dynamail.senders.providers import PROVIDERS, Provider, find_provider
from dynamail.senders.relays import save_relay
from dynamail.senders.transports import (
    find_uses,
    remove_transport,
    start_check,
    switch_transport,
    use_transport,
)
from dynamail.web.access import PageRequest, needs
from dynamail.web.charts import Chart, Series, make_bar_chart
from dynamail.web.forms.transports import ApiForm, DirectForm, RelayForm
from dynamail.web.live_ways import count_living_workers, read_live_ways
from dynamail.web.lookup import get_row
from dynamail.web.views.provider_webhooks import find_webhook_path

manages = needs(Permission.MANAGE_DELIVERY)


@dataclass(frozen=True)
class KindCard:
    """A kind of transport, in the words of somebody who sends newsletters."""

    kind: str
    icon: str
    title: str | Promise
    text: str | Promise
    good_for: str | Promise


KINDS = (
    KindCard(
        "smtp",
        "server",
        gettext_lazy("SMTP relay"),
        gettext_lazy(
            "Hand mail to a mail server that you already have: your company's, your hoster's, or a provider's."
        ),
        gettext_lazy("You have a host name, a user name and a password."),
    ),
    KindCard(
        "api",
        "plug",
        gettext_lazy("Provider"),
        gettext_lazy(
            "Hand mail to a service such as Postmark, Mailgun or SendGrid through its API. It delivers for you."
        ),
        gettext_lazy("You have an account there and its API key."),
    ),
    KindCard(
        "mx",
        "route",
        gettext_lazy("Direct"),
        gettext_lazy(
            "Deliver to every recipient's own mail server from this machine. Nobody stands between you and them."
        ),
        gettext_lazy("You run this server, with an address of good repute and port 25 open."),
    ),
)


# ── Setting up ───────────────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_GET
def choose_kind(request: Any) -> HttpResponse:
    context = {"page_title": _("New transport"), "crumbs": list_crumbs(), "kinds": KINDS}
    return render(request, "senders/transport_new.html", context)


@manages
@require_http_methods(["GET", "POST"])
def create_transport(request: Any, kind: str) -> HttpResponse:
    if kind == "api":
        context = {"page_title": _("Choose the provider"), "crumbs": _crumbs_of_new(), "providers": PROVIDERS}
        return render(request, "senders/providers.html", context)
    if kind not in ("smtp", "mx"):
        raise Http404
    return _edit(request, kind, None, None)


@manages
@require_http_methods(["GET", "POST"])
def create_api(request: Any, code: str) -> HttpResponse:
    return _edit(request, "api", _get_provider(code), None)


@manages
@require_http_methods(["GET", "POST"])
def edit_transport(request: Any, transport: str) -> HttpResponse:
    row = get_row(Transport, request, transport)
    provider = _get_provider(row.provider) if row.kind == Transport.Kind.API else None
    return _edit(request, row.kind, provider, row)


def _edit(request: Any, kind: str, provider: Provider | None, row: Transport | None) -> HttpResponse:
    form = _make_form(kind, provider, request.POST or None, row)
    if request.method == "POST" and form.is_valid():
        saved = _save(request, form, row)
        start_check(saved)
        return redirect("transport", saved.public_id)
    card = next(one for one in KINDS if one.kind == kind)
    context = {
        "page_title": row.name if row else provider.title if provider else card.title,
        "crumbs": list_crumbs(row) if row else _crumbs_of_new(provider),
        "form": form,
        "kind": card,
        "provider": provider,
        "cancel_url": reverse("transport", args=[row.public_id]) if row else reverse("transport_new"),
    }
    return render(request, "senders/transport_form.html", context, status=422 if form.is_bound else 200)


def _make_form(kind: str, provider: Provider | None, data: Any, row: Transport | None) -> Any:
    if provider is not None:
        return ApiForm(data, provider=provider, transport=row)
    return DirectForm(data, transport=row) if kind == "mx" else RelayForm(data, transport=row)


def _save(request: PageRequest, form: BaseForm, row: Transport | None) -> Transport:
    by, now = request.member, utc_now()
    match form:
        case ApiForm():
            return save_api(request.account, form.settings(), transport=row, by=by, now=now)
        case DirectForm():
            return save_direct(request.account, form.settings(), transport=row, by=by, now=now)
        case RelayForm():
            return save_relay(request.account, form.settings(), relay=row, by=by, now=now)
    raise TypeError(type(form))


def _get_provider(name: str) -> Provider:
    provider = find_provider(name)
    if provider is None:
        raise Http404
    return provider


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_GET
def show_transport(request: Any, transport: str) -> HttpResponse:
    row = get_row(Transport, request, transport)
    context = _describe(request, row) | {
        "page_title": row.name,
        "crumbs": list_crumbs(),
        "curve": _draw_day(request, row),
        "uses": find_uses(row),
        "provider": find_provider(row.provider),
        "webhook_url": _find_webhook_url(row),
    }
    return render(request, "senders/transport.html", context)


@manages
@require_GET
def show_live_transport(request: Any, transport: str) -> HttpResponse:
    context = _describe(request, get_row(Transport, request, transport))
    return render(request, "senders/_transport_live.html", context)


@manages
@require_GET
def show_live_list(request: Any) -> HttpResponse:
    return render(request, "senders/_transports.html", {"transports": list_health(request)})


def list_health(request: PageRequest) -> list[Health]:
    """Every transport of the account with its health: the default first, then those in use, by name."""
    order = ("-is_default", "-is_enabled", "name")
    rows = list(Transport.objects.for_account(request.account).order_by(*order))
    now = utc_now()
    return measure_health(rows, read_live_ways(request.account.pk, now=now), now=now)


def _measure(request: PageRequest, row: Transport) -> Health:
    now = utc_now()
    (health,) = measure_health([row], read_live_ways(request.account.pk, now=now), now=now)
    return health


def _describe(request: PageRequest, row: Transport) -> dict[str, Any]:
    now = utc_now()
    return {
        "transport": row,
        "health": _measure(request, row),
        "now": now,
        "workers": count_living_workers(now=now),
    }


def _find_webhook_url(row: Transport) -> str:
    """What to enter at the provider so that it reports bounces and complaints; "" when it cannot."""
    path_of_it = find_webhook_path(row) if row.kind == Transport.Kind.API else ""
    return f"{settings.PUBLIC_URL}{path_of_it}" if path_of_it else ""


def _draw_day(request: PageRequest, row: Transport) -> Chart | None:
    """The last day by hour; None when nothing went this way."""
    hours = _measure(request, row).hours
    if not hours.day.answered and not hours.day.failed:
        return None
    figures = hours.figures
    return make_bar_chart(
        _("Messages by hour during the last 24 hours"),
        axis=_("Hour"),
        points=[f"{timezone.localtime(start):%H:%M}" for start in hours.starts],
        series=[
            Series(_("Delivered"), [one.delivered for one in figures], "token:color-success"),
            Series(_("Deferred"), [one.deferred for one in figures], "token:color-warning"),
            Series(_("Bounced"), [one.bounced for one in figures], "token:color-error"),
        ],
        stacked=True,
    )


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@manages
@require_POST
def act_on_transport(request: Any, transport: str, action: str) -> HttpResponse:
    row = get_row(Transport, request, transport)
    try:
        said = _act(request, row, action)
    except SenderError as error:
        messages.error(request, str(error))
        return redirect("transport", row.public_id)
    if said:
        messages.success(request, said)
    return redirect("delivery_settings") if action == "remove" else redirect("transport", row.public_id)


def _act(request: PageRequest, row: Transport, action: str) -> str:
    """Do it; returns what to say."""
    match action:
        case "check":
            start_check(row)
            return ""
        case "use":
            use_transport(request.account, row, by=request.member)
            return _("Mail leaves through “%s” from now on.") % row.name
        case "on":
            switch_transport(row, on=True, by=request.member)
            return _("“%s” is on.") % row.name
        case "off":
            switch_transport(row, on=False, by=request.member)
            return _("“%s” is off: no message goes this way.") % row.name
        case "remove":
            remove_transport(row, by=request.member)
            return _("“%s” was removed.") % row.name
    raise Http404


@manages
@require_POST
def use_mailbox(request: Any) -> HttpResponse:
    use_transport(request.account, None, by=request.member)
    messages.success(request, _("Mail lands in the Mailbox from now on."))
    return redirect("delivery_settings")


def list_crumbs(row: Transport | None = None) -> Sequence[dict[str, str]]:
    crumbs = [{"title": _("Sending"), "url": reverse("delivery_settings")}]
    if row is not None:
        crumbs.append({"title": row.name, "url": reverse("transport", args=[row.public_id])})
    return crumbs


def _crumbs_of_new(provider: Provider | None = None) -> Sequence[dict[str, str]]:
    crumbs = [*list_crumbs(), {"title": _("New transport"), "url": reverse("transport_new")}]
    if provider is not None:
        crumbs.append({"title": _("Provider"), "url": reverse("transport_new_kind", args=["api"])})
    return crumbs


urlpatterns = [
    path("settings/delivery/mailbox/", use_mailbox, name="use_mailbox"),
    path("settings/delivery/transports/live/", show_live_list, name="transports_live"),
    path("settings/delivery/transports/new/", choose_kind, name="transport_new"),
    path("settings/delivery/transports/new/<str:kind>/", create_transport, name="transport_new_kind"),
    path("settings/delivery/transports/new/api/<str:code>/", create_api, name="transport_new_api"),
    path("settings/delivery/transports/<str:transport>/", show_transport, name="transport"),
    path("settings/delivery/transports/<str:transport>/change/", edit_transport, name="transport_edit"),
    path("settings/delivery/transports/<str:transport>/live/", show_live_transport, name="transport_live"),
    path(
        "settings/delivery/transports/<str:transport>/<str:action>/",
        act_on_transport,
        name="transport_action",
    ),
]
