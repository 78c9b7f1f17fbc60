"""What Ctrl+K finds: pages, acts, campaigns, templates, contacts. Only what the member may open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dynamail.accounts.roles import Permission
from dynamail.campaigns.models import Campaign
from dynamail.contacts.models import Contact
from dynamail.contacts.queries import ContactFilter, list_page
from dynamail.content.models import Template
from dynamail.segments.saving import list_segments
from dynamail.web.access import PageRequest, member_page
from dynamail.web.context import find_url, list_nav

MOST_OF_A_KIND = 5
SHORTEST_SEARCH = 2  # letters before contacts are searched


@dataclass(frozen=True)
class Item:
    """One line of the palette."""

    title: str | Promise
    url: str
    icon: str
    hint: str | Promise = ""


@dataclass(frozen=True)
class Group:
    title: str
    items: list[Item]


@dataclass(frozen=True)
class Act:
    """Something to do rather than somewhere to go; `words` are further ways to ask for it."""

    title: str | Promise
    route: str
    icon: str
    permission: Permission
    words: str = ""


ACTS = (
    Act(gettext_lazy("New campaign"), "campaign_new", "plus", Permission.EDIT_CAMPAIGNS, "send write create"),
    Act(
        gettext_lazy("Import contacts"),
        "contact_import_new",
        "upload",
        Permission.EDIT_CONTACTS,
        "csv xlsx upload file",
    ),
    Act(
        gettext_lazy("New segment"),
        "segment_new",
        "filter",
        Permission.EDIT_CONTACTS,
        "condition filter audience create",
    ),
    Act(gettext_lazy("New contact"), "contact_new", "user-plus", Permission.EDIT_CONTACTS, "add create"),
    Act(
        gettext_lazy("Add a domain"),
        "sending_domain_new",
        "world",
        Permission.MANAGE_DELIVERY,
        "dns dkim spf dmarc verify",
    ),
    Act(
        gettext_lazy("New API key"),
        "api_key_new",
        "key",
        Permission.MANAGE_API_KEYS,
        "api key token secret smtp password create",
    ),
    Act(
        gettext_lazy("See requests to the API"),
        "api_requests",
        "history",
        Permission.MANAGE_API_KEYS,
        "api log error request developer",
    ),
    Act(gettext_lazy("New stream"), "stream_new", "route", Permission.MANAGE_DELIVERY, "retention create"),
    Act(gettext_lazy("Add a sender"), "sender_new", "at", Permission.MANAGE_DELIVERY, "from address"),
    Act(gettext_lazy("Add a transport"), "transport_new", "server", Permission.MANAGE_DELIVERY, "transport"),
)


@member_page
@never_cache
@require_GET
def show_palette(request: PageRequest) -> HttpResponse:
    search = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:100]
    groups = [
        Group(_("Campaigns"), _find_campaigns(request, search)),
        Group(_("Contacts"), _find_contacts(request, search)),
        Group(_("Segments"), _find_segments(request, search)),
        Group(_("Templates"), _find_templates(request, search)),
    ]
    acts, places = (
        Group(_("Actions"), _find_acts(request, search)),
        Group(_("Pages"), _find_places(request, search)),
    )
    # With nothing typed the palette is a menu; afterwards what is one's own comes first, unless a page is meant.
    order = [acts, places, *groups] if not search or acts.items or places.items else groups
    context = {"groups": [group for group in order if group.items]}
    return render(request, "palette/results.html", context)


def _find_acts(request: PageRequest, search: str) -> list[Item]:
    allowed = [act for act in ACTS if request.member.may(act.permission) and find_url(act.route)]
    return [
        Item(act.title, find_url(act.route), act.icon)
        for act in allowed
        if _matches(search, f"{act.title} {act.words}")
    ]


def _find_places(request: PageRequest, search: str) -> list[Item]:
    return [
        Item(place.title, place.url, place.icon, f"G {place.key.upper()}" if place.key else "")
        for place in list_nav(request, request.member)
        if _matches(search, str(place.title))
    ]


def _find_campaigns(request: PageRequest, search: str) -> list[Item]:
    if not request.member.may(Permission.VIEW_CAMPAIGNS):
        return []
    rows = (
        Campaign.objects.for_account(request.account).filter(name__icontains=search).order_by("-updated_at")
    )
    return [
        Item(row.name, _url("campaign", row), "speakerphone", row.get_state_display())
        for row in rows[:MOST_OF_A_KIND]
    ]


def _find_templates(request: PageRequest, search: str) -> list[Item]:
    if not search or not request.member.may(Permission.EDIT_CAMPAIGNS):
        return []
    rows = Template.objects.for_account(request.account).filter(name__icontains=search, archived_at=None)
    return [
        Item(row.name, _url("template", row), "template", row.get_kind_display())
        for row in rows.order_by("-updated_at")[:MOST_OF_A_KIND]
    ]


def _find_contacts(request: PageRequest, search: str) -> list[Item]:
    if len(search) < SHORTEST_SEARCH or not request.member.may(Permission.VIEW_CONTACTS):
        return []
    page = list_page(request.account.pk, ContactFilter(search=search), size=MOST_OF_A_KIND)
    return [_show_contact(contact) for contact in page.contacts]


def _find_segments(request: PageRequest, search: str) -> list[Item]:
    if not search or not request.member.may(Permission.VIEW_CONTACTS):
        return []
    rows = list_segments(request.account.pk, search=search)
    return [Item(row.name, _url("segment", row), "filter") for row in rows[:MOST_OF_A_KIND]]


def _show_contact(contact: Contact) -> Item:
    hint = contact.email if contact.name else ""
    return Item(contact.name or contact.email, _url("contact", contact), "user", hint)


def _url(route: str, row: Any) -> str:
    return reverse(route, args=[row.public_id])


def _matches(search: str, text: str) -> bool:
    """Every word that was typed begins a word of the text."""
    words: Iterable[str] = text.casefold().split()
    return all(any(word.startswith(typed) for word in words) for typed in search.casefold().split())


urlpatterns: list[URLPattern] = [path("palette/", show_palette, name="palette")]
