"""Looking at all parts of a condition."""

from __future__ import annotations

from collections.abc import Iterator

from dynamail.conditions.tree import Condition, Group, Leaf, Not


def iter_leaves(condition: Condition, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every leaf with the path of its JSON, in the order of the document."""
    if isinstance(condition, Group):
        for place, member in enumerate(condition.members):
            yield from iter_leaves(member, f"{path}/{condition.match}/{place}")
    elif isinstance(condition, Not):
        yield from iter_leaves(condition.member, f"{path}/not")
    else:
        yield path, condition
