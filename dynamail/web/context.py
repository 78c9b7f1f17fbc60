"""What every page's frame shows: navigation, accounts, running work, theme, the way to the policy."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.background import list_running_work
from dynamail.accounts.members import list_memberships
from dynamail.accounts.models import BackgroundWork, Member
from dynamail.accounts.roles import Permission
from dynamail.accounts.tenancy import account_scope, user_scope


@dataclass(frozen=True)
class Place:
    """One entry of the main navigation: the route's name, the permission that shows it, the key after G."""

    route: str
    title: str | Promise
    icon: str
    key: str
    permission: Permission | None = None
    prefixes: tuple[str, ...] = ()  # other routes' first words that belong to this place


@dataclass(frozen=True)
class NavItem:
    title: str | Promise
    url: str
    icon: str
    key: str
    active: bool
    count: int | None = None


@dataclass(frozen=True)
class AccountChoice:
    id: str
    name: str
    active: bool


@dataclass(frozen=True)
class Job:
    """Running work in the corner of every page."""

    url: str
    title: str
    done: int
    total: int


PLACES = (
    Place("home", _("Home"), "home", "h"),
    Place(
        "campaigns",
        _("Campaigns"),
        "speakerphone",
        "c",
        Permission.VIEW_CAMPAIGNS,
        prefixes=("campaign", "report"),
    ),
    Place("messages", _("Messages"), "mail", "l", Permission.VIEW_MAILBOX, prefixes=("message",)),
    Place(
        "contacts",
        _("Contacts"),
        "address-book",
        "p",
        Permission.VIEW_CONTACTS,
        prefixes=("contact", "topic", "tag", "attribute", "suppression", "own_event", "event_import"),
    ),
    Place("segments", _("Segments"), "filter", "e", Permission.VIEW_CONTACTS, prefixes=("segment",)),
    Place("templates", _("Templates"), "template", "t", Permission.VIEW_CAMPAIGNS, prefixes=("template",)),
    Place("mailbox", _("Mailbox"), "inbox", "m", Permission.VIEW_MAILBOX, prefixes=("mailbox",)),
    Place(
        "developers",
        _("Developers"),
        "code",
        "d",
        Permission.MANAGE_API_KEYS,
        prefixes=("developer", "api_request", "webhook", "inbound"),
    ),
    Place(
        "account_settings",
        _("Settings"),
        "settings",
        "s",
        prefixes=(
            "account_settings",
            "members",
            "member",
            "invitation",
            "api_key",
            "stream",
            "audit",
            "delivery",
            "sender",
            "transport",
            "routing",
            "pool",
            "sending",
            "limits",
            "warmup",
            "feedback",
        ),
    ),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Everything that asks the database is a callable: a part of a page that shows none of it asks nothing."""
    member: Member | None = getattr(request, "member", None)
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return {
        "account": member.account if member else None,
        "member": member,
        "may": _Permissions(member),
        "nav": _once(lambda: list_nav(request, member)),
        "accounts": _once(lambda: _list_accounts(member)),
        "jobs": _once(lambda: _list_jobs(member)),
        "theme": user.theme if signed_in else request.COOKIES.get("dynamail_theme", "system"),  # type: ignore[union-attr]
        "home_url": find_url("home") or "/",
        "switch_url": find_url("account_switch"),
        "new_account_url": find_url("account_new"),
        "profile_url": find_url("profile"),
        "theme_url": find_url("set_theme"),
        "sign_out_url": find_url("account_logout"),
        "palette_url": find_url("palette") if member else "",
        "tray_url": find_url("work_tray") if member else "",
        "policy_url": find_url("policy"),
        "cookies_url": find_url("cookies"),
        "language_url": find_url("set_language"),
        "passkeys_work": has_host_name(request),
        "open_mailbox_url": find_url("system_mailbox") if settings.OPEN_SYSTEM_MAILBOX else "",
    }


def list_nav(request: HttpRequest, member: Member | None) -> list[NavItem]:
    """The places that this member may open, the current one marked."""
    if member is None:
        return []
    match = request.resolver_match
    current = (match.url_name or "") if match else ""
    items = []
    for place in PLACES:
        url = find_url(place.route)
        if url and (place.permission is None or member.may(place.permission)):
            active = current == place.route or current.startswith(place.prefixes or ("\0",))
            items.append(NavItem(place.title, url, place.icon, place.key, active))
    return items


def find_url(route: str) -> str:
    """The route's address, empty when this installation has no such page."""
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""


def has_host_name(request: HttpRequest) -> bool:
    """Browsers bind passkeys to a name: on a bare IP address they do not work (WebAuthn Level 2 §5.1.2, "effective domain")."""
    host = request.get_host().rsplit(":", 1)[0].strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


class _Permissions:
    """`{% if may.CHANGE_THIS %}` in templates: the names of `Permission`."""

    def __init__(self, member: Member | None) -> None:
        self._member = member

    def __getitem__(self, name: str) -> bool:
        permission = Permission.__members__[name]  # a misspelled name in a template is a KeyError in its test
        return self._member is not None and self._member.may(permission)


def _list_accounts(member: Member | None) -> list[AccountChoice]:
    if member is None:
        return []
    with user_scope(member.user_id):
        rows = list_memberships(member.user)
    return [
        AccountChoice(row.account.public_id, row.account.name, row.account_id == member.account_id)
        for row in rows
    ]


def _list_jobs(member: Member | None) -> list[Job]:
    if member is None:
        return []
    with account_scope(member.account_id):
        rows = list_running_work(member.account_id)
    return [make_job(row) for row in rows]


def make_job(work: BackgroundWork) -> Job:
    return Job(reverse("work_progress", args=[work.public_id]), work.title, work.done, work.total or 0)


def _once(make: Callable[[], Any]) -> Callable[[], Any]:
    made: list[Any] = []

    def get() -> Any:
        if not made:
            made.append(make())
        return made[0]

    return get
