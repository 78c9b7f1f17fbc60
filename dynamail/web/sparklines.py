"""A line without axes, as SVG, for a table cell or under a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MARGIN = 2.0  # keeps the line's thickness and the last dot inside the picture


@dataclass(frozen=True)
class Sparkline:
    """Paths in a box of `width` by `height`; the dot marks the last value."""

    width: int
    height: int
    line: str
    area: str
    dot_x: float
    dot_y: float


def draw_sparkline(values: Sequence[float | int], *, width: int = 120, height: int = 32) -> Sparkline | None:
    """The line through `values`, lowest at the bottom; None when there are fewer than two."""
    if len(values) < 2:
        return None
    lowest, highest = min(values), max(values)
    span = (highest - lowest) or 1
    step = (width - 2 * MARGIN) / (len(values) - 1)
    points = [
        (
            round(MARGIN + index * step, 1),
            round(height - MARGIN - (value - lowest) / span * (height - 2 * MARGIN), 1),
        )
        for index, value in enumerate(values)
    ]
    line = "M" + "L".join(f"{x} {y}" for x, y in points)
    area = f"{line}L{points[-1][0]} {height}L{points[0][0]} {height}Z"
    return Sparkline(width, height, line, area, *points[-1])
