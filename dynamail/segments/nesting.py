"""Segments in segments: who names whom, never in a circle, and never deeper than a person can follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.referring import find_references
from dynamail.conditions.tree import Condition

MAX_NESTED = 5  # segments in one chain, the outermost included


@dataclass(frozen=True, slots=True)
class Nesting:
    """Public ids of segments, each with those that its condition names."""

    names: Mapping[str, frozenset[str]]

    def find_cycle(self, start: str) -> list[str]:
        """A way from a segment back to itself, both ends included; empty when there is none."""
        trail: list[str] = []
        return [start, *trail] if self._walk_back(start, start, trail, set()) else []

    def find_longest(self, start: str) -> list[str]:
        """The longest chain downward. Only for nestings without a cycle."""
        chains = (self.find_longest(inner) for inner in sorted(self.names.get(start, ())))
        return [start, *max(chains, key=len, default=[])]

    def list_users(self, inner: str) -> set[str]:
        """All that name a segment, directly or through others."""
        found: set[str] = set()
        fresh = {inner}
        while fresh:
            fresh = {outer for outer, named in self.names.items() if named & fresh} - found
            found |= fresh
        return found

    def _walk_back(self, here: str, target: str, trail: list[str], seen: set[str]) -> bool:
        for inner in sorted(self.names.get(here, ())):
            if inner in seen:
                continue
            seen.add(inner)
            trail.append(inner)
            if inner == target or self._walk_back(inner, target, trail, seen):
                return True
            trail.pop()
        return False


def read_nesting(catalog: Catalog, *, put: tuple[str, Condition] | None = None) -> Nesting:
    """Of an account's segments without archived ones; `put` is a public id with the condition that it is about to get."""
    conditions = {
        public_id: known.condition for public_id, known in catalog.segments.items() if not known.archived
    }
    if put is not None:
        conditions[put[0]] = put[1]
    return Nesting({public_id: find_references(one).segments for public_id, one in conditions.items()})


def iter_nested(condition: Condition, catalog: Catalog) -> Iterable[Condition]:
    """The condition and those of all segments in it, each once."""
    yield condition
    seen: set[str] = set()
    fresh = set(find_references(condition).segments)
    while fresh:
        public_id = fresh.pop()
        seen.add(public_id)
        if (known := catalog.segments.get(public_id)) is not None:
            yield known.condition
            fresh |= find_references(known.condition).segments - seen
