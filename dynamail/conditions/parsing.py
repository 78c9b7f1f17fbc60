"""From JSON to a condition, or to everything that is wrong with it.

Nothing is repaired or guessed. Depth is bounded before a level is entered and the number of parts while they are read, so
a hostile document costs no more than a good one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal

from dynamail.conditions.faults import ConditionFault, join_path, make_fault, show_text
from dynamail.conditions.leaves import LEAVES
from dynamail.conditions.reading import Node, Notes, list_words
from dynamail.conditions.tree import (
    EVERYBODY,
    MAX_DEPTH,
    Condition,
    Group,
    Leaf,
    Match,
    Not,
)

GROUP_KEYS = ("all", "any", "not")


def read_condition(text: str | bytes) -> Condition:
    """Like `parse_condition`, from the text of the JSON. Raises ConditionFault."""
    try:
        document = json.loads(text, parse_float=Decimal, object_pairs_hook=_make_object)
    except RecursionError:
        raise ConditionFault([make_fault("", "too_deep")]) from None
    except ValueError as error:
        raise ConditionFault([make_fault("", "no_json", problem=_name_problem(error))]) from None
    return parse_condition(document)


class _TwinKey(ValueError):
    """JSON allows a key twice and says nothing of what it means; here it would hide a part of the condition."""


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document: dict[str, object] = {}
    for key, value in pairs:
        if key in document:
            raise _TwinKey(f"“{show_text(key)}” occurs twice in one object")
        document[key] = value
    return document


def _name_problem(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return str(error) if isinstance(error, _TwinKey) else "it is not UTF-8, or a number in it is too long"


def parse_condition(document: object) -> Condition:
    """The condition that decoded JSON means; `{}` is everybody. Raises ConditionFault with all faults and their paths."""
    if document == {} and isinstance(document, dict):
        return EVERYBODY
    walk = _Walk()
    condition = walk.read(document, "", 0)
    if walk.notes.faults or condition is None:
        raise ConditionFault(walk.notes.faults)
    return condition


class _Walk:
    """One pass over a document."""

    def __init__(self) -> None:
        self.notes = Notes()

    def read(self, document: object, path: str, depth: int) -> Condition | None:
        if not isinstance(document, dict):
            return self._refuse(path, "not_object")
        if "kind" in document:
            self.notes.count_part(path)
            return None if self.notes.is_over else self._read_leaf(document, path)
        keys = [key for key in GROUP_KEYS if key in document]
        if not keys:
            return self._refuse(path, "no_kind")
        if len(document) > 1:
            self._blame_neighbors(document, keys, path)
            self.notes.count_part(path)
            return None
        if depth >= MAX_DEPTH:
            return self._refuse(path, "too_deep")
        return self._read_group(keys[0], document[keys[0]], join_path(path, keys[0]), depth + 1)

    def _refuse(self, path: str, code: str) -> Condition | None:
        self.notes.add(path, code)
        self.notes.count_part(path)
        return None

    def _blame_neighbors(self, document: dict[str, object], keys: Collection[str], path: str) -> None:
        if len(keys) > 1:
            self.notes.add(path, "several_groups")
        node = Node(self.notes, document, path)
        for key in keys:
            node.take(key)
        node.close()

    def _read_group(self, key: str, inside: object, path: str, depth: int) -> Condition | None:
        if key == "not":
            member = self.read(inside, path, depth)
            return Not(member) if member is not None else None
        if not isinstance(inside, list):
            return self._refuse(path, "need_list")
        if not inside:
            self.notes.count_part(path)
            if key == "any":
                self.notes.add(path, "empty_any")
        members = []
        for place, document in enumerate(inside):
            if self.notes.is_over:
                return None
            members.append(self.read(document, join_path(path, place), depth))
        return Group(Match(key), tuple(member for member in members if member is not None))

    def _read_leaf(self, document: dict[str, object], path: str) -> Leaf | None:
        node = Node(self.notes, document, path)
        kind = node.take("kind")
        read = LEAVES.get(kind) if isinstance(kind, str) else None
        if read is None:
            if isinstance(kind, str):
                node.blame("kind", "unknown_kind", value=show_text(kind), choices=list_words(LEAVES))
            else:
                node.blame("kind", "need_text")
            return None
        leaf = read(node)
        node.close()
        return leaf
