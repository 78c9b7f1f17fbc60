"""The tabs of the settings, of what developers use and of the profile: the same line on each of their pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.roles import Permission
from dynamail.web.access import PageRequest
from dynamail.web.context import find_url


@dataclass(frozen=True)
class Tab:
    title: str | Promise
    url: str
    active: bool
    icon: str = ""
    count: int | None = None


TabPlace = tuple[str, str | Promise, str, Permission | None]

SETTINGS: tuple[TabPlace, ...] = (
    ("account_settings", _("Account"), "building", None),
    ("members", _("Members"), "users", None),
    ("delivery_settings", _("Sending"), "send", Permission.MANAGE_DELIVERY),
    ("sending_domains", _("Domains"), "world", Permission.MANAGE_DELIVERY),
    ("streams", _("Streams"), "route", Permission.MANAGE_DELIVERY),
    ("feedback", _("Bounces"), "mail-forward", Permission.MANAGE_DELIVERY),
    ("api_keys", _("API keys"), "key", Permission.MANAGE_API_KEYS),
    ("audit_log", _("Audit log"), "history", Permission.VIEW_AUDIT),
)
DEVELOPERS: tuple[TabPlace, ...] = (
    ("developers", _("Quick start"), "terminal-2", Permission.MANAGE_API_KEYS),
    ("api_requests", _("Requests"), "history", Permission.MANAGE_API_KEYS),
    ("webhooks", _("Webhooks"), "webhook", Permission.MANAGE_API_KEYS),
    ("inbound", _("Inbound"), "mail-opened", Permission.MANAGE_DELIVERY),
)
PROFILE = (
    ("profile", _("Profile"), "user-circle"),
    ("security", _("Sign-in and security"), "shield-lock"),
)


def list_settings_tabs(request: PageRequest, current: str) -> list[Tab]:
    """The settings that this member may open."""
    return _list_tabs(SETTINGS, request, current)


def list_developer_tabs(request: PageRequest, current: str) -> list[Tab]:
    """What a developer works with, as far as this member may open it."""
    return _list_tabs(DEVELOPERS, request, current)


def _list_tabs(places: Iterable[TabPlace], request: PageRequest, current: str) -> list[Tab]:
    return [
        Tab(title, find_url(route), route == current, icon)
        for route, title, icon, permission in places
        if (permission is None or request.member.may(permission)) and find_url(route)
    ]


def list_profile_tabs(current: str) -> list[Tab]:
    return [Tab(title, find_url(route), route == current, icon) for route, title, icon in PROFILE]
