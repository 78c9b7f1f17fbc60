"""An account's own events: which of them fit, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from dynamail.conditions import comparing, days
from dynamail.conditions.operators import NEGATIVE
from dynamail.conditions.person import OwnEventRow
from dynamail.conditions.tree import EventTest, Measure, MeasureTest, Value


def find_fitting(
    test: EventTest, events: Sequence[OwnEventRow], name_id: int, span: days.Span
) -> list[OwnEventRow]:
    """The events that a test is about, oldest first."""
    named = (event for event in events if event.name_id == name_id and span.has(event.at))
    return sorted(
        (event for event in named if fits_where(test, event)), key=lambda event: (event.at, event.id)
    )


def fits_where(test: EventTest, event: OwnEventRow) -> bool:
    return all(
        comparing.holds_of_property(asked.op, event.properties.get(asked.property), asked.value)
        for asked in test.where
    )


def hold_measures(test: EventTest, events: Sequence[OwnEventRow], *, today: date, zone: str) -> bool:
    """Do all measures of these events, oldest first, come out as the test wants?"""
    return all(hold_measure(measure, events, today=today, zone=zone) for measure in test.measures)


def hold_measure(test: MeasureTest, events: Sequence[OwnEventRow], *, today: date, zone: str) -> bool:
    if test.measure is Measure.COUNT:
        return comparing.holds_of_number(test.op, Decimal(len(events)), test.value)
    if test.measure in (Measure.FIRST, Measure.LAST):
        return _hold_end(test, events, today, zone)
    return _hold_numbers(test, _list_numbers(test.property, events))


def _hold_end(test: MeasureTest, events: Sequence[OwnEventRow], today: date, zone: str) -> bool:
    if not events:
        return comparing.holds_of_missing(test.op)
    event = events[0] if test.measure is Measure.FIRST else events[-1]
    if test.property:
        return comparing.holds_of_property(test.op, event.properties.get(test.property), test.value)
    return comparing.holds_of_moment(test.op, event.at, test.value, today=today, zone=zone)


def _list_numbers(property: str, events: Sequence[OwnEventRow]) -> list[Decimal]:
    values = (comparing.read_number(event.properties.get(property)) for event in events)
    return [value for value in values if value is not None]


def _hold_numbers(test: MeasureTest, numbers: Sequence[Decimal]) -> bool:
    if test.measure is Measure.SUM:
        return comparing.holds_of_number(test.op, sum(numbers, Decimal(0)), test.value)
    if not numbers:
        return test.op in NEGATIVE
    if test.measure is Measure.AVERAGE:
        return comparing.holds_of_number(
            test.op, sum(numbers, Decimal(0)), _multiply(test.value, len(numbers))
        )
    return comparing.holds_of_number(
        test.op, min(numbers) if test.measure is Measure.MIN else max(numbers), test.value
    )


def _multiply(value: Value, count: int) -> Value:
    """What a sum is compared with instead of an average: no division, no rounding."""
    if isinstance(value, tuple):
        return tuple(item * count if isinstance(item, Decimal) else item for item in value)
    return value * count if isinstance(value, Decimal) else value
