"""What a condition means, as one sentence in plain words.

“City is Minsk and (tagged VIP or opened at least 2 messages in the last 30 days), but not in the segment Staff”.
Negations that stand for themselves come last, after “but”. Names are those of the catalog, and what it lacks is named by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.faults import show_text
from dynamail.conditions.operators import TIMES_OPERATORS
from dynamail.conditions.tree import (
    Act,
    ActivityTest,
    AddressTest,
    AttributeTest,
    Condition,
    EventTest,
    Field,
    FieldTest,
    Finding,
    Group,
    Leaf,
    Match,
    Measure,
    MeasureTest,
    MessageChoice,
    Not,
    Op,
    Period,
    RandomTest,
    ScoreTest,
    SegmentTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
    Times,
    TopicState,
    TopicTest,
)
from dynamail.conditions.wording import (
    ENGLISH,
    Words,
    describe_messages,
    describe_period,
    describe_scalar,
    describe_test,
    describe_times,
    join_phrases,
    list_values,
)

# The negation of an operator, where it is one: not less than 5 is also what has no number, at least 5 is not.
_OPPOSITES = {
    Op.EQUALS: Op.DIFFERS,
    Op.CONTAINS: Op.NOT_CONTAINS,
    Op.IN: Op.NOT_IN,
    Op.HAS_ANY: Op.HAS_NONE,
    Op.EMPTY: Op.FILLED,
}
_OPPOSITES |= {there: here for here, there in _OPPOSITES.items()}
_ONCE, _NEVER = Times(), Times(Op.EQUALS, 0)


def describe(condition: Condition, catalog: Catalog, *, words: Words = ENGLISH) -> str:
    """One sentence without a full stop, in the language of `words`."""
    text = _Teller(catalog, words).tell(condition)
    return text[:1].upper() + text[1:]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Teller:
    catalog: Catalog
    words: Words

    def tell(self, condition: Condition) -> str:
        condition = _simplify(condition)
        if isinstance(condition, Group):
            return self._tell_group(condition)
        if isinstance(condition, Not):
            inside = self.tell(condition.member)
            return self.words.gettext("not (%(condition)s)") % {"condition": inside}
        return _LEAVES[type(condition)](condition, self)

    def _tell_group(self, group: Group) -> str:
        if not group.members:
            return self.words.gettext("everybody")
        if len(group.members) == 1:
            return self.tell(group.members[0])
        if group.match is Match.ANY:
            return join_phrases(
                [self._tell_inside(member) for member in group.members], self.words, any_of=True
            )
        kept = [self._tell_inside(member) for member in group.members if not _is_negation(member)]
        excluded = [self._tell_inside(member) for member in group.members if _is_negation(member)]
        if not kept or not excluded:
            return join_phrases(kept or excluded, self.words)
        parts = {"kept": join_phrases(kept, self.words), "excluded": join_phrases(excluded, self.words)}
        return self.words.gettext("%(kept)s, but %(excluded)s") % parts

    def _tell_inside(self, member: Condition) -> str:
        """In parentheses where it would run into its neighbors."""
        text = self.tell(member)
        return f"({text})" if _is_long(_simplify(member)) else text

    def find_name(self, known: Mapping[str, _Named], key: str) -> str:
        return show_text(known[key].name if key in known else key)

    def add_period(self, text: str, period: Period) -> str:
        when = describe_period(period, self.words)
        return self.words.gettext("%(what)s %(when)s") % {"what": text, "when": when} if when else text


def _simplify(condition: Condition) -> Condition:
    """Without groups of one, and with negations inside the leaf that can say them."""
    while isinstance(condition, Group) and len(condition.members) == 1:
        condition = condition.members[0]
    return _negate(_simplify(condition.member)) if isinstance(condition, Not) else condition


def _is_long(condition: Condition) -> bool:
    """Told with commas or words that join."""
    match condition:
        case Group():
            return len(condition.members) > 1
        case EventTest():
            return bool(condition.where) or len(condition.measures) > 1
        case _:
            return False


def _negate(condition: Condition) -> Condition:
    match condition:
        case Not():
            return condition.member
        case TopicTest() | SourceTest() | SegmentTest() | StandingTest() | AddressTest():
            return replace(condition, negated=not condition.negated)
        case AttributeTest() | FieldTest() | TagTest() if condition.op in _OPPOSITES:
            return replace(condition, op=_OPPOSITES[condition.op])
        case ActivityTest() if condition.times == _ONCE:
            return replace(condition, times=_NEVER)
        case _:
            return Not(condition)


def _is_negation(condition: Condition) -> bool:
    condition = _simplify(condition)
    match condition:
        case Not():
            return True
        case TopicTest() | SourceTest() | SegmentTest() | StandingTest() | AddressTest():
            return condition.negated
        case TagTest():
            return condition.op is Op.HAS_NONE
        case _:
            return False


# --- who somebody is ---


def _tell_attribute(leaf: AttributeTest, teller: _Teller) -> str:
    known = teller.catalog.attributes.get(leaf.attribute)
    return describe_test(
        show_text(known.label if known else leaf.attribute), leaf.op, leaf.value, teller.words
    )


def _tell_field(leaf: FieldTest, teller: _Teller) -> str:
    words = teller.words
    name = {
        Field.EMAIL: words.gettext("email"),
        Field.DOMAIN: words.gettext("domain of the address"),
        Field.NAME: words.gettext("name"),
        Field.LANGUAGE: words.gettext("language"),
        Field.TIMEZONE: words.gettext("time zone"),
        Field.CREATED: words.gettext("day of being added"),
    }[leaf.field]
    return describe_test(name, leaf.op, leaf.value, words)


def _tell_tag(leaf: TagTest, teller: _Teller) -> str:
    words = teller.words
    names = [teller.find_name(teller.catalog.tags, tag) for tag in leaf.tags]
    text = {
        Op.HAS_ANY: words.gettext("tagged %(tags)s"),
        Op.HAS_ALL: words.gettext("tagged %(tags)s"),
        Op.HAS_NONE: words.gettext("not tagged %(tags)s"),
        Op.EMPTY: words.gettext("without tags"),
        Op.FILLED: words.gettext("with any tag"),
    }[leaf.op]
    return text % {"tags": list_values(names, words, any_of=leaf.op is not Op.HAS_ALL)}


def _tell_topic(leaf: TopicTest, teller: _Teller) -> str:
    words = teller.words
    yes, no = {
        TopicState.SUBSCRIBED: (
            words.gettext("subscribed to %(topic)s"),
            words.gettext("not subscribed to %(topic)s"),
        ),
        TopicState.PENDING: (
            words.gettext("asked to confirm %(topic)s"),
            words.gettext("not asked to confirm %(topic)s"),
        ),
        TopicState.UNSUBSCRIBED: (
            words.gettext("unsubscribed from %(topic)s"),
            words.gettext("not unsubscribed from %(topic)s"),
        ),
        TopicState.NEVER_ASKED: (
            words.gettext("never asked about %(topic)s"),
            words.gettext("asked about %(topic)s"),
        ),
    }[leaf.state]
    text = (no if leaf.negated else yes) % {"topic": teller.find_name(teller.catalog.topics, leaf.topic)}
    bases = {
        "consent": words.gettext("%(what)s by consent"),
        "contract": words.gettext("%(what)s by contract"),
        "law": words.gettext("%(what)s by law"),
    }
    return teller.add_period(bases.get(leaf.basis, "%(what)s") % {"what": text}, leaf.period)


def _tell_source(leaf: SourceTest, teller: _Teller) -> str:
    words = teller.words
    yes, no = {
        "form": (words.gettext("added by a form"), words.gettext("not added by a form")),
        "import": (words.gettext("imported"), words.gettext("not imported")),
        "api": (words.gettext("added by the API"), words.gettext("not added by the API")),
        "integration": (
            words.gettext("added by an integration"),
            words.gettext("not added by an integration"),
        ),
        "demo": (words.gettext("made for the demo"), words.gettext("not made for the demo")),
    }.get(leaf.source, (leaf.source, leaf.source))
    text = no if leaf.negated else yes
    return f"{text} ({show_text(leaf.id)})" if leaf.id else text


def _tell_segment(leaf: SegmentTest, teller: _Teller) -> str:
    words = teller.words
    text = (
        words.gettext("not in the segment %(name)s")
        if leaf.negated
        else words.gettext("in the segment %(name)s")
    )
    return text % {"name": teller.find_name(teller.catalog.segments, leaf.segment)}


def _tell_standing(leaf: StandingTest, teller: _Teller) -> str:
    words = teller.words
    yes, no = {
        Standing.MAILABLE: (words.gettext("free to be mailed"), words.gettext("not free to be mailed")),
        Standing.SUPPRESSED: (words.gettext("suppressed"), words.gettext("not suppressed")),
        Standing.RESTRICTED: (words.gettext("restricted"), words.gettext("not restricted")),
    }[leaf.standing]
    reasons = {
        "hard_bounce": words.gettext("%(what)s because the address does not exist"),
        "complaint": words.gettext("%(what)s because of a complaint"),
        "unsubscribe": words.gettext("%(what)s because of unsubscribing from everything"),
        "manual": words.gettext("%(what)s by a member"),
        "erasure": words.gettext("%(what)s because of an erasure"),
    }
    return reasons.get(leaf.reason, "%(what)s") % {"what": no if leaf.negated else yes}


def _tell_address(leaf: AddressTest, teller: _Teller) -> str:
    words = teller.words
    yes, no = {
        Finding.ROLE: (
            words.gettext("the address is of a role, not of a person"),
            words.gettext("the address is not of a role"),
        ),
        Finding.DISPOSABLE: (
            words.gettext("the address is disposable"),
            words.gettext("the address is not disposable"),
        ),
        Finding.TYPO: (
            words.gettext("the address looks mistyped"),
            words.gettext("the address does not look mistyped"),
        ),
        Finding.NO_MAIL_SERVER: (
            words.gettext("the domain of the address takes no mail"),
            words.gettext("the domain of the address was not found to take no mail"),
        ),
    }[leaf.finding]
    return no if leaf.negated else yes


def _tell_random(leaf: RandomTest, teller: _Teller) -> str:
    percent = describe_scalar(leaf.percent, teller.words)
    return teller.words.gettext("in a random share of %(percent)s %%") % {"percent": percent}


def _tell_score(leaf: ScoreTest, teller: _Teller) -> str:
    return describe_test(teller.words.gettext("engagement score"), leaf.op, leaf.value, teller.words)


# --- what somebody did ---


def _tell_activity(leaf: ActivityTest, teller: _Teller) -> str:
    words, times = teller.words, leaf.times
    did, never = _find_verbs(leaf.act, words)
    counts_messages = (times.messages or leaf.act in (Act.SENT, Act.RECEIVED)) and not leaf.of.campaign
    if times.n == 0 and times.op in (Op.EQUALS, Op.AT_MOST):
        text = never % {"what": _tell_messages(leaf.of, teller)}
    elif times == _ONCE:
        text = did % {"what": _tell_messages(leaf.of, teller)}
    elif counts_messages:
        text = did % {"what": _limit_messages(describe_messages(times, words), leaf.of, teller)}
    else:
        once = did % {"what": _tell_messages(leaf.of, teller)}
        text = words.gettext("%(what)s %(times)s") % {"what": once, "times": describe_times(times, words)}
    return teller.add_period(text, leaf.period)


def _find_verbs(act: Act, words: Words) -> tuple[str, str]:
    return {
        Act.SENT: (words.gettext("was sent %(what)s"), words.gettext("was never sent %(what)s")),
        Act.RECEIVED: (words.gettext("received %(what)s"), words.gettext("never received %(what)s")),
        Act.OPENED: (words.gettext("opened %(what)s"), words.gettext("never opened %(what)s")),
        Act.CLICKED: (words.gettext("clicked %(what)s"), words.gettext("never clicked %(what)s")),
        Act.REPLIED: (words.gettext("replied to %(what)s"), words.gettext("never replied to %(what)s")),
        Act.BOUNCED: (words.gettext("had %(what)s bounce"), words.gettext("never had %(what)s bounce")),
        Act.COMPLAINED: (
            words.gettext("complained about %(what)s"),
            words.gettext("never complained about %(what)s"),
        ),
    }[act]


def _tell_messages(of: MessageChoice, teller: _Teller) -> str:
    """Which message it is about: any that fits."""
    words = teller.words
    if of.campaign:
        name = {"campaign": teller.find_name(teller.catalog.campaigns, of.campaign), "n": of.link}
        if of.link is not None:
            return words.gettext("link %(n)s of the campaign %(campaign)s") % name
        return words.gettext("the campaign %(campaign)s") % name
    return _limit_messages(words.gettext("any message"), of, teller)


def _limit_messages(text: str, of: MessageChoice, teller: _Teller) -> str:
    """Of a topic, or of the last campaigns."""
    words = teller.words
    topic = teller.find_name(teller.catalog.topics, of.topic) if of.topic else ""
    parts = {"what": text, "topic": topic, "n": of.last}
    if of.last is not None and topic:
        text = words.ngettext(
            "%(what)s of the last campaign on %(topic)s",
            "%(what)s of the last %(n)s campaigns on %(topic)s",
            of.last,
        )
        return text % parts
    if of.last is not None:
        text = words.ngettext(
            "%(what)s of the last campaign", "%(what)s of the last %(n)s campaigns", of.last
        )
        return text % parts
    return words.gettext("%(what)s on %(topic)s") % parts if topic else text


def _tell_event(leaf: EventTest, teller: _Teller) -> str:
    words = teller.words
    event = show_text(leaf.event)
    if leaf.where:
        asked = [describe_test(show_text(test.property), test.op, test.value, words) for test in leaf.where]
        event = words.gettext("%(event)s where %(tests)s") % {
            "event": event,
            "tests": join_phrases(asked, words),
        }
    text, rest = _tell_count(event, leaf.measures, words)
    text = teller.add_period(text, leaf.period)
    if not rest:
        return text
    measures = join_phrases([_tell_measure(measure, words) for measure in rest], words)
    return words.gettext("%(what)s: %(measures)s") % {"what": text, "measures": measures}


def _tell_count(
    event: str, measures: Sequence[MeasureTest], words: Words
) -> tuple[str, Sequence[MeasureTest]]:
    """How often, in words that read well; and what else is measured."""
    first, rest = measures[0], measures[1:]
    times = _as_times(first)
    if times is None:
        return words.gettext("events %(event)s") % {"event": event}, measures
    if times.n == 0 and times.op in (Op.EQUALS, Op.AT_MOST):
        return words.gettext("never had the event %(event)s") % {"event": event}, rest
    text = words.gettext("had the event %(event)s") % {"event": event}
    if times == _ONCE:
        return text, rest
    return words.gettext("%(what)s %(times)s") % {"what": text, "times": describe_times(times, words)}, rest


def _as_times(measure: MeasureTest) -> Times | None:
    """A count that can be told as “at least 2 times”."""
    value = measure.value
    if measure.measure is not Measure.COUNT or measure.op not in TIMES_OPERATORS:
        return None
    return Times(measure.op, int(value)) if isinstance(value, Decimal) and value % 1 == 0 else None


def _tell_measure(test: MeasureTest, words: Words) -> str:
    name = {
        Measure.COUNT: words.gettext("their number"),
        Measure.SUM: words.gettext("the sum of %(property)s"),
        Measure.AVERAGE: words.gettext("the average of %(property)s"),
        Measure.MIN: words.gettext("the smallest %(property)s"),
        Measure.MAX: words.gettext("the largest %(property)s"),
        Measure.FIRST: words.gettext("the first %(property)s")
        if test.property
        else words.gettext("the first one"),
        Measure.LAST: words.gettext("the last %(property)s")
        if test.property
        else words.gettext("the last one"),
    }[test.measure]
    return describe_test(name % {"property": show_text(test.property)}, test.op, test.value, words)


_LEAVES: dict[type[Leaf], Callable[[Any, _Teller], str]] = {
    AttributeTest: _tell_attribute,
    FieldTest: _tell_field,
    TagTest: _tell_tag,
    TopicTest: _tell_topic,
    SourceTest: _tell_source,
    SegmentTest: _tell_segment,
    StandingTest: _tell_standing,
    AddressTest: _tell_address,
    ActivityTest: _tell_activity,
    EventTest: _tell_event,
    RandomTest: _tell_random,
    ScoreTest: _tell_score,
}
