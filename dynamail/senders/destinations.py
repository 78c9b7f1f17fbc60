"""Destinations that DynaMail knows: how much each takes, and what its replies mean for the pace. Read from `data/destinations.toml`.

A destination is one mailbox provider, recognized by the site of its mail hosts. The last one in the file, `other`, stands for all that
are not named. Replies are matched with the destination's own rules first, then with those of `other`; the first that fits decides.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

OTHER = "other"
MAX_SAID = 600  # characters of a reply that the rules see
MAX_PAUSE_MINUTES = 24 * 60
MOST_CONNECTIONS, MOST_PER_SECOND, MOST_MESSAGES = 1_000, 10_000, 1_000_000_000

_ADDRESS = re.compile(r"<?[^\s<>()\"';:,]{1,64}@[^\s<>()\"';:,]{1,255}>?")


class Lesson(StrEnum):
    """What a reply teaches about the way to a destination."""

    NOTHING = "nothing"  # it is about one recipient, or greylisting
    SLOWER = "slower"  # too much at once: fewer connections, a lower rate
    PAUSE = "pause"  # nothing at all for some minutes
    BLOCKED = "blocked"  # our IP address or domain is refused: a pause, and somebody must look


@dataclass(frozen=True, slots=True)
class DestinationLimits:
    """Limits of one transport towards one destination, for all workers together; None: no limit."""

    connections: int | None = None
    per_second: float | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    per_connection: int | None = None

    def over(self, weaker: DestinationLimits) -> DestinationLimits:
        """These limits, and where they say nothing the weaker ones."""
        return DestinationLimits(
            *(getattr(weaker, name) if (own := getattr(self, name)) is None else own for name in LIMIT_NAMES)
        )


LIMIT_NAMES = tuple(field.name for field in fields(DestinationLimits))


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """`pattern` is searched in `<code> <enhanced code> <text>` in lower case. `minutes` 0: the usual pause."""

    lesson: Lesson
    pattern: re.Pattern[str]
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """`sites` are the names that `protocols.mx_sites` gives to its mail hosts."""

    name: str
    title: str
    sites: tuple[str, ...]
    limits: DestinationLimits
    replies: tuple[ReplyRule, ...]


class BadDestinations(Exception):
    """The data file contradicts itself; the text names the place."""


@cache
def load_destinations() -> tuple[Destination, ...]:
    """Those that are known, `other` last. Raises BadDestinations."""
    text = resources.files("dynamail.senders").joinpath("data", "destinations.toml").read_text("utf-8")
    return read_destinations(text)


def find_destination(site: str) -> Destination:
    """The destination of a site, by its name or a parent of it."""
    known = _destinations_by_site()
    name = site
    while name:
        if name in known:
            return known[name]
        name = name.partition(".")[2]
    return known[OTHER]


def find_lesson(site: str, said: str) -> ReplyRule | None:
    """What a reply of this site teaches; None when it says nothing about the pace. `said`: code, enhanced code and text."""
    said = said[:MAX_SAID].lower()
    destination = find_destination(site)
    for rule in destination.replies:
        if rule.pattern.search(said):
            return rule
    if destination.name == OTHER:
        return None
    return next((rule for rule in find_destination("").replies if rule.pattern.search(said)), None)


def hide_addresses(said: str) -> str:
    """A reply without the people it names, to be kept where only the destination is meant."""
    return _ADDRESS.sub("…", said)


def write_destination_table() -> str:
    """The built-in limits as Markdown, for `docs/operations/throttling.md`."""
    head = "| destination | sites | connections | per second | per connection |\n|---|---|--:|--:|--:|"
    lines = (
        f"| {one.title} | {', '.join(f'`{site}`' for site in one.sites[:3])}{' …' if len(one.sites) > 3 else ''} "
        f"| {one.limits.connections} | {one.limits.per_second or ''} | {one.limits.per_connection} |"
        for one in load_destinations()
    )
    return "\n".join([head, *lines]) + "\n"


def read_destinations(text: str) -> tuple[Destination, ...]:
    """The destinations in the words of the data file. Raises BadDestinations."""
    try:
        entries = tomllib.loads(text)["destination"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise BadDestinations(f"The list of destinations cannot be read: {error}") from error
    destinations = tuple(_read_destination(entry) for entry in entries)
    sites = [site for destination in destinations for site in destination.sites]
    names = [destination.name for destination in destinations]
    twice = {word for words in (sites, names) for word in words if words.count(word) > 1}
    if twice:
        raise BadDestinations(f"Named twice: {', '.join(sorted(twice))}.")
    if not names or names[-1] != OTHER:
        raise BadDestinations(f"The last destination must be “{OTHER}”.")
    return destinations


@cache
def _destinations_by_site() -> dict[str, Destination]:
    known = {site: destination for destination in load_destinations() for site in destination.sites}
    return known | {OTHER: load_destinations()[-1]}


def _read_destination(entry: dict[str, Any]) -> Destination:
    entry = dict(entry)
    name = entry.pop("name", "")
    try:
        return Destination(
            name=name,
            title=entry.pop("title"),
            sites=tuple(entry.pop("sites")),
            replies=tuple(_read_rule(rule) for rule in entry.pop("reply", [])),
            limits=_read_limits(entry),
        )
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise BadDestinations(f"Destination “{name}”: {error!r}") from error


def _read_limits(entry: dict[str, Any]) -> DestinationLimits:
    limits = DestinationLimits(**entry)
    for name in LIMIT_NAMES:
        value = getattr(limits, name)
        if value is not None and not 0 < value <= MOST_MESSAGES:
            raise ValueError(f"{name} = {value}")
    return limits


def _read_rule(entry: dict[str, Any]) -> ReplyRule:
    rule = ReplyRule(Lesson(entry["teaches"]), re.compile(entry["words"]), entry.get("minutes", 0))
    if not 0 <= rule.minutes <= MAX_PAUSE_MINUTES:
        raise ValueError(f"minutes = {rule.minutes}")
    return rule
