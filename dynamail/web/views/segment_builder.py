"""What the condition builder asks while it is used: names to choose from, the sentence, counts, people, values. JSON all through.

A document that is no condition is answered with 400, one that names what the account does not have with 200; either way with
its faults, each at its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.models import Campaign
from dynamail.conditions.catalog import Catalog
from dynamail.conditions.faults import ConditionFault, Fault, make_fault
from dynamail.conditions.noticing import find_notes
from dynamail.conditions.operators import OPERATORS
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.tree import Condition, SegmentTest
from dynamail.consent.topics import find_topics
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.models import ContactImport
from dynamail.contacts.tags import list_tags
from dynamail.events.models import EventName
from dynamail.lib.clock import utc_now
from dynamail.segments.catalog_counts import count_contacts_behind, count_events
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.checking import check_new
from dynamail.segments.counting import TooCostly, count_exactly, count_overlap, estimate
from dynamail.segments.models import Segment
from dynamail.segments.suggesting import (
    suggest_attribute_values,
    suggest_field_values,
    suggest_property_values,
)
from dynamail.segments.usage import Thing, count_uses
from dynamail.segments.wording import describe_condition, describe_costly, translate_fault
from dynamail.tracking.models import Link
from dynamail.web.access import PageRequest, View, needs
from dynamail.web.condition_words import list_words
from dynamail.web.forms.conditions import read_json
from dynamail.web.segment_people import pick_some

MOST_CAMPAIGNS = 200  # offered, the latest first
MOST_EVENTS = 200
MOST_IMPORTS = 100
LONGEST_NAME = 200  # characters of a key, name or beginning of a value
LONGEST_URL = 200  # characters of a link that are shown

views = needs(Permission.VIEW_CONTACTS)
Answer = dict[str, Any]
Handler = Callable[[PageRequest, "Asked"], Answer]


class Asked:
    """What a POST of the builder carries: the condition, read and held against the account's catalog, and the rest."""

    def __init__(self, request: PageRequest) -> None:
        document = _read_body(request)
        self.fields: Mapping[str, Any] = document
        self.account_id = request.account.pk
        self.condition: Condition = parse_condition(document.get("condition"))
        self.catalog: Catalog = load_catalog(self.account_id)
        self.faults: Sequence[Fault] = check_new(self.condition, self.catalog)

    @property
    def salt(self) -> str:
        salt = self.fields.get("salt", "")
        return salt if isinstance(salt, str) and salt.isascii() and len(salt) <= 40 else ""


def answers(handler: Handler) -> View:
    """A POST endpoint. Faults in the condition are its answer, never an error of the server."""

    @views
    @require_POST
    @never_cache
    @wraps(handler)
    def view(request: PageRequest) -> JsonResponse:
        try:
            asked = Asked(request)
            return JsonResponse(handler(request, asked))
        except ConditionFault as error:
            return JsonResponse({"faults": _tell(error.faults)}, status=400)
        except TooCostly as error:
            return JsonResponse({"problem": describe_costly(error)})

    return view


def _read_body(request: HttpRequest) -> Mapping[str, Any]:
    """Raises ConditionFault: a body that is no JSON object is as faulty as a condition that is none."""
    document = read_json(request.body)
    if not isinstance(document, dict):
        raise ConditionFault([make_fault("", "not_object")])
    return document


def _tell(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"path": fault.path, "code": fault.code, "text": translate_fault(fault)} for fault in faults]


# ── The condition ────────────────────────────────────────────────────────────────────────────────────────────────────
@answers
def check(request: PageRequest, asked: Asked) -> Answer:
    """What it means in words, what is wrong with it, and what is only worth a note."""
    if asked.faults:
        return {"sentence": "", "faults": _tell(asked.faults), "notes": []}
    return {
        "sentence": describe_condition(asked.condition, asked.catalog),
        "faults": [],
        "notes": _tell(find_notes(asked.condition, asked.catalog)),
    }


def _if_sound(handler: Handler) -> Handler:
    """Only a condition without faults is asked of the database."""

    @wraps(handler)
    def wrapper(request: PageRequest, asked: Asked) -> Answer:
        return {"faults": _tell(asked.faults)} if asked.faults else handler(request, asked)

    return wrapper


@answers
@_if_sound
def estimate_count(request: PageRequest, asked: Asked) -> Answer:
    """At once, from a share of the contacts."""
    found = estimate(asked.account_id, asked.condition, now=utc_now(), salt=asked.salt)
    return {"number": found.number, "low": found.low, "high": found.high, "ms": found.milliseconds}


@answers
@_if_sound
def count(request: PageRequest, asked: Asked) -> Answer:
    found = count_exactly(asked.account_id, asked.condition, now=utc_now(), salt=asked.salt)
    return {"number": found.number, "ms": found.milliseconds}


@answers
@_if_sound
def list_people(request: PageRequest, asked: Asked) -> Answer:
    """Ten of them; others at the next request."""
    people = pick_some(asked.account_id, asked.condition, salt=asked.salt)
    return {
        "people": [
            {
                "id": one.public_id,
                "name": one.name,
                "email": one.email,
                "url": reverse("contact", args=[one.public_id]),
            }
            for one in people
        ]
    }


@answers
@_if_sound
def measure_overlap(request: PageRequest, asked: Asked) -> Answer:
    """How much of it is in another segment, too."""
    public_id = asked.fields.get("segment")
    other = asked.catalog.segments.get(public_id) if isinstance(public_id, str) else None
    if other is None or other.archived:
        return {"problem": _("There is no such segment any more.")}
    assert isinstance(public_id, str)  # noqa: S101 - for the type checker
    found = count_overlap(
        asked.account_id, asked.condition, SegmentTest(public_id), now=utc_now(), salt=asked.salt
    )
    return {"this": found.this, "other": found.other, "both": found.both}


# ── What there is to choose from ─────────────────────────────────────────────────────────────────────────────────────
@views
@require_GET
@never_cache
def show_catalog(request: PageRequest) -> JsonResponse:
    """Everything a condition can name, with how much stands behind it, and the builder's words."""
    account_id = request.account.pk
    catalog, counts = load_catalog(account_id), count_contacts_behind(account_id)
    uses = count_uses(catalog, Thing.ATTRIBUTE)
    answer = {
        "attributes": [
            {
                "key": one.key,
                "label": one.label,
                "type": one.type,
                "choices": one.choices,
                "uses": uses[one.key],
                "filled": counts.filled.get(one.number, 0),
            }
            for one in list_attributes(account_id)
        ],
        "tags": [
            {"id": one.public_id, "name": one.name, "contacts": counts.tagged.get(one.pk, 0)}
            for one in list_tags(account_id)
        ],
        "topics": [{"id": one.public_id, "name": one.name} for one in find_topics(request.account)],
        "segments": _list_segments(account_id),
        "campaigns": _list_campaigns(account_id),
        "events": _list_events(account_id),
        "sources": _list_sources(account_id),
        "operators": {kind: [str(op) for op in ops] for kind, ops in OPERATORS.items()},
        "words": list_words(),
    }
    return JsonResponse(answer)


def _list_segments(account_id: int) -> list[Answer]:
    rows = Segment.objects.for_account(account_id).filter(archived_at=None).order_by("name")
    return [{"id": one.public_id, "name": one.name, "size": one.size} for one in rows]


def _list_campaigns(account_id: int) -> list[Answer]:
    """Those that were launched, with their links by number."""
    rows = Campaign.objects.for_account(account_id).filter(launched_at__isnull=False)
    shown = list(rows.order_by("-launched_at").only("uid", "name", "launched_at")[:MOST_CAMPAIGNS])
    links: dict[Any, list[Answer]] = {one.uid: [] for one in shown}
    for link in Link.objects.for_account(account_id).filter(source_id__in=list(links)).order_by("number"):
        links[link.source_id].append({"number": link.number, "url": link.url[:LONGEST_URL]})
    return [
        {
            "id": one.public_id,
            "name": one.name,
            "launched_at": one.launched_at.isoformat() if one.launched_at else None,
            "links": links[one.uid],
        }
        for one in shown
    ]


def _list_events(account_id: int) -> list[Answer]:
    rows = list(EventName.objects.for_account(account_id).order_by("-last_at")[:MOST_EVENTS])
    counts = count_events(account_id, [one.pk for one in rows])
    return [
        {"name": one.name, "count": counts[one.pk], "properties": one.properties}
        for one in sorted(rows, key=lambda one: one.name)
    ]


def _list_sources(account_id: int) -> list[Answer]:
    rows = ContactImport.objects.for_account(account_id).filter(subject=ContactImport.Subject.CONTACTS)
    shown = rows.exclude(finished_at=None).order_by("-finished_at")[:MOST_IMPORTS]
    return [{"id": one.public_id, "label": one.file_name} for one in shown]


@views
@require_GET
@never_cache
def list_values(request: PageRequest) -> JsonResponse:
    """Values that contacts or events really have, those of most contacts first."""
    account_id = request.account.pk
    asked = {name: request.GET.get(name, "")[:LONGEST_NAME] for name in request.GET}
    prefix = asked.get("prefix", "")
    if "attribute" in asked:
        found = suggest_attribute_values(account_id, asked["attribute"], prefix)
    elif "field" in asked:
        found = suggest_field_values(account_id, asked["field"], prefix)
    else:
        event, key = asked.get("event", ""), asked.get("property", "")
        found = suggest_property_values(account_id, event, key, prefix)
    return JsonResponse({"values": [asdict(one) for one in found]})


urlpatterns: list[URLPattern] = [
    path("segments/builder/catalog/", show_catalog, name="segment_builder_catalog"),
    path("segments/builder/check/", check, name="segment_builder_check"),
    path("segments/builder/estimate/", estimate_count, name="segment_builder_estimate"),
    path("segments/builder/count/", count, name="segment_builder_count"),
    path("segments/builder/people/", list_people, name="segment_builder_people"),
    path("segments/builder/overlap/", measure_overlap, name="segment_builder_overlap"),
    path("segments/builder/values/", list_values, name="segment_builder_values"),
]
