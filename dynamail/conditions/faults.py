"""What is wrong with a condition, and where: a path into its JSON, a stable code, a sentence for whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dynamail.conditions.tree import MAX_DEPTH, MAX_LEAVES, MAX_TEXT, MAX_VALUES

MAX_SHOWN = 40  # characters of a faulty value that a sentence repeats


def gettext_noop(text: str) -> str:
    """Marks a sentence for the translators; whoever shows it translates it."""
    return text


TEXTS: Mapping[str, str] = {
    # The shape of the document.
    "no_json": gettext_noop("This is no JSON: %(problem)s"),
    "not_object": gettext_noop("A condition is an object in braces."),
    "no_kind": gettext_noop("A condition has “all”, “any”, “not” or “kind”."),
    "unknown_kind": gettext_noop("There is no condition of the kind “%(value)s”. There are: %(choices)s."),
    "several_groups": gettext_noop(
        "Write only one of “all”, “any” and “not” in one object, and nothing else."
    ),
    "empty_any": gettext_noop("“Any of” needs at least one condition."),
    "too_deep": gettext_noop("Groups may lie %(limit)s deep in each other."),
    "too_many_leaves": gettext_noop("One condition has up to %(limit)s parts: divide it into segments."),
    "unknown_key": gettext_noop("“%(key)s” does not belong here."),
    "missing_key": gettext_noop("“%(key)s” is missing."),
    # Values.
    "need_text": gettext_noop("This has to be a text in quotes."),
    "need_number": gettext_noop("This has to be a number."),
    "need_whole": gettext_noop("This has to be a whole number."),
    "need_flag": gettext_noop("This has to be true or false."),
    "need_list": gettext_noop("This has to be a list."),
    "need_object": gettext_noop("This has to be an object in braces."),
    "need_scalar": gettext_noop("This has to be one value: a text, a number, true or false, or a day."),
    "need_text_or_number": gettext_noop("This has to be a text or a number."),
    "need_day": gettext_noop("This has to be a day: “2026-03-31”, or {“days”: -30} counted from today."),
    "need_moment": gettext_noop(
        "This has to be a day (“2026-03-31”, or {“days”: -30} counted from today) or a moment (“2026-03-31T14:30:00Z”)."
    ),
    "need_relative": gettext_noop("This has to be a day counted from today: {“days”: 7}."),
    "need_two": gettext_noop("This has to be a list of two values: the first and the last."),
    "wrong_order": gettext_noop("The first value has to be the smaller one."),
    "too_wide": gettext_noop("The days may span up to %(limit)s days."),
    "bad_text": gettext_noop("The text has a character that cannot be stored."),
    "empty_text": gettext_noop("The text is empty: to find what is missing, ask for “empty”."),
    "too_long": gettext_noop("The text has more than %(limit)s characters."),
    "no_values": gettext_noop("The list is empty."),
    "too_many_values": gettext_noop("The list has more than %(limit)s values."),
    "too_many_in_all": gettext_noop("All lists together have more than %(limit)s values."),
    "not_finite": gettext_noop("This is no number that can be compared."),
    "too_many_digits": gettext_noop("A number has up to %(limit)s digits."),
    "out_of_range": gettext_noop("This has to be from %(low)s to %(high)s."),
    "unknown_word": gettext_noop("“%(value)s” is not one of: %(choices)s."),
    "bad_id": gettext_noop("“%(value)s” is not an id that begins with %(prefix)s_."),
    "bad_key": gettext_noop("“%(value)s” is not the key of an attribute."),
    # What does not go together.
    "value_not_here": gettext_noop("“%(op)s” takes no value."),
    "op_not_here": gettext_noop("“%(op)s” cannot be asked here. Possible are: %(choices)s."),
    "property_not_here": gettext_noop("A count takes no property."),
    "never_asked_alone": gettext_noop("Who was never asked has no period and no basis."),
    "reason_not_here": gettext_noop("Only a suppression has a reason."),
    "link_without_campaign": gettext_noop("Name the campaign that the link is in."),
    "link_not_here": gettext_noop("Only clicks have a link."),
    "several_choices": gettext_noop(
        "Name a campaign, or a topic and how many of its last campaigns, not both."
    ),
    "empty_period": gettext_noop("Name “last_days”, or “from”, “to” or both."),
    "several_periods": gettext_noop("Name “last_days”, or “from” and “to”, not both."),
    # What the account does not have.
    "unknown_attribute": gettext_noop("There is no attribute with the key “%(value)s”."),
    "archived_attribute": gettext_noop(
        "The attribute “%(value)s” is archived: restore it, or ask for another one."
    ),
    "unknown_choice": gettext_noop("“%(value)s” is not one of the choices of “%(attribute)s”."),
    "unknown_tag": gettext_noop("There is no such tag: it may have been deleted."),
    "unknown_topic": gettext_noop("There is no such topic."),
    "unknown_segment": gettext_noop("There is no such segment: it may have been archived."),
    "broken_segment": gettext_noop(
        "The segment “%(value)s” asks for something that is not there any more: mend it first."
    ),
    "unknown_campaign": gettext_noop("No campaign with this id was ever launched."),
    "bad_event": gettext_noop(
        "No event can be called “%(value)s”: a name has letters, digits, points, hyphens, underscores and spaces between"
        " them, and does not begin like those of DynaMail itself."
    ),
    # Notes: they hinder nobody.
    "unknown_event": gettext_noop("No event called “%(value)s” has arrived yet."),
    "unknown_event_inside": gettext_noop(
        "The segment “%(value)s” asks for an event that has not arrived yet."
    ),
    "segments_too_deep": gettext_noop(
        "Segments may lie %(limit)s deep in each other, and not in themselves."
    ),
    "too_large": gettext_noop("With the segments in it this has more than %(limit)s parts."),
}
LIMITS = {
    "too_deep": MAX_DEPTH,
    "too_many_leaves": MAX_LEAVES,
    "too_long": MAX_TEXT,
    "too_many_values": MAX_VALUES,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` is a JSON pointer (RFC 6901) to the faulty part, "" for the whole; `text` a template for `parameters`."""

    path: str
    code: str
    text: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.parameters


class ConditionFault(ValueError):
    """The document is no condition. `faults` has everything that was found, in the order of the document."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.path or '/'}: {fault}" for fault in self.faults))


def make_fault(path: str, code: str, /, **parameters: object) -> Fault:
    """A fault with the sentence of its code; the limit that a sentence names need not be given when it is a constant."""
    if code in LIMITS:
        parameters.setdefault("limit", LIMITS[code])
    return Fault(path, code, TEXTS[code], {name: str(value) for name, value in parameters.items()})


def join_path(path: str, step: str | int) -> str:
    """`/all/0` and `value` make `/all/0/value`. What nobody could read or store in a key is shortened and replaced."""
    if isinstance(step, int):
        return f"{path}/{step}"
    return f"{path}/{show_text(step).replace('~', '~0').replace('/', '~1')}"


def show_text(text: str) -> str:
    """The beginning of a foreign text, without what would break a page, a log line or UTF-8."""
    cut = text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in cut)
