"""The account's own events: which there are, what they say, and the latest of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from dynamail.accounts.roles import Permission
from dynamail.contacts.models import Contact
from dynamail.events.models import CustomEvent, EventName
from dynamail.events.own_names import describe_name, find_event_name, list_event_names
from dynamail.events.timeline import find_latest_own_events
from dynamail.segments.catalog_counts import count_events
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.own_events import DescriptionForm
from dynamail.web.views.contacts import list_tabs

LATEST = 20
TYPE_WORDS: dict[str, Promise] = {
    "text": gettext_lazy("Text"),
    "number": gettext_lazy("Number"),
    "boolean": gettext_lazy("Yes or no"),
    "list": gettext_lazy("List"),
    "object": gettext_lazy("Group of values"),
}


@dataclass(frozen=True)
class NameLine:
    """A name in the list: how many events it has, and what they say."""

    row: EventName
    count: int
    properties: list[str]


@dataclass(frozen=True)
class SampleLine:
    at: datetime
    contact: Contact | None
    properties: list[tuple[str, str]]


@needs(Permission.VIEW_CONTACTS)
@require_GET
def own_events(request: PageRequest) -> HttpResponse:
    rows = list_event_names(request.account.pk)
    counts = count_events(request.account.pk, [row.pk for row in rows])
    context = {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, "own_events"),
        "lines": [NameLine(row, counts[row.pk], sorted(row.properties)) for row in rows],
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
        "example": make_example("order.placed", {"total": 49.9, "category": "shoes"}),
    }
    return render(request, "own_events/list.html", context)


@needs(Permission.VIEW_CONTACTS)
@require_http_methods(["GET", "POST"])
def own_event(request: PageRequest, event: str) -> HttpResponse:
    row = find_event_name(request.account.pk, event)
    if row is None:
        raise Http404
    may_edit = request.member.may(Permission.EDIT_CONTACTS)
    if request.method == "POST" and not may_edit:
        return render(request, "web/403.html", status=403)
    form = DescriptionForm(request.POST or None, initial={"description": row.description})
    if request.method == "POST" and form.is_valid():
        describe_name(row, form.cleaned_data["description"], by=request.user)
        messages.success(request, _("Saved."))
        return redirect("own_event", row.public_id)
    context = {
        "page_title": row.name,
        "row": row,
        "form": form if may_edit else None,
        "count": count_events(request.account.pk, [row.pk])[row.pk],
        "properties": [(name, TYPE_WORDS.get(kind, kind)) for name, kind in sorted(row.properties.items())],
        "latest": _list_latest(request, row),
        "example": make_example(row.name, _make_values(row)),
        "segment_url": f"{reverse('segment_new')}?event={row.public_id}",
        "crumbs": [
            {"title": _("Contacts"), "url": reverse("contacts")},
            {"title": _("Events"), "url": reverse("own_events")},
        ],
    }
    return render(request, "own_events/one.html", context, status=422 if form.errors else 200)


def make_example(name: str, properties: dict[str, Any]) -> str:
    """How a program sends such an event, for a shell."""
    body = json.dumps(
        {"name": name, "email": "dana@example.com", "id": "order-1001", "properties": properties}
    )
    quoted = body.replace("'", "'\\''")
    return (
        f"curl {settings.PUBLIC_URL}/api/v1/events \\\n"
        '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\\n'
        f"  -d '{quoted}'"
    )


def _make_values(row: EventName) -> dict[str, Any]:
    values: dict[str, Any] = {"text": "…", "number": 1, "boolean": True, "list": [], "object": {}}
    return {name: values.get(kind, "…") for name, kind in sorted(row.properties.items())[:5]}


def _list_latest(request: PageRequest, row: EventName) -> list[SampleLine]:
    events = find_latest_own_events(row.account_id, row.pk, limit=LATEST)
    wanted = {event.contact_id for event in events}
    people = {
        person.id: person for person in Contact.objects.for_account(request.account).filter(id__in=wanted)
    }
    return [SampleLine(event.at, people.get(event.contact_id), show_properties(event)) for event in events]


def show_properties(event: CustomEvent) -> list[tuple[str, str]]:
    """Each property as text for a page."""
    return [(name, show_value(value)) for name, value in event.properties.items()]


def show_value(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


urlpatterns: list[URLPattern] = [
    path("contacts/events/", own_events, name="own_events"),
    path("contacts/events/<str:event>/", own_event, name="own_event"),
]
