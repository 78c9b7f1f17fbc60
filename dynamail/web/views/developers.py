"""Where a developer begins: a key, lines to send a first email with, and that email arriving."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from dynamail.accounts.api_keys import Scope, list_api_keys
from dynamail.accounts.models import ApiKey
from dynamail.accounts.roles import Permission
from dynamail.lib.clock import utc_now
from dynamail.messages.email_log import EmailFilter, EmailLine, list_emails
from dynamail.web.access import PageRequest, needs
from dynamail.web.settings_tabs import list_developer_tabs
from dynamail.web.snippets import KEY_PLACE, list_snippets, make_letter
from dynamail.web.ways_in import list_ways_in

LATEST = 3
SIMULATED = (
    ("delivered", gettext_lazy("is delivered")),
    ("bounce-5.1.1", gettext_lazy("bounces: no such mailbox")),
    ("defer", gettext_lazy("is put off, then delivered")),
    ("complaint", gettext_lazy("is delivered, then marked as spam")),
    ("suppressed", gettext_lazy("is refused: suppressed")),
)


@needs(Permission.MANAGE_API_KEYS)
@require_GET
def developers(request: PageRequest) -> HttpResponse:
    letter, key = make_letter(request.account, recipient=request.user.email), _find_key(request)
    context = {
        "page_title": _("Developers"),
        "tabs": list_developer_tabs(request, "developers"),
        "has_key": key is not None,
        "letter": letter,
        "snippets": list_snippets(letter, secret=f"{key.prefix}…" if key else KEY_PLACE),
        "latest": _list_latest(request),
        "ways_in": list_ways_in(),
        "simulated": [(f"{name}@{settings.SIMULATOR_DOMAIN}", words) for name, words in SIMULATED],
    }
    return render(request, "developers/start.html", context)


@needs(Permission.MANAGE_API_KEYS)
@require_GET
def latest(request: PageRequest) -> HttpResponse:
    """The last step of the guide, asked for again until something arrives, and while it is open."""
    return render(request, "developers/_latest.html", {"latest": _list_latest(request)})


def _list_latest(request: PageRequest) -> list[EmailLine]:
    return list_emails(request.account.pk, filters=EmailFilter(), limit=LATEST)


def _find_key(request: PageRequest) -> ApiKey | None:
    """The latest one that works and may send: the snippets show how it begins."""
    now = utc_now()
    usable = (
        key
        for key in list_api_keys(request.account.pk).filter(revoked_at=None)[:50]
        if (key.expires_at is None or key.expires_at > now) and Scope.SEND_MESSAGES in key.scopes
    )
    return next(usable, None)


urlpatterns: list[URLPattern] = [
    path("developers/", developers, name="developers"),
    path("developers/latest/", latest, name="developers_latest"),
]
