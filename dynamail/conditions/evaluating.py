"""Does a condition hold for one person? The same answer as the SQL that `segments/` compiles, from facts in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dynamail.conditions import comparing, days, measuring
from dynamail.conditions.folding import fold
from dynamail.conditions.person import RESTRICTED, Context, Person
from dynamail.conditions.scoring import find_score
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
    Match,
    MessageChoice,
    Not,
    Op,
    RandomTest,
    ScoreTest,
    SegmentTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
    TopicState,
    TopicTest,
)

SENT_STATES = frozenset(("delivered", "bounced", "unknown"))
BUCKETS = 10_000  # of random shares: one for each hundredth of a percent
_FINDING_BITS = {finding: 1 << place for place, finding in enumerate(Finding)}


def evaluate(
    condition: Condition, person: Person, context: Context, *, include_restricted: bool = False
) -> bool:
    """True when the person is meant. Restricted contacts never are, unless a list page asks for them."""
    if person.state == RESTRICTED and not include_restricted:
        return False
    return _Question(person, context, context.salt).holds(condition)


def holds_without_events(test: EventTest) -> bool:
    """Does an event test hold for people without any event that fits it?"""
    return measuring.hold_measures(test, (), today=date.min, zone="UTC")


@dataclass(frozen=True, slots=True)
class _Question:
    """One person, and which segments are being looked into on the way here."""

    person: Person
    context: Context
    salt: str
    inside: frozenset[str] = frozenset()
    answers: dict[str, bool] = field(default_factory=dict)  # of segments

    def holds(self, condition: Condition) -> bool:
        if isinstance(condition, Group):
            members = map(self.holds, condition.members)
            return all(members) if condition.match is Match.ALL else any(members)
        if isinstance(condition, Not):
            return not self.holds(condition.member)
        return _LEAVES[type(condition)](condition, self)

    @property
    def today(self) -> date:
        """Where the account is."""
        return days.find_today(self.context.now, self.context.zone)

    @property
    def own_today(self) -> date:
        return days.find_own_today(self.context.now, self.person.timezone, self.context.zone)

    def is_in_segment(self, name: str) -> bool:
        if name not in self.answers:
            self.answers[name] = self._look_into(name)
        return self.answers[name]

    def _look_into(self, name: str) -> bool:
        known = self.context.catalog.segments.get(name)
        if known is None or name in self.inside or self.person.state == RESTRICTED:
            return False
        return replace(self, salt=name, inside=self.inside | {name}).holds(known.condition)


# --- who somebody is ---


def _hold_attribute(leaf: AttributeTest, question: _Question) -> bool:
    known = question.context.catalog.attributes.get(leaf.attribute)
    if known is None:
        return comparing.holds_of_missing(leaf.op)
    return _TYPES[known.type](leaf, question.person.attributes.get(str(known.number)), question)


def _hold_date(leaf: AttributeTest, value: Any, question: _Question) -> bool:
    found = comparing.read_stored_day(value)
    return comparing.holds_of_stored_day(leaf.op, found, leaf.value, today=question.own_today)


def _hold_time(leaf: AttributeTest, value: Any, question: _Question) -> bool:
    found, zone = comparing.read_stored_moment(value), question.context.zone
    return comparing.holds_of_stored_moment(leaf.op, found, leaf.value, today=question.today, zone=zone)


def _hold_text(leaf: AttributeTest, value: Any, question: _Question) -> bool:
    return comparing.holds_of_text(leaf.op, comparing.read_text(value), leaf.value)


def _hold_number(leaf: AttributeTest, value: Any, question: _Question) -> bool:
    return comparing.holds_of_number(leaf.op, comparing.read_number(value), leaf.value)


def _hold_flag(leaf: AttributeTest, value: Any, question: _Question) -> bool:
    return comparing.holds_of_flag(leaf.op, comparing.read_flag(value), leaf.value)


def _hold_list(leaf: AttributeTest, value: Any, question: _Question) -> bool:
    return comparing.holds_of_list(leaf.op, comparing.read_list(value), leaf.value)


_TYPES: dict[str, Callable[[AttributeTest, Any, _Question], bool]] = {
    "text": _hold_text,
    "choice": _hold_text,
    "number": _hold_number,
    "boolean": _hold_flag,
    "date": _hold_date,
    "time": _hold_time,
    "list": _hold_list,
}


def _hold_field(leaf: FieldTest, question: _Question) -> bool:
    person, zone = question.person, question.context.zone
    match leaf.field:
        case Field.CREATED:
            return comparing.holds_of_moment(
                leaf.op, person.created_at, leaf.value, today=question.today, zone=zone
            )
        case Field.EMAIL:
            return comparing.holds_of_text(leaf.op, person.email_key, _fold_value(leaf.value))
        case Field.DOMAIN:
            domain = person.email_key.rpartition("@")[2]
            return comparing.holds_of_text(leaf.op, domain or None, _fold_value(leaf.value))
        case Field.NAME | Field.LANGUAGE | Field.TIMEZONE:
            return comparing.holds_of_text(leaf.op, getattr(person, leaf.field.value) or None, leaf.value)


def _fold_value(value: Any) -> Any:
    """Addresses are kept folded, so what they are compared with is folded too."""
    if isinstance(value, tuple):
        return tuple(map(_fold_value, value))
    return fold(value) if isinstance(value, str) else value


def _hold_tag(leaf: TagTest, question: _Question) -> bool:
    tags, known = question.person.tags, question.context.catalog.tags
    wanted = [known[tag].id if tag in known else None for tag in leaf.tags]
    match leaf.op:
        case Op.EMPTY:
            return not tags
        case Op.FILLED:
            return bool(tags)
        case Op.HAS_ALL:
            return bool(wanted) and all(tag in tags for tag in wanted)
        case Op.HAS_NONE:
            return not any(tag in tags for tag in wanted)
        case _:
            return any(tag in tags for tag in wanted)


def _hold_topic(leaf: TopicTest, question: _Question) -> bool:
    return _is_on_topic(leaf, question) is not leaf.negated


def _is_on_topic(leaf: TopicTest, question: _Question) -> bool:
    known = question.context.catalog.topics.get(leaf.topic)
    row = question.person.topics.get(known.id) if known else None
    if row is None or leaf.state is TopicState.NEVER_ASKED:
        return row is None and leaf.state is TopicState.NEVER_ASKED
    return (
        row.state == leaf.state
        and (not leaf.basis or row.basis == leaf.basis)
        and days.find_period(leaf.period, now=question.context.now, zone=question.context.zone).has(
            row.changed_at
        )
    )


def _hold_source(leaf: SourceTest, question: _Question) -> bool:
    person = question.person
    is_from = person.source_kind == leaf.source and (not leaf.id or person.source_id == leaf.id)
    return is_from is not leaf.negated


def _hold_segment(leaf: SegmentTest, question: _Question) -> bool:
    return question.is_in_segment(leaf.segment) is not leaf.negated


def _hold_standing(leaf: StandingTest, question: _Question) -> bool:
    return _stands(leaf, question) is not leaf.negated


def _stands(leaf: StandingTest, question: _Question) -> bool:
    person = question.person
    in_force = [row.reason for row in person.suppressions if row.is_in_force(question.context.now)]
    match leaf.standing:
        case Standing.RESTRICTED:
            return person.state == RESTRICTED
        case Standing.SUPPRESSED:
            return leaf.reason in in_force if leaf.reason else bool(in_force)
        case Standing.MAILABLE:
            return person.state != RESTRICTED and not in_force


def _hold_address(leaf: AddressTest, question: _Question) -> bool:
    return bool(question.person.findings & _FINDING_BITS[leaf.finding]) is not leaf.negated


def _hold_random(leaf: RandomTest, question: _Question) -> bool:
    return find_bucket(question.person.id, leaf.salt or question.salt) < leaf.percent * (BUCKETS // 100)


def find_bucket(contact_id: UUID, salt: str) -> int:
    """0…9999, the same for the same contact and salt."""
    digest = hashlib.md5(f"{contact_id}:{salt}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % BUCKETS


# --- what somebody did ---


def _hold_activity(leaf: ActivityTest, question: _Question) -> bool:
    kept = _look_at_engagement(leaf, question)
    return kept if kept is not None else _compare_count(leaf, _count_acts(leaf, question))


def _compare_count(leaf: ActivityTest, count: int) -> bool:
    match leaf.times.op:
        case Op.AT_MOST:
            return count <= leaf.times.n
        case Op.EQUALS:
            return count == leaf.times.n
        case _:
            return count >= leaf.times.n


def _look_at_engagement(leaf: ActivityTest, question: _Question) -> bool | None:
    """The answer from the one row that is kept for each contact, where it has it: it outlives the log."""
    if leaf.act not in _KEPT or leaf.of != MessageChoice():
        return None
    count_name, last_name = _KEPT[leaf.act]
    row = question.person.engagement
    if leaf.period.is_ever and not leaf.times.messages:
        return _compare_count(leaf, getattr(row, count_name))
    wants_any, wants_none = (leaf.times.op, leaf.times.n) == (Op.AT_LEAST, 1), _is_never(leaf)
    if leaf.period.last_days is None or not (wants_any or wants_none):
        return None
    last: datetime | None = getattr(row, last_name)
    return (last is not None and _find_span(leaf, question).has(last)) is wants_any


def _is_never(leaf: ActivityTest) -> bool:
    return leaf.times.n == 0 and leaf.times.op in (Op.EQUALS, Op.AT_MOST)


_KEPT = {  # not what was sent: the row counts deliveries alone
    Act.OPENED: ("opened", "last_opened_at"),
    Act.CLICKED: ("clicked", "last_clicked_at"),
}


def _find_span(leaf: ActivityTest | EventTest, question: _Question) -> days.Span:
    return days.find_period(leaf.period, now=question.context.now, zone=question.context.zone)


def _count_acts(leaf: ActivityTest, question: _Question) -> int:
    match leaf.act:
        case Act.OPENED | Act.CLICKED:
            return _count_activity(leaf, question)
        case Act.SENT | Act.RECEIVED:
            return _count_messages(leaf, question)
        case Act.REPLIED | Act.BOUNCED | Act.COMPLAINED:
            return _count_feedback(leaf, question)


def _count_activity(leaf: ActivityTest, question: _Question) -> int:
    span, sources = _find_span(leaf, question), _find_sources(leaf.of, question.context)
    rows = [
        row
        for row in question.person.activity
        if row.kind == leaf.act
        and span.has(row.at)
        and (sources is None or row.source_id in sources)
        and (leaf.of.link is None or row.link_number == leaf.of.link)
    ]
    return len({row.source_id for row in rows}) if leaf.times.messages else sum(row.n for row in rows)


def _count_messages(leaf: ActivityTest, question: _Question) -> int:
    span, sources = _find_span(leaf, question), _find_sources(leaf.of, question.context)
    states: Collection[str] = SENT_STATES
    returned: Collection[UUID | None] = ()
    if leaf.act is Act.RECEIVED:
        states = ("delivered",)
        returned = {row.message_id for row in question.person.feedback if row.kind == "message.bounced"}
    return sum(
        row.state in states
        and row.id not in returned
        and span.has(row.at)
        and (sources is None or row.source_id in sources)
        for row in question.person.messages
    )


def _count_feedback(leaf: ActivityTest, question: _Question) -> int:
    span, sources = _find_span(leaf, question), _find_sources(leaf.of, question.context)
    rows = [
        row
        for row in question.person.feedback
        if row.kind == f"message.{leaf.act}"
        and span.has(row.at)
        and (sources is None or row.source_id in sources)
    ]
    return len({row.message_id for row in rows} - {None}) if leaf.times.messages else len(rows)


def _find_sources(of: MessageChoice, context: Context) -> Collection[UUID] | None:
    """The sources of the messages that are meant; None: any message."""
    if of.campaign:
        campaign = context.catalog.campaigns.get(of.campaign)
        return (campaign.uid,) if campaign else ()
    if not of.topic and of.last is None:
        return None
    launches = [launch for launch in context.launches if launch.at <= context.now]
    if of.topic:
        topic = context.catalog.topics.get(of.topic)
        launches = [launch for launch in launches if topic and launch.topic_id == topic.id]
    launches.sort(key=lambda launch: (launch.at, launch.source_id), reverse=True)
    return {launch.source_id for launch in launches[: of.last]}


def _hold_event(leaf: EventTest, question: _Question) -> bool:
    known = question.context.catalog.events.get(leaf.event)
    rows = question.person.events if known else ()
    fitting = measuring.find_fitting(leaf, rows, known.id if known else 0, _find_span(leaf, question))
    return measuring.hold_measures(leaf, fitting, today=question.today, zone=question.context.zone)


def _hold_score(leaf: ScoreTest, question: _Question) -> bool:
    row = question.person.engagement
    score = find_score(
        last_opened_at=row.last_opened_at,
        last_clicked_at=row.last_clicked_at,
        sent=row.sent,
        opened=row.opened,
        clicked=row.clicked,
        now=question.context.now,
    )
    return comparing.holds_of_number(leaf.op, comparing.read_number(score), leaf.value)


_LEAVES: dict[type, Callable[[Any, _Question], bool]] = {
    AttributeTest: _hold_attribute,
    FieldTest: _hold_field,
    TagTest: _hold_tag,
    TopicTest: _hold_topic,
    SourceTest: _hold_source,
    SegmentTest: _hold_segment,
    StandingTest: _hold_standing,
    AddressTest: _hold_address,
    ActivityTest: _hold_activity,
    EventTest: _hold_event,
    RandomTest: _hold_random,
    ScoreTest: _hold_score,
}
