"""The tabs of the settings and of the profile: the same line on each of their pages."""

from __future__ import annotations

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


SETTINGS = (
    ("account_settings", _("Account"), "building", None),
    ("members", _("Members"), "users", None),
    ("delivery_settings", _("Sending"), "send", Permission.MANAGE_DELIVERY),
    ("sending_domains", _("Domains"), "world", Permission.MANAGE_DELIVERY),
    ("feedback", _("Bounces"), "mail-forward", Permission.MANAGE_DELIVERY),
    ("api_keys", _("API keys"), "key", Permission.MANAGE_API_KEYS),
    ("audit_log", _("Audit log"), "history", Permission.VIEW_AUDIT),
)
PROFILE = (
    ("profile", _("Profile"), "user-circle"),
    ("security", _("Sign-in and security"), "shield-lock"),
)


def list_settings_tabs(request: PageRequest, current: str) -> list[Tab]:
    """The settings that this member may open."""
    return [
        Tab(title, find_url(route), route == current, icon)
        for route, title, icon, permission in SETTINGS
        if (permission is None or request.member.may(permission)) and find_url(route)
    ]


def list_profile_tabs(current: str) -> list[Tab]:
    return [Tab(title, find_url(route), route == current, icon) for route, title, icon in PROFILE]
