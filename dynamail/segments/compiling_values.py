"""One value asked by one operator, wherever the value stands: in a contact's attributes, a column, a property of an event.

Tests are written `(value … AND guard)`, in this order: the comparison throws most rows out. A test of an attribute may be NULL where
the value is missing, as WHERE takes it; its opposite is `IS NOT TRUE`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import LiteralString

from dynamail.conditions.days import as_moment, list_anniversaries, resolve_day, write_moment
from dynamail.conditions.folding import fold
from dynamail.conditions.tree import Day, Op, RelativeDay, Scalar, Value
from dynamail.lib.sql import SqlFragment
from dynamail.segments.contexts import Calendar
from dynamail.segments.fragments import FALSE, bind, compose, is_storable, join_all, negate

NEGATIONS = {
    Op.DIFFERS: Op.EQUALS,
    Op.NOT_CONTAINS: Op.CONTAINS,
    Op.NOT_IN: Op.IN,
    Op.HAS_NONE: Op.HAS_ANY,
    Op.EMPTY: Op.FILLED,
}
SIGNS: dict[Op, LiteralString] = {
    Op.EQUALS: "=",
    Op.LESS: "<",
    Op.AT_MOST: "<=",
    Op.MORE: ">",
    Op.AT_LEAST: ">=",
}
HEAD = 200  # characters: up to 800 bytes, of 2,704 that an index takes


@dataclass(frozen=True, slots=True)
class Operand:
    """`value` is the SQL of a value, NULL or anything where there is none; `there` says that it is there; `guard`, if it differs,
    is as much of that as a comparison still needs. `head`, if there is one, has the first HEAD characters of a text: an index takes
    those of a text of any length.
    """

    value: SqlFragment
    there: SqlFragment
    guard: SqlFragment | None = None
    head: SqlFragment | None = None

    def ask(self, test: SqlFragment) -> SqlFragment:
        """A test of `value` that holds only where the value is there."""
        return FALSE if test == FALSE else join_all([test, self.there if self.guard is None else self.guard])


Test = Callable[[Operand, Op, Value], SqlFragment]


def ask(operand: Operand, op: Op, value: Value, test: Test) -> SqlFragment:
    """The operator itself, or the opposite of its positive form: what is missing is not equal, and does differ."""
    if positive := NEGATIONS.get(op):
        return negate(ask(operand, positive, value, test))
    return operand.there if op == Op.FILLED else test(operand, op, value)


def ask_text(operand: Operand, op: Op, value: Value) -> SqlFragment:
    texts = [text for text in list_values(value) if isinstance(text, str) and is_storable(text)]
    if not texts:
        return FALSE
    match op:
        case Op.EQUALS | Op.IN:
            return _ask_equal_texts(operand, [text for text in texts if text])
        case Op.CONTAINS:
            return operand.ask(compose("strpos({}, {}) > 0", fold_value(operand.value), _bind_folded(texts)))
        case Op.BEGINS:
            return operand.ask(compose("starts_with({}, {})", fold_value(operand.value), _bind_folded(texts)))
        case Op.ENDS:
            end = _bind_folded(texts)
            return operand.ask(compose("right({}, length({})) = {}", fold_value(operand.value), end, end))
    return FALSE


def fold_value(value: SqlFragment) -> SqlFragment:
    """What `conditions.folding.fold` does, in SQL, whatever the database's locale."""
    return compose('lower({} COLLATE "pg_c_utf8")', value)


def ask_number(operand: Operand, op: Op, value: Value) -> SqlFragment:
    numbers = [number for number in list_values(value) if isinstance(number, Decimal)]
    if not numbers:
        return FALSE
    if op == Op.IN:
        test = compose("{} = ANY({})", operand.value, bind(numbers, "numeric[]"))
    elif op == Op.BETWEEN:
        test = compose(
            "{} BETWEEN {} AND {}", operand.value, bind(numbers[0], "numeric"), bind(numbers[-1], "numeric")
        )
    elif sign := SIGNS.get(op):
        test = compose(f"{{}} {sign} {{}}", operand.value, bind(numbers[0], "numeric"))
    else:
        return FALSE
    return operand.ask(test)


def ask_boolean(operand: Operand, op: Op, value: Value) -> SqlFragment:
    """The operand's value is JSON."""
    if op != Op.EQUALS or not isinstance(value, bool):
        return FALSE
    return operand.ask(compose("{} = {}", operand.value, bind("true" if value else "false", "jsonb")))


def ask_list(operand: Operand, op: Op, value: Value) -> SqlFragment:
    """The operand's value is a JSON array of texts."""
    wanted = [text for text in list_values(value) if isinstance(text, str)]
    texts = [text for text in wanted if is_storable(text)]
    if op == Op.HAS_ANY and texts:
        return operand.ask(compose("{} ?| {}", operand.value, bind(texts, "text[]")))
    if op == Op.HAS_ALL and wanted and len(texts) == len(wanted):
        return operand.ask(compose("{} ?& {}", operand.value, bind(texts, "text[]")))
    return FALSE


def ask_moment(operand: Operand, op: Op, value: Value, calendar: Calendar) -> SqlFragment:
    """The operand's value is a timestamptz."""
    return _ask_moment(operand, op, value, calendar, lambda moment: bind(moment, "timestamptz"))


def ask_moment_text(operand: Operand, op: Op, value: Value, calendar: Calendar) -> SqlFragment:
    """The operand's value is a text such as 2026-03-31T14:30:00Z in the C collation: such texts sort as their moments do."""
    return _ask_moment(operand, op, value, calendar, lambda moment: bind(write_moment(moment), "text"))


def ask_day_text(
    operand: Operand, op: Op, value: Value, calendar: Calendar, zone_name: SqlFragment
) -> SqlFragment:
    """The operand's value is a text such as 2026-03-31 in the C collation; `zone_name` the column with the zone that says what today is."""
    moments = [as_moment(one) for one in list_values(value)]
    days = [one for one in moments if isinstance(one, date | RelativeDay) and not isinstance(one, datetime)]
    if not days or len(days) < len(moments):
        return FALSE
    if op == Op.ANNIVERSARY:
        return _ask_anniversary(operand, days, calendar, zone_name)
    low, high = (_bind_day(day, calendar, zone_name) for day in (days[0], days[-1]))
    tests = {
        Op.EQUALS: compose("{} = {}", operand.value, low),
        Op.BEFORE: compose("{} < {}", operand.value, low),
        Op.AFTER: compose("{} > {}", operand.value, low),
        Op.BETWEEN: compose("{} BETWEEN {} AND {}", operand.value, low, high),
    }
    return operand.ask(tests.get(op, FALSE))


def list_values(value: Value) -> tuple[Scalar | None, ...]:
    return value if isinstance(value, tuple) else (value,)


def _ask_moment(
    operand: Operand, op: Op, value: Value, calendar: Calendar, bind_moment: Callable[[datetime], SqlFragment]
) -> SqlFragment:
    moments = [as_moment(one) for one in list_values(value)]
    if moments[0] is None or moments[-1] is None:
        return FALSE
    first, last = calendar.find_ends(moments[0])[0], calendar.find_ends(moments[-1])[1]
    from_start = compose("{} >= {}", operand.value, bind_moment(first))
    if isinstance(moments[-1], datetime):
        until_end = compose("{} <= {}", operand.value, bind_moment(moments[-1]))
    else:
        until_end = compose("{} < {}", operand.value, bind_moment(last))
    match op:
        case Op.EQUALS | Op.BETWEEN:
            return operand.ask(join_all([from_start, until_end]))
        case Op.BEFORE:
            return operand.ask(compose("NOT ({})", from_start))
        case Op.AFTER:
            return operand.ask(compose("NOT ({})", until_end))
    return FALSE


def _bind_day(day: Day, calendar: Calendar, zone_name: SqlFragment) -> SqlFragment:
    if not isinstance(day, RelativeDay):
        return bind(day.isoformat(), "text")
    return _choose_by_zone(
        calendar, zone_name, lambda today: bind(resolve_day(day, today).isoformat(), "text")
    )


def _ask_anniversary(
    operand: Operand, days: list[Day], calendar: Calendar, zone_name: SqlFragment
) -> SqlFragment:
    distances = [day.days for day in days if isinstance(day, RelativeDay)]
    if len(distances) != 2:
        return FALSE

    def spell(today: date) -> SqlFragment:
        return bind(sorted(list_anniversaries(today, *distances)), "text[]")

    return operand.ask(
        compose("substr({}, 6, 5) = ANY({})", operand.value, _choose_by_zone(calendar, zone_name, spell))
    )


def _choose_by_zone(
    calendar: Calendar, zone_name: SqlFragment, make: Callable[[date], SqlFragment]
) -> SqlFragment:
    """What `make` says for today; for contacts in zones where it is another day, for that one."""
    usual = make(calendar.today)
    branches = [
        compose("WHEN {} = ANY({}) THEN {}", zone_name, bind(list(names), "text[]"), make(day))
        for day, names in calendar.group_other_zones().items()
    ]
    if not branches:
        return usual
    places = " ".join(["{}"] * len(branches))
    return compose(
        f"CASE WHEN {{}} = '' THEN {{}} {places} ELSE {{}} END",  # type: ignore[arg-type]  # places for our own pieces
        zone_name,
        usual,
        *branches,
        usual,
    )


def _ask_equal_texts(operand: Operand, texts: list[str]) -> SqlFragment:
    """A head shorter than HEAD is the whole text; of longer ones the heads find a few, whose whole texts are compared."""
    if not texts:
        return FALSE
    if operand.head is None:
        return operand.ask(_compare_texts(operand.value, texts))
    tests = [_compare_texts(operand.head, [text[:HEAD] for text in texts])]
    if any(len(text) >= HEAD for text in texts):
        tests.append(_compare_texts(operand.value, texts))
    return operand.ask(join_all(tests))


def _compare_texts(value: SqlFragment, texts: list[str]) -> SqlFragment:
    if len(texts) == 1:
        return compose("{} = {}", value, bind(texts[0], "text"))
    return compose("{} = ANY({})", value, bind(texts, "text[]"))


def _bind_folded(texts: list[str]) -> SqlFragment:
    return bind(fold(texts[0]), "text")
