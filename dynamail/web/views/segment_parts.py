"""The parts of a segment's page that are asked for once it is there, or again: its size, some people, an overlap, older changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, re_path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dynamail.accounts.roles import Permission
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.tree import SegmentTest
from dynamail.lib.clock import utc_now
from dynamail.segments.counting import TooCostly, count_exactly, count_overlap
from dynamail.segments.history import list_changes, list_days
from dynamail.segments.models import Segment
from dynamail.segments.saving import find_segment, read_definition
from dynamail.segments.wording import describe_costly, translate_fault
from dynamail.web.access import PageRequest, needs
from dynamail.web.segment_people import make_contacts_url, pick_some

ONE = r"^segments/(?P<segment>seg_[0-9a-z]{26})/"  # never meets the words that other pages use there
SIZE_DAYS = 30
CHANGES_SHOWN = 20
BAR = 1_000  # the width of the picture of an overlap

views = needs(Permission.VIEW_CONTACTS)


def get_segment(request: PageRequest, public_id: str) -> Segment:
    """The account's segment, archived or not, or 404."""
    row = find_segment(request.account.pk, public_id)
    if row is None:
        raise Http404
    return row


@dataclass(frozen=True)
class ChangeLine:
    """Somebody who joined or left. Without a `url` they are gone since."""

    title: str
    url: str
    at: datetime


@dataclass(frozen=True)
class ChangePage:
    """Those who joined, or those who left; `older` is the cursor of the page after."""

    direction: str
    changes: Sequence[ChangeLine]
    older: str


def describe_size(row: Segment) -> dict[str, Any]:
    """What is known of its size without counting."""
    days = list_days(row, SIZE_DAYS)
    return {
        "problem": row.problem,
        "joined": sum(day.joined for day in days),
        "departed": sum(day.departed for day in days),
    }


def list_change_page(row: Segment, direction: str, *, before: UUID | None = None) -> ChangePage:
    found = list_changes(row, entered=direction == "joined", before=before, limit=CHANGES_SHOWN + 1)
    shown = found[:CHANGES_SHOWN]
    lines = [
        ChangeLine(
            one.contact.name or one.contact.email if one.contact else _("a deleted contact"),
            reverse("contact", args=[one.contact.public_id]) if one.contact else "",
            one.at,
        )
        for one in shown
    ]
    return ChangePage(direction, lines, str(shown[-1].event_id) if len(found) > CHANGES_SHOWN else "")


@views
@require_GET
def older_changes(request: PageRequest, segment: str, direction: str) -> HttpResponse:
    """More of those who joined, or of those who left."""
    row = get_segment(request, segment)
    try:
        before = UUID(request.GET.get("before", ""))
    except ValueError:
        raise Http404 from None
    if direction not in ("joined", "left"):
        raise Http404
    page = list_change_page(row, direction, before=before)
    return render(request, "segments/_changes.html", {"segment": row, "page": page})


@views
@require_GET
@never_cache
def count_segment(request: PageRequest, segment: str) -> HttpResponse:
    """The figures with the exact size, counted now; the page asks for them when it is there."""
    row = get_segment(request, segment)
    context: dict[str, Any] = {"segment": row, **describe_size(row)}
    with _telling(context):
        context["counted"] = count_exactly(
            row.account_id, read_definition(row), now=utc_now(), salt=row.public_id
        )
        context["problem"] = ""
    return render(request, "segments/_figures.html", context)


@views
@require_GET
@never_cache
def show_people(request: PageRequest, segment: str) -> HttpResponse:
    """Ten of them, others each time."""
    row = get_segment(request, segment)
    context: dict[str, Any] = {
        "segment": row,
        "looked": True,
        "contacts_url": make_contacts_url(row.public_id),
    }
    with _telling(context):
        context["people"] = pick_some(row.account_id, read_definition(row), salt=row.public_id)
    return render(request, "segments/_people.html", context)


@views
@require_GET
@never_cache
def show_overlap(request: PageRequest, segment: str) -> HttpResponse:
    row = get_segment(request, segment)
    other = find_segment(row.account_id, request.GET.get("other", ""))
    context: dict[str, Any] = {"segment": row}
    if other is not None and other.archived_at is None:
        with _telling(context):
            context |= _measure_overlap(row, other)
    return render(request, "segments/_overlap.html", context)


def _measure_overlap(row: Segment, other: Segment) -> dict[str, Any]:
    found = count_overlap(
        row.account_id,
        read_definition(row),
        SegmentTest(other.public_id),
        now=utc_now(),
        salt=row.public_id,
    )
    only_this, only_other = found.this - found.both, found.other - found.both
    whole = only_this + found.both + only_other
    widths = [round(part * BAR / whole) if whole else 0 for part in (only_this, found.both, only_other)]
    return {
        "overlap": found,
        "other_name": other.name,
        "only_this": only_this,
        "only_other": only_other,
        "share": found.both / found.this if found.this else None,
        "bar": {"this": widths[0], "both": widths[1], "start": widths[0] + widths[1], "other": widths[2]},
    }


@contextmanager
def _telling(context: dict[str, Any]) -> Iterator[None]:
    """What keeps the database from answering is said in the place of the answer."""
    try:
        yield
    except TooCostly as error:
        context["problem"] = describe_costly(error)
    except ConditionFault as error:
        context["problem"] = " ".join(translate_fault(fault) for fault in error.faults)


urlpatterns: list[URLPattern] = [
    re_path(ONE + "count/$", count_segment, name="segment_count"),
    re_path(ONE + "people/$", show_people, name="segment_people"),
    re_path(ONE + "overlap/$", show_overlap, name="segment_overlap"),
    re_path(ONE + "changes/(?P<direction>[a-z-]+)/$", older_changes, name="segment_changes"),
]
