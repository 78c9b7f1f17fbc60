"""Which operators each kind of value takes, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Mapping

from dynamail.conditions.tree import Field, Measure, Op

NO_VALUE = frozenset((Op.EMPTY, Op.FILLED))
SEVERAL_VALUES = frozenset((Op.IN, Op.NOT_IN, Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE))
# True for what is missing.
NEGATIVE = frozenset((Op.DIFFERS, Op.NOT_CONTAINS, Op.NOT_IN, Op.HAS_NONE, Op.EMPTY))

_TEXT = (Op.EQUALS, Op.DIFFERS, Op.CONTAINS, Op.NOT_CONTAINS, Op.BEGINS, Op.ENDS, Op.IN, Op.NOT_IN)
_NUMBER = (Op.EQUALS, Op.DIFFERS, Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST, Op.BETWEEN)
_MOMENT = (Op.EQUALS, Op.DIFFERS, Op.BEFORE, Op.AFTER, Op.BETWEEN)
_LIST = (Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE)
_PRESENCE = (Op.EMPTY, Op.FILLED)

# By the type of an attribute.
OPERATORS: Mapping[str, tuple[Op, ...]] = {
    "text": (*_TEXT, *_PRESENCE),
    "number": (*_NUMBER, Op.IN, Op.NOT_IN, *_PRESENCE),
    "boolean": (Op.EQUALS, Op.DIFFERS, *_PRESENCE),
    "date": (*_MOMENT, Op.ANNIVERSARY, *_PRESENCE),
    "time": (*_MOMENT, *_PRESENCE),
    "choice": (Op.EQUALS, Op.DIFFERS, Op.IN, Op.NOT_IN, *_PRESENCE),
    "list": (*_LIST, *_PRESENCE),
}
FIELD_OPERATORS: Mapping[Field, tuple[Op, ...]] = {
    Field.EMAIL: _TEXT,  # no contact is without these two
    Field.DOMAIN: _TEXT,
    Field.NAME: (*_TEXT, *_PRESENCE),
    Field.LANGUAGE: (*_TEXT, *_PRESENCE),
    Field.TIMEZONE: (*_TEXT, *_PRESENCE),
    Field.CREATED: _MOMENT,
}
TAG_OPERATORS = (*_LIST, *_PRESENCE)
PROPERTY_OPERATORS = (*_TEXT, *_NUMBER[2:], *_LIST, *_PRESENCE)
TIMES_OPERATORS = (Op.AT_LEAST, Op.AT_MOST, Op.EQUALS)
SCORE_OPERATORS = (Op.AT_LEAST, Op.AT_MOST, Op.BETWEEN)


def find_measure_operators(measure: Measure, property: str) -> tuple[Op, ...]:
    """Of a measure: numbers, except that the first and the last event have a value of any type, or their moment."""
    if measure not in (Measure.FIRST, Measure.LAST):
        return _NUMBER
    return PROPERTY_OPERATORS if property else _MOMENT
