"""API keys: which there are, a new one whose secret is shown once, and the end of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.api_keys import Scope, create_api_key, list_api_keys, revoke_api_key
from dynamail.accounts.models import ApiKey
from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.api_keys import CUSTOM, ApiKeyForm, find_preset
from dynamail.web.settings_tabs import list_settings_tabs
from dynamail.web.snippets import list_snippets, make_letter


@dataclass(frozen=True)
class ApiKeyRow:
    """A key as the list shows it. `scopes` are in words, one short name where they have one."""

    key: ApiKey
    state: str
    scopes: list[str]


@needs(Permission.MANAGE_API_KEYS)
@never_cache
@require_GET
def api_keys(request: PageRequest) -> HttpResponse:
    now = utc_now()
    context = {
        "keys": [_show_key(key, now=now) for key in list_api_keys(request.account.pk)],
        "tabs": list_settings_tabs(request, "api_keys"),
        "page_title": _("API keys"),
    }
    return render(request, "api_keys/list.html", context)


@needs(Permission.MANAGE_API_KEYS)
@never_cache
@require_http_methods(["GET", "POST"])
def new_key(request: PageRequest) -> HttpResponse:
    """The form. The answer to it is the one page that ever shows the secret."""
    form = ApiKeyForm(request.POST or None, initial=_read_wish(request))
    if request.method == "POST" and form.is_valid():
        return _show_secret(request, form)
    context = {"form": form, "custom": CUSTOM, "page_title": _("New API key"), "crumbs": _crumbs()}
    return render(request, "api_keys/new.html", context, status=422 if form.errors else 200)


def _read_wish(request: PageRequest) -> dict[str, str]:
    """What a link to the form asked for: `?mode=test&name=First+try`."""
    wish = {name: request.GET[name][:100] for name in ("mode", "name", "preset") if name in request.GET}
    return {"mode": "live", "preset": "send"} | wish


def _show_secret(request: PageRequest, form: ApiKeyForm) -> HttpResponse:
    now = utc_now()
    key, secret = create_api_key(
        request.account.pk,
        name=form.cleaned_data["name"],
        scopes=form.chosen_scopes,
        expires_at=form.expires_at(now=now),
        is_test=form.cleaned_data["mode"] == "test",
        allowed_ips=form.cleaned_data["networks"],
        by=request.member,
        now=now,
    )
    letter = make_letter(request.account, recipient=request.user.email)
    context = {
        "key": key,
        "secret": secret,
        "letter": letter,
        "snippets": list_snippets(letter, secret=secret) if Scope.SEND_MESSAGES in key.scopes else [],
        "page_title": key.name,
        "crumbs": _crumbs(),
    }
    return render(request, "api_keys/created.html", context, status=201)


def _crumbs() -> list[dict[str, object]]:
    return [{"title": _("API keys"), "url": reverse("api_keys")}]


def _show_key(key: ApiKey, *, now: datetime) -> ApiKeyRow:
    expired = key.expires_at is not None and key.expires_at <= now
    state = "revoked" if key.revoked_at else "expired" if expired else "active"
    preset = find_preset(key.scopes)
    scopes = [str(preset)] if preset else [str(Scope(one).label) for one in key.scopes if one in Scope.values]
    return ApiKeyRow(key, state, scopes)


@needs(Permission.MANAGE_API_KEYS)
@require_POST
def revoke_key(request: PageRequest, key_id: str) -> HttpResponse:
    try:
        key = ApiKey.objects.for_account(request.account).get(uid=ApiKey.uid_from(key_id))
    except (UnknownId, ApiKey.DoesNotExist):
        raise Http404 from None
    if revoke_api_key(key, by=request.member, now=utc_now()):
        messages.success(request, _("The key is revoked. Requests with it are refused from now on."))
    return redirect("api_keys")


urlpatterns: list[URLPattern] = [
    path("settings/api-keys/", api_keys, name="api_keys"),
    path("settings/api-keys/new/", new_key, name="api_key_new"),
    path("settings/api-keys/<str:key_id>/revoke/", revoke_key, name="api_key_revoke"),
]
