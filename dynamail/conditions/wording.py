"""Pieces of the sentence that says what a condition means: values, days, periods, how often, what is asked of a value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from gettext import NullTranslations
from typing import Protocol

from dynamail.conditions.days import write_moment
from dynamail.conditions.faults import show_text
from dynamail.conditions.tree import Op, Period, RelativeDay, Scalar, Times, Value

MAX_LISTED = 10  # values of a list that a sentence names


class Words(Protocol):
    """A language. The module `django.utils.translation` is one."""

    def gettext(self, message: str, /) -> str: ...
    def ngettext(self, singular: str, plural: str, number: int, /) -> str: ...
    def pgettext(self, context: str, message: str, /) -> str: ...


ENGLISH: Words = NullTranslations()


def join_phrases(phrases: Sequence[str], words: Words, *, any_of: bool = False) -> str:
    """`a, b and c`, or `a, b or c`."""
    if not phrases:
        return ""
    if len(phrases) == 1:
        return phrases[0]
    parts = {"first": ", ".join(phrases[:-1]), "last": phrases[-1]}
    return (
        words.gettext("%(first)s or %(last)s") if any_of else words.gettext("%(first)s and %(last)s")
    ) % parts


def list_values(values: Sequence[str], words: Words, *, any_of: bool = True) -> str:
    """The first few values, and how many more there are."""
    more = len(values) - MAX_LISTED
    if more > 1:
        values = [*values[:MAX_LISTED], words.ngettext("%(n)s more", "%(n)s more", more) % {"n": more}]
    return join_phrases(values, words, any_of=any_of)


def describe_scalar(value: Scalar, words: Words) -> str:
    if isinstance(value, bool):
        return words.gettext("yes") if value else words.gettext("no")
    if isinstance(value, RelativeDay):
        return describe_relative(value.days, words)
    if isinstance(value, date):
        return write_moment(value)
    return f"{value:f}" if isinstance(value, Decimal) else show_text(value)


def describe_relative(days: int, words: Words) -> str:
    named = {0: words.gettext("today"), 1: words.gettext("tomorrow"), -1: words.gettext("yesterday")}
    if days in named:
        return named[days]
    if days > 0:
        return words.ngettext("in %(n)s day", "in %(n)s days", days) % {"n": days}
    return words.ngettext("%(n)s day ago", "%(n)s days ago", -days) % {"n": -days}


def describe_period(period: Period, words: Words) -> str:
    """ "in the last 30 days"; empty for ever."""
    if period.last_days == 1:
        return words.gettext("today")
    if period.last_days is not None:
        text = words.ngettext("in the last %(n)s day", "in the last %(n)s days", period.last_days)
        return text % {"n": period.last_days}
    first, last = (day.isoformat() if day else "" for day in (period.first_day, period.last_day))
    if first and first == last:
        return words.gettext("on %(day)s") % {"day": first}
    if first and last:
        return words.gettext("from %(first)s to %(last)s") % {"first": first, "last": last}
    if first:
        return words.gettext("since %(first)s") % {"first": first}
    return words.gettext("until %(last)s") % {"last": last} if last else ""


def describe_times(times: Times, words: Words) -> str:
    """ "at least 2 times"."""
    text = {
        Op.AT_LEAST: words.ngettext("at least %(n)s time", "at least %(n)s times", times.n),
        Op.AT_MOST: words.ngettext("at most %(n)s time", "at most %(n)s times", times.n),
        Op.EQUALS: words.ngettext("exactly %(n)s time", "exactly %(n)s times", times.n),
    }[times.op]
    return text % {"n": times.n}


def describe_messages(times: Times, words: Words) -> str:
    """ "at least 2 messages"."""
    text = {
        Op.AT_LEAST: words.ngettext("at least %(n)s message", "at least %(n)s messages", times.n),
        Op.AT_MOST: words.ngettext("at most %(n)s message", "at most %(n)s messages", times.n),
        Op.EQUALS: words.ngettext("exactly %(n)s message", "exactly %(n)s messages", times.n),
    }[times.op]
    return text % {"n": times.n}


def describe_test(name: str, op: Op, value: Value, words: Words) -> str:
    """ "City is Minsk": what is asked of the value called `name`."""
    if op is Op.ANNIVERSARY:
        return _describe_anniversary(name, value, words)
    values = [
        describe_scalar(item, words)
        for item in (value if isinstance(value, tuple) else (value,))
        if item is not None
    ]
    parts = {"name": name, "value": _join_values(op, values, words)}
    if op is Op.BETWEEN and len(values) == 2:
        parts |= {"first": values[0], "last": values[1]}
    return _find_template(op, words) % parts


def _join_values(op: Op, values: Sequence[str], words: Words) -> str:
    return list_values(values, words, any_of=op is not Op.HAS_ALL)


def _find_template(op: Op, words: Words) -> str:
    return {
        Op.EQUALS: words.gettext("%(name)s is %(value)s"),
        Op.DIFFERS: words.gettext("%(name)s is not %(value)s"),
        Op.CONTAINS: words.gettext("%(name)s contains “%(value)s”"),
        Op.NOT_CONTAINS: words.gettext("%(name)s does not contain “%(value)s”"),
        Op.BEGINS: words.gettext("%(name)s begins with “%(value)s”"),
        Op.ENDS: words.gettext("%(name)s ends with “%(value)s”"),
        Op.IN: words.gettext("%(name)s is %(value)s"),
        Op.NOT_IN: words.gettext("%(name)s is not %(value)s"),
        Op.LESS: words.gettext("%(name)s is less than %(value)s"),
        Op.AT_MOST: words.gettext("%(name)s is at most %(value)s"),
        Op.MORE: words.gettext("%(name)s is more than %(value)s"),
        Op.AT_LEAST: words.gettext("%(name)s is at least %(value)s"),
        Op.BETWEEN: words.gettext("%(name)s is from %(first)s to %(last)s"),
        Op.BEFORE: words.gettext("%(name)s is before %(value)s"),
        Op.AFTER: words.gettext("%(name)s is after %(value)s"),
        Op.HAS_ANY: words.gettext("%(name)s has %(value)s"),
        Op.HAS_ALL: words.gettext("%(name)s has %(value)s"),
        Op.HAS_NONE: words.gettext("%(name)s does not have %(value)s"),
        Op.EMPTY: words.gettext("%(name)s is empty"),
        Op.FILLED: words.gettext("%(name)s is filled in"),
    }[op]


def _describe_anniversary(name: str, value: Value, words: Words) -> str:
    """A birthday and the like: the year does not count."""
    first, last = (
        item.days if isinstance(item, RelativeDay) else 0
        for item in (value if isinstance(value, tuple) else (None, None))
    )
    if first == 0 and last > 0:
        text = words.ngettext(
            "the anniversary of %(name)s is today or in the next %(n)s day",
            "the anniversary of %(name)s is today or in the next %(n)s days",
            last,
        )
        return text % {"name": name, "n": last}
    start, end = describe_relative(first, words), describe_relative(last, words)
    if first == last:
        return words.gettext("the anniversary of %(name)s is %(value)s") % {"name": name, "value": start}
    text = words.gettext("the anniversary of %(name)s lies between %(first)s and %(last)s")
    return text % {"name": name, "first": start, "last": end}
