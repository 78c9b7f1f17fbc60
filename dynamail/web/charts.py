"""Charts as data: ECharts options made in Python, each with the table that says the same in numbers.

Colors are left to the theme, or named as `token:color-success`. The island `chart` draws what `{% chart %}` puts on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["number", "percent"]


@dataclass(frozen=True)
class Series:
    """One line or one set of bars. `color` is a token such as `token:chart-2`; None takes the next of the theme."""

    name: str
    values: Sequence[float | int | None]
    color: str | None = None


@dataclass(frozen=True)
class Chart:
    """What `{% chart %}` needs: options for the drawing, columns and rows for the table twin.

    `label` is one sentence that says what the picture shows. Values of unit `percent` are shares between 0 and 1.
    """

    label: str
    options: dict[str, object]
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]
    unit: Unit = "number"


def make_line_chart(
    label: str,
    *,
    axis: str,
    points: Sequence[str],
    series: Sequence[Series],
    unit: Unit = "number",
    filled: bool = True,
) -> Chart:
    """Lines over `points` (days, hours); `axis` names what the points are, for the table."""
    lines = [_make_line(one, filled=filled) for one in series]
    return _make_axis_chart(label, axis=axis, points=points, series=series, drawn=lines, unit=unit)


def make_bar_chart(
    label: str,
    *,
    axis: str,
    points: Sequence[str],
    series: Sequence[Series],
    unit: Unit = "number",
    stacked: bool = False,
) -> Chart:
    """Bars over `points`; `stacked` puts the series on top of each other."""
    bars = [_make_bar(one, stacked=stacked) for one in series]
    return _make_axis_chart(label, axis=axis, points=points, series=series, drawn=bars, unit=unit)


def make_funnel_chart(label: str, *, axis: str, column: str, steps: Sequence[tuple[str, int]]) -> Chart:
    """Steps from many to few as horizontal bars: exact lengths are easier to compare than slanted areas."""
    names = [name for name, _count in steps]
    counts = [count for _name, count in steps]
    options: dict[str, object] = {
        "grid": {"left": 4, "right": 64, "top": 8, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "value", "show": False},
        "yAxis": {"type": "category", "data": names, "inverse": True, "axisLine": {"show": False}},
        "series": [
            {
                "type": "bar",
                "name": column,
                "data": counts,
                "barMaxWidth": 26,
                "showBackground": True,
                "backgroundStyle": {"color": "token:hover", "borderRadius": 6},
                "itemStyle": {"borderRadius": 6},
                "label": {"show": True, "position": "right", "color": "token:color-base-content"},
            }
        ],
    }
    return Chart(label=label, options=options, columns=[axis, column], rows=list(steps))


@dataclass(frozen=True)
class Slice:
    """A part of a whole."""

    name: str
    value: float | int
    color: str | None = field(default=None)


def make_ring_chart(label: str, *, axis: str, column: str, slices: Sequence[Slice]) -> Chart:
    """Parts of a whole as a ring; use it for six parts or fewer."""
    data = [_colored({"name": part.name, "value": part.value}, part.color) for part in slices]
    options: dict[str, object] = {
        "tooltip": {"trigger": "item"},
        "legend": {"orient": "vertical", "left": "58%", "top": "middle"},
        "series": [
            {
                "type": "pie",
                "radius": ["58%", "86%"],
                "center": ["28%", "50%"],
                "label": {"show": False},
                "data": data,
            }
        ],
    }
    rows = [(part.name, part.value) for part in slices]
    return Chart(label=label, options=options, columns=[axis, column], rows=rows)


def make_heatmap_chart(
    label: str, *, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | int]]
) -> Chart:
    """A grid of shades such as weekday by hour; `values[row][column]`."""
    cells = [[x, y, value] for y, line in enumerate(values) for x, value in enumerate(line)]
    highest = max((value for line in values for value in line), default=0)
    options: dict[str, object] = {
        "tooltip": {"trigger": "item"},
        "grid": {"left": 4, "right": 8, "top": 8, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "category", "data": list(columns), "axisLine": {"show": False}},
        "yAxis": {"type": "category", "data": list(rows), "inverse": True, "axisLine": {"show": False}},
        "visualMap": {
            "show": False,
            "min": 0,
            "max": highest or 1,
            "inRange": {"color": ["token:hover", "token:chart-1"]},
        },
        "series": [
            {
                "type": "heatmap",
                "data": cells,
                "itemStyle": {"borderColor": "token:color-base-100", "borderWidth": 2, "borderRadius": 4},
            }
        ],
    }
    table = [[name, *line] for name, line in zip(rows, values, strict=True)]
    return Chart(label=label, options=options, columns=["", *columns], rows=table)


def _make_axis_chart(
    label: str,
    *,
    axis: str,
    points: Sequence[str],
    series: Sequence[Series],
    drawn: list[dict[str, object]],
    unit: Unit,
) -> Chart:
    options: dict[str, object] = {
        "xAxis": {
            "type": "category",
            "data": list(points),
            "boundaryGap": drawn[0]["type"] == "bar" if drawn else True,
        },
        "yAxis": {"type": "value"},
        "series": drawn,
    }
    if len(series) > 1:
        options["legend"] = {"data": [one.name for one in series]}
    else:
        options["grid"] = {"top": 12, "left": 4, "right": 8, "bottom": 4, "containLabel": True}
    rows = list(zip(points, *(one.values for one in series), strict=True))
    return Chart(
        label=label, options=options, columns=[axis, *(one.name for one in series)], rows=rows, unit=unit
    )


def _make_line(series: Series, *, filled: bool) -> dict[str, object]:
    drawn: dict[str, object] = {"type": "line", "name": series.name, "data": list(series.values)}
    if filled:
        drawn["areaStyle"] = {"opacity": 0.09}
    return _colored(drawn, series.color)


def _make_bar(series: Series, *, stacked: bool) -> dict[str, object]:
    drawn: dict[str, object] = {"type": "bar", "name": series.name, "data": list(series.values)}
    if stacked:
        drawn["stack"] = "all"
        drawn["itemStyle"] = {"borderRadius": 0}
    return _colored(drawn, series.color)


def _colored(drawn: dict[str, object], color: str | None) -> dict[str, object]:
    if color is None:
        return drawn
    style = drawn.get("itemStyle")
    inherited = style if isinstance(style, dict) else {}
    return {**drawn, "itemStyle": {**inherited, "color": color}}
