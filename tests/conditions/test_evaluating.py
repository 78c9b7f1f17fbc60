"""What each leaf means, on people made for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from dynamail.conditions.catalog import Catalog, KnownSegment
from dynamail.conditions.evaluating import BUCKETS, evaluate, find_bucket, holds_without_events
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.person import (
    ActivityRow,
    Context,
    EngagementRow,
    FeedbackRow,
    Launch,
    MessageRow,
    OwnEventRow,
    Person,
    SuppressionRow,
    TopicStanding,
)
from dynamail.conditions.tree import EventTest, Group, Not, RandomTest, SegmentTest
from dynamail.lib.ids import derived_id
from tests.support.conditions import (
    NOW,
    SOURCES,
    make_catalog,
    make_launches,
    random_condition,
    random_person,
)

CATALOG = make_catalog()
CONTEXT = Context(NOW, "Europe/Minsk", CATALOG, "seg_x", make_launches())
NOBODY = Person(UUID(int=5), "ann.o'neil@mail.example.com", NOW - timedelta(days=10))
TAGS, TOPICS, SEGMENTS, CAMPAIGNS = (
    list(part) for part in (CATALOG.tags, CATALOG.topics, CATALOG.segments, CATALOG.campaigns)
)
DAY = timedelta(days=1)


def holds(document: dict[str, Any], person: Person = NOBODY, context: Context = CONTEXT) -> bool:
    return evaluate(parse_condition(document), person, context)


def ask(kind: str, found: Any, op: str, wanted: Any = ...) -> bool:
    """An attribute of that type, whose stored value is `found`; `...` for none."""
    number = str(CATALOG.attributes[kind].number)
    person = replace(NOBODY, attributes={} if found is ... else {number: found})
    return holds(
        {"kind": "attribute", "attribute": kind, "op": op, **({} if wanted is ... else {"value": wanted})},
        person,
    )


@pytest.mark.parametrize(
    ("kind", "found", "op", "wanted", "answer"),
    [
        ("text", "Minsk", "equals", "Minsk", True),
        ("text", "Minsk", "equals", "minsk", False),
        ("text", "Minsk", "differs", "minsk", True),
        ("text", "5", "equals", 5, False),
        ("text", "5", "differs", 5, True),
        ("text", "МІНСК 100%", "contains", "нск 1", True),
        ("text", "МІНСК", "begins", "мін", True),
        ("text", "ΟΔΟΣ", "ends", "οσ", True),
        ("text", "ΟΔΟΣ", "ends", "ος", False),
        ("text", "straße", "contains", "SS", False),
        ("text", "İstanbul", "begins", "istan", True),
        ("text", "a_b", "contains", "a%b", False),
        ("text", "Minsk", "in", ["Brest", "Minsk"], True),
        ("text", "Minsk", "not_in", ["Brest"], True),
        ("choice", "red", "in", ["red"], True),
        ("number", 0.1, "equals", 0.1, True),
        ("number", 5, "in", [5.0, 6], True),
        ("number", 5, "less", 5, False),
        ("number", 5, "at_most", 5, True),
        ("number", -5, "more", -5.5, True),
        ("number", 5, "between", [5, 5], True),
        ("number", 5, "between", ["2026-01-01", "2026-01-02"], False),
        ("number", Decimal("12.50"), "equals", 12.5, True),
        ("number", True, "equals", 1, False),
        ("number", True, "filled", ..., False),
        ("boolean", True, "equals", True, True),
        ("boolean", False, "filled", ..., True),
        ("boolean", 1, "equals", True, False),
        ("boolean", 1, "differs", True, True),
        ("list", ["a", "b"], "has_any", ["b", "c"], True),
        ("list", ["a", "b"], "has_all", ["b", "a"], True),
        ("list", ["a", "b"], "has_all", ["b", "c"], False),
        ("list", ["a", "b"], "has_none", ["B"], True),
        ("list", [1], "filled", ..., True),
        ("list", "a", "has_any", ["a"], False),
        ("list", [], "empty", ..., True),
    ],
)
def test_a_value_is_compared_by_the_type_of_its_attribute(
    kind: str, found: Any, op: str, wanted: Any, answer: bool
) -> None:
    assert ask(kind, found, op, wanted) is answer


@pytest.mark.parametrize("found", [..., None, "", [], {}])
@pytest.mark.parametrize("kind", list(CATALOG.attributes))
def test_what_is_missing_fits_the_negative_operators_alone(kind: str, found: Any) -> None:
    wanted: dict[str, Any] = {
        "less": 5,
        "at_least": 5,
        "before": "2999-01-01",
        "in": ["x"],
        "not_in": ["x"],
        "has_any": ["x"],
        "has_all": ["x"],
        "has_none": ["x"],
        "between": [0, 5] if kind == "number" else ["1800-01-01", "2999-12-31"],
        "anniversary": [{"days": 0}, {"days": 366}],
        "equals": "x",
        "differs": "x",
        "contains": "x",
        "not_contains": "x",
        "filled": ...,
        "empty": ...,
    }
    true = {op for op, value in wanted.items() if ask(kind, found, op, value)}
    assert true == {"differs", "not_contains", "not_in", "has_none", "empty"}


@pytest.mark.parametrize(
    ("found", "op", "wanted", "answer"),
    [
        ("2026-06-15", "equals", "2026-06-15", True),
        ("2026-06-15", "equals", {"days": 0}, True),
        ("2026-06-14", "before", {"days": 0}, True),
        ("2026-06-15", "before", {"days": 0}, False),
        ("2026-06-16", "after", "2026-06-15", True),
        ("2026-06-15", "between", [{"days": 0}, {"days": 0}], True),
        ("2026-06-15", "between", [{"days": 1}, "2026-06-01"], False),
        ("2026-06-15", "equals", "2026-06-15T00:00:00Z", False),
        ("2026-06-15", "differs", "2026-06-15T00:00:00Z", True),
        ("15.06.2026", "filled", ..., True),
        ("June", "filled", ..., False),
        ("1990-06-15", "anniversary", [{"days": 0}, {"days": 7}], True),
        ("1990-06-22", "anniversary", [{"days": 0}, {"days": 7}], True),
        ("1990-06-23", "anniversary", [{"days": 0}, {"days": 7}], False),
        ("1990-01-03", "anniversary", [{"days": 190}, {"days": 210}], True),
    ],
)
def test_days(found: str, op: str, wanted: Any, answer: bool) -> None:
    assert ask("date", found, op, wanted) is answer


@pytest.mark.parametrize(
    ("zone", "today"),
    [
        ("Pacific/Kiritimati", date(2026, 6, 16)),
        ("Etc/GMT+12", date(2026, 6, 14)),
        ("Europe/Minsk", date(2026, 6, 15)),
        ("", date(2026, 6, 15)),
        ("Nowhere/Atlantis", date(2026, 6, 15)),
        ("../../etc/passwd", date(2026, 6, 15)),
    ],
)
def test_today_of_a_date_is_where_the_contact_is(zone: str, today: date) -> None:
    number = str(CATALOG.attributes["date"].number)
    person = replace(NOBODY, timezone=zone, attributes={number: today.isoformat()})
    now = NOW.replace(hour=11)
    condition = {"kind": "attribute", "attribute": "date", "op": "equals", "value": {"days": 0}}
    assert holds(condition, person, replace(CONTEXT, now=now))


@pytest.mark.parametrize(
    ("found", "op", "wanted", "answer"),
    [
        ("2026-06-14T21:00:00Z", "equals", {"days": 0}, True),  # midnight in Minsk
        ("2026-06-14T20:59:59Z", "equals", "2026-06-14", True),
        ("2026-06-14T21:00:00Z", "before", "2026-06-15", False),
        ("2026-06-15T21:00:00Z", "after", "2026-06-15", True),
        ("2026-06-15T20:59:59Z", "after", "2026-06-15", False),
        ("2026-06-15T20:59:59Z", "between", ["2026-06-01", "2026-06-15"], True),
        ("2026-06-15T14:30:00Z", "equals", "2026-06-15T14:30:00Z", True),
        ("2026-06-15T14:30:00Z", "equals", "2026-06-15T17:30:00+03:00", True),
        ("2026-06-15T14:30:00Z", "after", "2026-06-15T14:30:00Z", False),
        ("2026-06-15T14:30:01Z", "after", "2026-06-15T14:30:00Z", True),
        ("2026-06-15T14:30:00Z", "between", ["2026-06-15T14:30:00Z", "2026-06-15T14:30:00Z"], True),
        ("2026-06-15", "filled", ..., False),
    ],
)
def test_moments_compare_with_days_of_the_account(found: str, op: str, wanted: Any, answer: bool) -> None:
    assert ask("time", found, op, wanted) is answer


def test_fields() -> None:
    person = replace(NOBODY, name="Ann O'Neil", language="be")
    assert holds(
        {"kind": "field", "field": "email", "op": "equals", "value": "Ann.O'Neil@MAIL.example.com"}, person
    )
    assert holds({"kind": "field", "field": "domain", "op": "in", "value": ["Mail.Example.com"]}, person)
    assert not holds({"kind": "field", "field": "domain", "op": "equals", "value": "example.com"}, person)
    assert holds({"kind": "field", "field": "name", "op": "ends", "value": "o'neil"}, person)
    assert holds({"kind": "field", "field": "timezone", "op": "empty"}, person)
    assert holds({"kind": "field", "field": "created", "op": "after", "value": {"days": -11}}, person)
    assert not holds({"kind": "field", "field": "created", "op": "after", "value": {"days": -10}}, person)


def test_tags() -> None:
    person = replace(NOBODY, tags=frozenset({1, 2}))
    assert holds({"kind": "tag", "op": "has_any", "tags": [TAGS[0], TAGS[3]]}, person)
    assert holds({"kind": "tag", "op": "has_all", "tags": TAGS[:2]}, person)
    assert not holds({"kind": "tag", "op": "has_all", "tags": TAGS[:3]}, person)
    assert holds({"kind": "tag", "op": "has_none", "tags": TAGS[2:]}, person)
    assert holds({"kind": "tag", "op": "filled"}, person)
    assert holds({"kind": "tag", "op": "empty"})


def test_topics() -> None:
    person = replace(NOBODY, topics={1: TopicStanding("subscribed", "contract", NOW - 3 * DAY)})
    subscribed = {"kind": "topic", "topic": TOPICS[0], "state": "subscribed"}
    assert holds(subscribed, person)
    assert not holds(subscribed | {"not": True}, person)
    assert holds(subscribed | {"basis": "contract", "period": {"last_days": 4}}, person)
    assert not holds(subscribed | {"period": {"last_days": 3}}, person)
    assert not holds(subscribed | {"basis": "consent"}, person)
    assert holds({"kind": "topic", "topic": TOPICS[1], "state": "never_asked"}, person)
    assert holds({"kind": "topic", "topic": TOPICS[1], "state": "subscribed", "not": True}, person)
    assert not holds({"kind": "topic", "topic": TOPICS[0], "state": "never_asked"}, person)


def test_source_address_and_standing() -> None:
    suppressions = (SuppressionRow("complaint", NOW + DAY), SuppressionRow("manual", NOW))
    person = replace(
        NOBODY, source_kind="import", source_id="imp_1", findings=0b1001, suppressions=suppressions
    )
    assert holds({"kind": "source", "source": "import"}, person)
    assert not holds({"kind": "source", "source": "import", "id": "imp_2"}, person)
    assert holds({"kind": "address", "finding": "no_mail_server"}, person)
    assert holds({"kind": "address", "finding": "typo", "not": True}, person)
    assert holds({"kind": "standing", "standing": "suppressed", "reason": "complaint"}, person)
    assert not holds(
        {"kind": "standing", "standing": "suppressed", "reason": "manual"}, person
    )  # it has ended
    assert not holds({"kind": "standing", "standing": "mailable"}, person)
    assert holds({"kind": "standing", "standing": "mailable"})
    # The copy on the contact does not decide.
    assert holds({"kind": "standing", "standing": "mailable"}, replace(NOBODY, state="suppressed"))


def test_a_restricted_contact_is_in_no_segment_and_no_condition() -> None:
    person = replace(NOBODY, state="restricted")
    everybody = KnownSegment(UUID(int=9), "Everybody", Group())
    context = replace(CONTEXT, catalog=replace(CATALOG, segments={SEGMENTS[0]: everybody}))
    assert not evaluate(Group(), person, context)
    assert evaluate(Group(), person, context, include_restricted=True)
    assert not evaluate(SegmentTest(SEGMENTS[0]), person, context, include_restricted=True)
    assert evaluate(SegmentTest(SEGMENTS[0], negated=True), person, context, include_restricted=True)


def test_a_share_in_another_segment_keeps_that_segments_salt() -> None:
    half = RandomTest(Decimal(50))
    context = replace(
        CONTEXT, catalog=Catalog(segments={SEGMENTS[0]: KnownSegment(UUID(int=1), "Half", half)})
    )
    people = [replace(NOBODY, id=UUID(int=number)) for number in range(200)]
    inside = [evaluate(SegmentTest(SEGMENTS[0]), person, context) for person in people]
    assert inside == [evaluate(half, person, replace(context, salt=SEGMENTS[0])) for person in people]
    assert inside != [evaluate(half, person, context) for person in people]


def test_segments_in_a_circle_end() -> None:
    circle = KnownSegment(UUID(int=1), "Circle", SegmentTest(SEGMENTS[0]))
    assert not evaluate(
        SegmentTest(SEGMENTS[0]), NOBODY, Context(NOW, "UTC", Catalog(segments={SEGMENTS[0]: circle}))
    )


def test_what_the_account_does_not_have_nobody_has() -> None:
    empty = Context(NOW, "Europe/Minsk")
    person = random_person(Random(1), CATALOG, make_launches())
    for document, answer in [
        ({"kind": "attribute", "attribute": "gone", "op": "filled"}, False),
        ({"kind": "attribute", "attribute": "gone", "op": "differs", "value": "x"}, True),
        ({"kind": "tag", "op": "has_any", "tags": TAGS}, False),
        ({"kind": "tag", "op": "has_none", "tags": TAGS}, True),
        ({"kind": "topic", "topic": TOPICS[0], "state": "never_asked"}, True),
        ({"kind": "segment", "segment": SEGMENTS[0]}, False),
        ({"kind": "activity", "act": "sent", "of": {"campaign": CAMPAIGNS[0]}}, False),
        (
            {
                "kind": "activity",
                "act": "sent",
                "of": {"topic": TOPICS[0]},
                "times": {"op": "equals", "n": 0},
            },
            True,
        ),
        ({"kind": "event", "event": "order.placed"}, False),
    ]:
        assert holds(document, replace(person, state="active"), empty) is answer, document


def act(name: str, n: int = 1, op: str = "equals", *, messages: bool = False, **more: Any) -> dict[str, Any]:
    return {"kind": "activity", "act": name, "times": {"op": op, "n": n, "messages": messages}, **more}


def test_opens_and_clicks() -> None:
    rows = (
        ActivityRow("opened", NOW - 5 * DAY, SOURCES[0], n=3),
        ActivityRow("opened", NOW - 1 * DAY, SOURCES[1], n=1),
        ActivityRow("clicked", NOW - 1 * DAY, SOURCES[1], 2, n=2),
        ActivityRow("clicked", NOW - 1 * DAY, SOURCES[1], 0, n=1),
    )
    person = replace(NOBODY, activity=rows)
    recent = {"period": {"last_days": 2}}
    assert holds(act("opened", 2, messages=True), person)
    assert holds(act("opened", 1, period={"from": "2026-06-11"}), person)
    assert holds(act("opened", 3, of={"campaign": CAMPAIGNS[0]}), person)
    assert holds(act("opened", 1, of={"last": 1}), person) is False
    assert holds(act("clicked", 2, of={"campaign": CAMPAIGNS[1], "link": 2}), person)
    assert holds(act("clicked", 0, of={"campaign": CAMPAIGNS[0]}, **recent), person)
    assert holds(act("clicked", 3, op="at_least", **recent), person)
    assert not holds(act("clicked", 4, op="at_least", **recent), person)
    assert holds(act("clicked", 1, op="at_most", messages=True, **recent), person)


def test_the_kept_counts_answer_for_any_message() -> None:
    """The log is shorter than what is kept for each contact."""
    person = replace(NOBODY, engagement=EngagementRow(NOW - 9 * DAY, NOW - DAY, None, 7, 4, 0))
    assert holds(act("sent", 0), person)  # the kept count is of deliveries: messages themselves are counted
    assert holds(act("opened", 4), person)
    assert holds(act("clicked", 0), person)
    assert holds({"kind": "activity", "act": "opened", "period": {"last_days": 2}}, person)
    assert holds(act("opened", 0, period={"last_days": 1}), person)
    assert not holds(act("opened", 2, op="at_least", period={"last_days": 2}), person)  # counted in the log


def test_sent_received_and_what_came_back() -> None:
    states = ("delivered", "delivered", "bounced", "unknown", "suppressed", "canceled", "expired")
    messages = tuple(
        MessageRow(derived_id(NOW, place), NOW - place * DAY, state, SOURCES[place % 2])
        for place, state in enumerate(states)
    )
    feedback = (
        FeedbackRow("message.bounced", NOW, SOURCES[1], messages[1].id),
        FeedbackRow("message.bounced", NOW, SOURCES[1], messages[1].id),
        FeedbackRow("message.complained", NOW - 3 * DAY, None, None),
    )
    person = replace(NOBODY, messages=messages, feedback=feedback)
    ever = {"period": {"from": "2000-01-01"}}
    assert holds(act("sent", 4, **ever), person)
    assert holds(act("sent", 2, of={"campaign": CAMPAIGNS[0]}), person)
    assert holds(act("received", 1), person)
    assert holds(act("received", 0, of={"campaign": CAMPAIGNS[1]}), person)
    assert holds(act("bounced", 2), person)
    assert holds(act("bounced", 1, messages=True), person)
    assert holds(act("complained", 1, period={"last_days": 4}), person)
    assert holds(act("complained", 0, messages=True), person)
    assert holds(act("replied", 0), person)


def test_the_last_campaigns_are_those_launched_last() -> None:
    launches = (
        Launch(SOURCES[0], 1, NOW - 3 * DAY),
        Launch(SOURCES[1], 2, NOW - 2 * DAY),
        Launch(SOURCES[2], 1, NOW - 1 * DAY),
        Launch(SOURCES[3], 1, NOW + DAY),  # not yet
    )
    context = replace(CONTEXT, launches=launches)
    person = replace(
        NOBODY, messages=(MessageRow(derived_id(NOW, 1), NOW - 3 * DAY, "delivered", SOURCES[0]),)
    )
    assert [holds(act("sent", of={"last": last}), person, context) for last in (1, 2, 3)] == [
        False,
        False,
        True,
    ]
    on_topic = [holds(act("sent", of={"last": last, "topic": TOPICS[0]}), person, context) for last in (1, 2)]
    assert on_topic == [False, True]
    assert holds(act("sent", of={"topic": TOPICS[0]}), person, context)
    assert not holds(act("sent", of={"topic": TOPICS[1]}), person, context)


ORDERS = tuple(
    OwnEventRow(derived_id(NOW, place), 1, NOW - age * DAY, {"total": total, "category": category})
    for place, (age, total, category) in enumerate(
        [(100, 500, "shoes"), (20, 0.1, "shoes"), (10, 0.2, "hats"), (5, "much", "shoes"), (1, 30, "SHOES")]
    )
)
CUSTOMER = replace(NOBODY, events=ORDERS)


def measure(name: str, op: str, value: Any, property: str = "total", **more: Any) -> bool:
    asked = {"measure": name, "op": op, "value": value, **({"property": property} if property else {})}
    return holds({"kind": "event", "event": "order.placed", "measures": [asked], **more}, CUSTOMER)


def test_events_are_counted_and_measured() -> None:
    recent = {"period": {"last_days": 30}}
    shoes = {"where": [{"property": "category", "op": "equals", "value": "shoes"}]}
    assert measure("count", "equals", 5, "")
    assert measure("count", "equals", 3, "", **shoes)
    assert measure("count", "equals", 2, "", **shoes, **recent)
    assert measure("sum", "equals", 30.3, **recent)  # 0.1 + 0.2 + 30, exactly
    assert measure("average", "equals", 10.1, **recent)
    assert measure("average", "between", [10.1, 10.1], **recent)
    assert measure("average", "less", 10.1, **recent) is False
    assert measure("min", "equals", 0.1)
    assert measure("max", "between", [500, 501])
    assert measure("first", "equals", 500)
    assert measure("last", "equals", 30)
    assert measure("last", "before", {"days": 0}, "")
    assert measure("last", "equals", {"days": -1}, "")
    assert measure("first", "after", {"days": -20}, "", **recent) is False
    assert measure("first", "after", {"days": -21}, "", **recent) is True


def test_the_first_and_last_of_one_moment_are_told_apart_by_their_ids() -> None:
    low, high = UUID(int=1), UUID(int=2)
    events = (OwnEventRow(high, 1, NOW, {"plan": "b"}), OwnEventRow(low, 1, NOW, {"plan": "a"}))
    last = {"measure": "last", "property": "plan", "op": "equals", "value": "b"}
    assert holds(
        {"kind": "event", "event": "order.placed", "measures": [last]}, replace(NOBODY, events=events)
    )


@pytest.mark.parametrize(
    ("measure", "answer"),
    [
        ({"measure": "count", "op": "at_most", "value": 3}, True),
        ({"measure": "sum", "property": "total", "op": "less", "value": 1}, True),
        ({"measure": "average", "property": "total", "op": "less", "value": 1}, False),
        ({"measure": "min", "property": "total", "op": "differs", "value": 1}, True),
        ({"measure": "last", "property": "total", "op": "empty"}, True),
        ({"measure": "last", "property": "total", "op": "not_in", "value": [1]}, True),
        ({"measure": "last", "op": "before", "value": {"days": -3_650}}, False),
        ({"measure": "first", "op": "differs", "value": {"days": -3_650}}, True),
    ],
)
def test_without_events_counts_and_sums_are_0_and_the_rest_is_missing(
    measure: dict[str, Any], answer: bool
) -> None:
    condition = parse_condition({"kind": "event", "event": "order.placed", "measures": [measure]})
    assert isinstance(condition, EventTest)
    assert holds_without_events(condition) is answer
    assert evaluate(condition, NOBODY, CONTEXT) is answer


@pytest.mark.parametrize(
    ("found", "op", "wanted", "answer"),
    [
        ("5", "equals", 5, False),
        (5, "equals", 5.0, True),
        (True, "equals", 1, False),
        (True, "equals", True, True),
        ([], "filled", ..., False),
        ({}, "filled", ..., True),
        (False, "filled", ..., True),
        (0, "filled", ..., True),
        ("x", "less", 5, False),
        ("Shoes", "contains", "SHOE", True),
        (5, "not_contains", "5", True),
        (["a", 1], "has_all", ["a"], True),
        ("a", "has_any", ["a"], False),
        ("a", "has_none", ["a"], True),
        (5, "in", ["5", 5], True),
    ],
)
def test_the_type_of_a_property_is_that_of_its_value(found: Any, op: str, wanted: Any, answer: bool) -> None:
    person = replace(NOBODY, events=(OwnEventRow(UUID(int=1), 1, NOW, {"p": found}),))
    asked = {"property": "p", "op": op, **({} if wanted is ... else {"value": wanted})}
    assert holds({"kind": "event", "event": "order.placed", "where": [asked]}, person) is answer


def test_an_event_of_this_very_moment_belongs_to_the_last_days_and_a_later_one_does_not() -> None:
    asked = {"kind": "event", "event": "order.placed", "period": {"last_days": 1}}
    for at, answer in [(NOW, True), (NOW + timedelta(microseconds=1), False)]:
        assert holds(asked, replace(NOBODY, events=(OwnEventRow(UUID(int=1), 1, at),))) is answer


def test_a_random_share_is_about_as_large_as_it_says() -> None:
    buckets = [find_bucket(UUID(int=number), "spring") for number in range(5_000)]
    assert 0 <= min(buckets) <= max(buckets) < BUCKETS
    assert 400 < sum(bucket < BUCKETS // 10 for bucket in buckets) < 600
    assert find_bucket(UUID("018f2a5b-0000-7000-8000-000000000001"), "spring") == 2090


def test_a_condition_and_its_negation_divide_everybody() -> None:
    random = Random(8)
    people = [replace(random_person(random, CATALOG, make_launches()), state="active") for _ in range(30)]
    for _ in range(300):
        condition = random_condition(random, CATALOG, 3)
        for person in people[:5]:
            assert evaluate(condition, person, CONTEXT) is not evaluate(Not(condition), person, CONTEXT)


def test_the_score_of_engagement_is_asked() -> None:
    person = replace(
        NOBODY, engagement=EngagementRow(NOW, NOW - 2 * DAY, datetime(2020, 1, 1, tzinfo=UTC), 10, 3, 1)
    )
    assert holds({"kind": "engagement", "op": "between", "value": [80, 80]}, person)  # 60 + 40 · 5 / 10
    assert holds({"kind": "engagement", "op": "at_most", "value": 0})
