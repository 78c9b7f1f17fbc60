"""Conditions to begin with, fitted to what the account calls a birthday and an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.conditions.catalog import Catalog

BIRTHDAY = "birthday"  # the key that most accounts give it
ORDER = "order.placed"


@dataclass(frozen=True)
class Example:
    """What it is called, what it is good for, and its condition for an account."""

    title: Promise
    text: Promise
    icon: str
    make: Callable[[Catalog], Mapping[str, Any]]


def fit_example(example: Example, catalog: Catalog) -> Mapping[str, Any]:
    """The condition, with the account's own names where it has any."""
    return example.make(catalog)


def make_event_condition(name: str) -> Mapping[str, Any]:
    """Who did it at least once in 90 days."""
    once = {"measure": "count", "op": "at_least", "value": 1}
    return {"all": [{"kind": "event", "event": name, "measures": [once], "period": {"last_days": 90}}]}


def _asleep(catalog: Catalog) -> dict[str, Any]:
    period = {"last_days": 90}
    never = {"op": "equals", "n": 0}
    return {
        "all": [
            {"kind": "activity", "act": "sent", "period": period},
            {"kind": "activity", "act": "opened", "times": never, "period": period},
        ]
    }


def _birthday(catalog: Catalog) -> dict[str, Any]:
    dates = [one.key for one in catalog.attributes.values() if one.type == "date" and not one.archived]
    key = _choose(dates, ("birth", "rozhd", "naradzh"), BIRTHDAY)
    week = [{"days": 0}, {"days": 7}]
    return {"all": [{"kind": "attribute", "attribute": key, "op": "anniversary", "value": week}]}


def _buyers(catalog: Catalog) -> dict[str, Any]:
    twice = {"measure": "count", "op": "at_least", "value": 2}
    event = _choose(catalog.events, ("order", "purchase", "bought", "paid"), ORDER)
    return {"all": [{"kind": "event", "event": event, "measures": [twice], "period": {"last_days": 90}}]}


def _choose(names: Iterable[str], words: tuple[str, ...], usual: str) -> str:
    """The usual name when there is one, else the first that sounds like it."""
    known = sorted(names)
    if usual in known:
        return usual
    return next((name for name in known if any(word in name.lower() for word in words)), usual)


EXAMPLES: dict[str, Example] = {
    "asleep": Example(
        _("Opened nothing in 90 days"),
        _("They got something and looked at none of it: win them back, or let them rest."),
        "moon",
        _asleep,
    ),
    "birthday": Example(
        _("Birthday in the next 7 days"),
        _("Each morning those whose day is near, wherever they live."),
        "calendar",
        _birthday,
    ),
    "buyers": Example(
        _("Bought at least twice in 90 days"),
        _("From the events of your shop: thank those who come back."),
        "star",
        _buyers,
    ),
}
