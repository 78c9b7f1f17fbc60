"""Random conditions, people and rubbish, from a seeded `random.Random`: the same seed makes the same ones.

`random_condition` makes what the parser makes: `parse_condition(to_json(condition)) == condition`. `random_person` makes people whose facts
meet these conditions often enough, and whose engagement row agrees with their activity and messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from dynamail.conditions.catalog import Catalog, KnownAttribute, KnownCampaign, KnownRow, KnownSegment
from dynamail.conditions.days import write_moment
from dynamail.conditions.leaves import Basis, SourceKind, SuppressionReason
from dynamail.conditions.operators import (
    FIELD_OPERATORS,
    NO_VALUE,
    OPERATORS,
    PROPERTY_OPERATORS,
    SCORE_OPERATORS,
    SEVERAL_VALUES,
    TAG_OPERATORS,
    TIMES_OPERATORS,
    find_measure_operators,
)
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.person import (
    ActivityRow,
    EngagementRow,
    FeedbackRow,
    Launch,
    MessageRow,
    OwnEventRow,
    Person,
    SuppressionRow,
    TopicStanding,
)
from dynamail.conditions.printing import to_json
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
    Moment,
    Not,
    Op,
    Period,
    PropertyTest,
    RandomTest,
    RelativeDay,
    ScoreTest,
    SegmentTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
    Times,
    TopicState,
    TopicTest,
    Value,
)
from dynamail.lib.ids import derived_id, to_public_id

NOW = datetime(2026, 6, 15, 10, 37, 12, 345678, tzinfo=UTC)  # conditions and people lie around it
TEXTS = (
    "Minsk",
    "minsk",
    "MINSK",
    "Мінск",
    "мінск",
    "Minsk-2",
    "in",
    "100%",
    "50%_off",
    "%s",
    "a_b",
    "o'Neil",
    'say "hi"',
    "back\\slash",
    "İstanbul",
    "istanbul",
    "ΣΑΣ",
    "σας",
    "straße",
    "STRASSE",
    "😀",
    "__proto__",
    " space ",
    "line\nbreak",
    "5",
    "true",
    "2026-06-15",
)
NUMBERS = tuple(
    map(
        Decimal, ("0", "1", "2", "3", "-5", "10", "100", "99.99", "0.1", "0.2", "0.3", "1000000", "12345.678")
    )
)
PROPERTIES: Mapping[str, str] = {"category": "text", "total": "number", "paid": "boolean", "sizes": "list"}
ZONES = (
    "",
    "Europe/Minsk",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "America/New_York",
    "Nowhere/Atlantis",
    "UTC",
)
EMAILS = (
    "ann@example.com",
    "bob.o'neil@mail.example",
    "інфо@xn--e1afmkfd.xn--p1ai",
    "x%y@example.com",
    "a_b@xn--e1afmkfd.xn--p1ai",
)
IMPORTS = tuple(to_public_id("imp", derived_id(NOW, "import", place)) for place in range(2))
SOURCES = tuple(derived_id(NOW, "source", place) for place in range(6))  # of messages

Item = TypeVar("Item")


# --- conditions ---


def make_catalog() -> Catalog:
    """An account with attributes of all types and two of everything else."""
    types = ("text", "number", "boolean", "date", "time", "choice", "list")
    attributes = {
        kind: KnownAttribute(
            place, kind, kind.title(), kind, ("red", "green", "Blue") if kind == "choice" else ()
        )
        for place, kind in enumerate(types, 1)
    }
    catalog = Catalog(
        attributes=attributes,
        tags={_name("tag", place): KnownRow(place, f"Tag {place}") for place in range(1, 5)},
        topics={_name("top", place): KnownRow(place, f"Topic {place}") for place in range(1, 4)},
        events={name: KnownRow(place, name) for place, name in enumerate(("order.placed", "page.seen"), 1)},
        campaigns={
            _name("cmp", place): KnownCampaign(SOURCES[place], f"Campaign {place}") for place in range(2)
        },
    )
    random = Random(1)
    segments = {
        _name("seg", place): KnownSegment(
            UUID(int=place), f"Segment {place}", random_condition(random, catalog, 1)
        )
        for place in range(1, 4)
    }
    return Catalog(
        catalog.attributes, catalog.tags, catalog.topics, catalog.events, catalog.campaigns, segments
    )


def make_launches() -> tuple[Launch, ...]:
    return tuple(
        Launch(source, 1 + place % 3, NOW - timedelta(days=20 * place, hours=place))
        for place, source in enumerate(SOURCES)
    )


def _name(prefix: str, number: int) -> str:
    return to_public_id(prefix, UUID(int=number))


def random_condition(random: Random, catalog: Catalog, depth: int = 3) -> Condition:
    """A valid condition whose groups lie up to `depth` deep in each other."""
    if depth <= 0 or random.random() < 0.35:
        return random_leaf(random, catalog)
    if random.random() < 0.2:
        return Not(random_condition(random, catalog, depth - 1))
    match = random.choice((Match.ALL, Match.ANY))
    least = 0 if match is Match.ALL and random.random() < 0.02 else 1
    count = random.randint(least, 3) if least else 0
    return Group(match, tuple(random_condition(random, catalog, depth - 1) for _ in range(count)))


def random_leaf(random: Random, catalog: Catalog) -> Leaf:
    """Any kind that the catalog has something for."""
    needs = {
        _attribute: catalog.attributes,
        _tag: catalog.tags,
        _topic: catalog.topics,
        _segment: catalog.segments,
    }
    needs |= {_event: catalog.events}
    kinds = [make for make, weight in _KINDS for _ in range(weight) if make not in needs or needs[make]]
    return random.choice(kinds)(random, catalog)


def _attribute(random: Random, catalog: Catalog) -> Leaf:
    known = _one(random, catalog.attributes.values())
    op = random.choice(OPERATORS[known.type])
    return AttributeTest(known.key, op, _value(random, known.type, op, choices=known.choices))


def _field(random: Random, catalog: Catalog) -> Leaf:
    field = random.choice(list(Field))
    op = random.choice(FIELD_OPERATORS[field])
    if field is Field.CREATED:
        return FieldTest(field, op, _moment_value(random, op))
    pools = {
        Field.EMAIL: (*EMAILS, "example", "ANN@example.com", "o'"),
        Field.DOMAIN: ("example.com", "EXAMPLE", "mail.example", "xn--e1afmkfd.xn--p1ai"),
        Field.LANGUAGE: ("en", "ru", "be", "R"),
        Field.TIMEZONE: (*ZONES[1:], "europe"),
    }
    return FieldTest(field, op, _texts(random, op, pools.get(field, TEXTS)))


def _tag(random: Random, catalog: Catalog) -> Leaf:
    op = random.choice(TAG_OPERATORS)
    return TagTest(op, () if op in NO_VALUE else _some(random, list(catalog.tags)))


def _topic(random: Random, catalog: Catalog) -> Leaf:
    topic, state = _one(random, catalog.topics), random.choice(list(TopicState))
    if state is TopicState.NEVER_ASKED:
        return TopicTest(topic, state, _maybe(random))
    basis = random.choice(("", "", *Basis))
    return TopicTest(topic, state, _maybe(random), _period(random), str(basis))


def _source(random: Random, catalog: Catalog) -> Leaf:
    source = random.choice(list(SourceKind))
    return SourceTest(str(source), random.choice(("", *IMPORTS)), _maybe(random))


def _segment(random: Random, catalog: Catalog) -> Leaf:
    return SegmentTest(_one(random, catalog.segments), _maybe(random))


def _standing(random: Random, catalog: Catalog) -> Leaf:
    standing = random.choice(list(Standing))
    reason = random.choice(("", *SuppressionReason)) if standing is Standing.SUPPRESSED else ""
    return StandingTest(standing, _maybe(random), str(reason))


def _address(random: Random, catalog: Catalog) -> Leaf:
    return AddressTest(random.choice(list(Finding)), _maybe(random))


def _activity(random: Random, catalog: Catalog) -> Leaf:
    act = random.choice(list(Act))
    times = Times(random.choice(TIMES_OPERATORS), random.choice((0, 1, 1, 2, 3, 7)), _maybe(random))
    return ActivityTest(act, _choice(random, catalog, act), random.choice((Times(), times)), _period(random))


def _choice(random: Random, catalog: Catalog, act: Act) -> MessageChoice:
    kind = random.randrange(5)
    if kind == 1 and catalog.campaigns:
        link = random.choice((None, 0, 1, 3)) if act is Act.CLICKED else None
        return MessageChoice(_one(random, catalog.campaigns), link)
    if kind == 2 and catalog.topics:
        return MessageChoice(topic=_one(random, catalog.topics), last=random.choice((None, 1, 2)))
    return MessageChoice(last=random.randint(1, 5)) if kind == 3 else MessageChoice()


def _event(random: Random, catalog: Catalog) -> Leaf:
    where = tuple(_property(random) for _ in range(random.choice((0, 0, 1, 2))))
    event, period = _one(random, catalog.events), _period(random)
    if random.random() < 0.2:
        return EventTest(event, where, period=period)
    return EventTest(event, where, tuple(_measure(random) for _ in range(random.choice((1, 1, 2)))), period)


def _property(random: Random) -> PropertyTest:
    name = random.choice((*PROPERTIES, "nothing"))
    op = random.choice(PROPERTY_OPERATORS)
    return PropertyTest(name, op, _property_value(random, op))


def _measure(random: Random) -> MeasureTest:
    measure = random.choice(list(Measure))
    is_end = measure in (Measure.FIRST, Measure.LAST)
    name = (
        ""
        if measure is Measure.COUNT or (is_end and _maybe(random))
        else random.choice(("total", "category", "nothing"))
    )
    op = random.choice(find_measure_operators(measure, name))
    if is_end:
        return MeasureTest(
            measure, op, _property_value(random, op) if name else _moment_value(random, op), name
        )
    return MeasureTest(measure, op, _number_value(random, op), name)


def _random_share(random: Random, catalog: Catalog) -> Leaf:
    percent = random.choice(("0.01", "10", "33.33", "50", "99.99"))
    return RandomTest(Decimal(percent), random.choice(("", "", "spring", "ü'%")))


def _score(random: Random, catalog: Catalog) -> Leaf:
    op = random.choice(SCORE_OPERATORS)
    low, high = sorted(Decimal(random.randint(0, 100)) for _ in range(2))
    return ScoreTest(op, (low, high) if op is Op.BETWEEN else low)


_KINDS: Sequence[tuple[Callable[[Random, Catalog], Leaf], int]] = (
    (_attribute, 6),
    (_field, 2),
    (_tag, 2),
    (_topic, 2),
    (_source, 1),
    (_segment, 1),
    (_standing, 1),
    (_address, 1),
    (_activity, 6),
    (_event, 5),
    (_random_share, 1),
    (_score, 1),
)


# --- values of conditions ---


def _value(random: Random, kind: str, op: Op, *, choices: Sequence[str] = ()) -> Value:
    if op in NO_VALUE:
        return None
    if kind in ("text", "choice", "list"):
        return _texts(random, op, choices or TEXTS)
    if kind == "number":
        return _number_value(random, op)
    if kind == "boolean":
        return _maybe(random)
    if op is Op.ANNIVERSARY:
        first = random.choice((-400, -7, 0, 1, 200))
        return RelativeDay(first), RelativeDay(first + random.choice((0, 1, 7, 40, 365, 366)))
    return _moment_value(random, op, as_text=True, days_only=kind == "date")


def _texts(random: Random, op: Op, pool: Sequence[str]) -> Value:
    if op in NO_VALUE:
        return None
    return _some(random, pool) if op in SEVERAL_VALUES else random.choice(pool)


def _number_value(random: Random, op: Op) -> Value:
    if op in NO_VALUE:
        return None
    if op is Op.BETWEEN:
        low, high = sorted(random.choices(NUMBERS, k=2))
        return low, high
    return _some(random, NUMBERS) if op in SEVERAL_VALUES else random.choice(NUMBERS)


def _moment_value(random: Random, op: Op, *, as_text: bool = False, days_only: bool = False) -> Value:
    """The value of a day or moment; as `equals` and `differs` of attributes keep it, with `as_text`."""
    if op in NO_VALUE:
        return None
    if op is Op.BETWEEN:
        return _moment_pair(random, days_only)
    moment = _moment(random, days_only)
    is_loose = as_text and op in (Op.EQUALS, Op.DIFFERS)
    return write_moment(moment) if is_loose and not isinstance(moment, RelativeDay) else moment


def _moment_pair(random: Random, days_only: bool) -> Value:
    first, last = _moment(random, days_only), _moment(random, days_only)
    if isinstance(first, RelativeDay) and isinstance(last, RelativeDay):
        return tuple(sorted((first, last), key=lambda day: day.days))
    if type(first) is type(last) and isinstance(first, date) and isinstance(last, date) and last < first:
        return last, first
    return first, last


def _moment(random: Random, days_only: bool) -> Moment:
    kind = random.randrange(2 if days_only else 3)
    if kind == 0:
        return RelativeDay(random.choice((-400, -30, -7, -2, -1, 0, 0, 1, 2, 30, 365)))
    day = random.choice(
        (date(2026, 6, 14), date(2026, 6, 15), date(2026, 6, 16), date(2026, 1, 1), date(1996, 2, 29))
    )
    return (
        day
        if kind == 1
        else datetime(day.year, day.month, day.day, *random.choice(((0, 0), (10, 37), (23, 59))), tzinfo=UTC)
    )


def _property_value(random: Random, op: Op) -> Value:
    if op in (Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST, Op.BETWEEN):
        return _number_value(random, op)
    if op in (Op.IN, Op.NOT_IN):
        return _some(random, (*TEXTS[:6], *NUMBERS[:6]))
    if op in (Op.EQUALS, Op.DIFFERS):
        return random.choice((*TEXTS[:6], *NUMBERS[:6], True, False))
    return _texts(random, op, TEXTS)


def _period(random: Random) -> Period:
    kind = random.randrange(5)
    if kind == 1:
        return Period(last_days=random.choice((1, 2, 7, 30, 365)))
    first, last = (
        date(2026, 6, 15) - timedelta(random.choice((0, 1, 30, 100))),
        date(2026, 6, random.choice((15, 16))),
    )
    periods = (Period(first_day=first), Period(last_day=first), Period(first_day=first, last_day=last))
    return periods[kind - 2] if kind >= 2 else Period()


def _some(random: Random, pool: Sequence[Item]) -> tuple[Item, ...]:
    return tuple(random.sample(pool, random.randint(1, min(3, len(pool)))))


def _one(random: Random, pool: Any) -> Any:
    return random.choice(list(pool))


def _maybe(random: Random) -> bool:
    return random.random() < 0.3


# --- people ---


def random_person(random: Random, catalog: Catalog, launches: Sequence[Launch] = ()) -> Person:
    """Somebody about whom little or much is known. Nothing of it lies after NOW."""
    activity, messages = _random_activity(random, launches), _random_messages(random, launches)
    return Person(
        id=derived_id(_before(random, 400), random.random()),
        email_key=f"{random.randrange(10**9)}.{random.choice(EMAILS)}",
        created_at=_before(random, 400),
        name=random.choice(("", *TEXTS)),
        language=random.choice(("", "en", "ru", "be")),
        timezone=random.choice(ZONES),
        state=random.choice(("active", "active", "active", "suppressed", "restricted")),
        attributes=random_attributes(random, catalog),
        tags=frozenset(row.id for row in catalog.tags.values() if _maybe(random)),
        topics={row.id: _random_standing(random) for row in catalog.topics.values() if random.random() < 0.6},
        source_kind=str(random.choice(list(SourceKind))),
        source_id=random.choice(("", *IMPORTS)),
        findings=random.randrange(16),
        suppressions=_random_suppressions(random),
        engagement=make_engagement(activity, messages),
        activity=activity,
        messages=messages,
        feedback=_random_feedback(random, messages),
        events=_random_events(random, catalog),
    )


def random_attributes(random: Random, catalog: Catalog) -> dict[str, Any]:
    """As contacts store them; now and then a value of a type that the attribute does not have."""
    filled = [known for known in catalog.attributes.values() if random.random() < 0.75]
    return {str(known.number): _stored_value(random, known) for known in filled}


def _stored_value(random: Random, known: KnownAttribute) -> Any:
    kind = known.type if random.random() < 0.95 else random.choice(tuple(OPERATORS))
    makers: Mapping[str, Callable[[], Any]] = {
        "text": lambda: random.choice(("", *TEXTS)),
        "choice": lambda: random.choice((*known.choices, "gone")),
        "number": lambda: _plain_json(random.choice(NUMBERS)),
        "boolean": lambda: _maybe(random),
        "date": lambda: _stored_day(random),
        "time": lambda: write_moment(_before(random, 400) + timedelta(days=30)),
        "list": lambda: random.choice(([], list(_some(random, TEXTS)))),
    }
    return makers[kind]()


def _stored_day(random: Random) -> str:
    distance = random.randint(-40, 40) * random.choice((0, 1, 30, 365))
    return (date(2026, 6, 15) + timedelta(days=distance)).isoformat()


def _plain_json(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _before(random: Random, most_days: int) -> datetime:
    """A moment before NOW, often around the borders of days."""
    if random.random() < 0.2:
        return datetime(2026, 6, random.randint(12, 15), tzinfo=UTC) + timedelta(
            hours=random.choice((-3, 0, 3, 10))
        )
    return NOW - timedelta(seconds=int(random.random() ** 2 * most_days * 86_400))


def _random_standing(random: Random) -> TopicStanding:
    state = random.choice(("subscribed", "pending", "unsubscribed"))
    return TopicStanding(state, str(random.choice(list(Basis))), _before(random, 400))


def _random_suppressions(random: Random) -> tuple[SuppressionRow, ...]:
    """Up to one of each scope."""
    rows = [
        SuppressionRow(
            str(random.choice(list(SuppressionReason))),
            random.choice((None, NOW - timedelta(1), NOW, NOW + timedelta(1))),
        )
        for _scope in ("all", "marketing")
        if random.random() < 0.15
    ]
    return tuple(rows)


def _random_source(random: Random, launches: Sequence[Launch]) -> UUID:
    return (
        random.choice(launches).source_id if launches and random.random() < 0.9 else derived_id(NOW, "other")
    )


def _random_activity(random: Random, launches: Sequence[Launch]) -> tuple[ActivityRow, ...]:
    """One row for each kind, quarter, source and link, as the table's key has it."""
    rows: dict[tuple[Any, ...], ActivityRow] = {}
    for _ in range(random.choice((0, 1, 3, 8))):
        kind, at, source = (
            random.choice(("opened", "clicked")),
            _before(random, 120),
            _random_source(random, launches),
        )
        quarter = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
        link = random.randint(0, 3) if kind == "clicked" else -1
        rows[kind, quarter, source, link] = ActivityRow(kind, quarter, source, link, random.randint(1, 4))
    return tuple(rows.values())


def _random_messages(random: Random, launches: Sequence[Launch]) -> tuple[MessageRow, ...]:
    states = (
        "delivered",
        "delivered",
        "delivered",
        "bounced",
        "suppressed",
        "canceled",
        "expired",
        "unknown",
    )
    moments = [_before(random, 120) for _ in range(random.choice((0, 1, 3, 6)))]
    return tuple(
        MessageRow(
            derived_id(at, place, random.random()),
            at,
            random.choice(states),
            _random_source(random, launches),
        )
        for place, at in enumerate(moments)
    )


def _random_feedback(random: Random, messages: Sequence[MessageRow]) -> tuple[FeedbackRow, ...]:
    """About messages of the person; some say it twice, one in ten names no message."""
    rows = []
    for message in messages:
        for kind in ("bounced", "complained", "replied"):
            for _ in range(random.choice((0, 0, 0, 1, 2))):
                at = min(NOW, message.at + timedelta(hours=random.randint(0, 60)))
                named = message.id if random.random() < 0.9 else None
                rows.append(FeedbackRow(f"message.{kind}", at, message.source_id, named))
    return tuple(rows)


def make_engagement(activity: Sequence[ActivityRow], messages: Sequence[MessageRow]) -> EngagementRow:
    """The row that these facts leave behind."""
    sent = [row.at for row in messages if row.state in ("delivered", "bounced", "unknown")]
    opened = [row for row in activity if row.kind == "opened"]
    clicked = [row for row in activity if row.kind == "clicked"]
    return EngagementRow(
        max(sent, default=None),
        max((row.at for row in opened), default=None),
        max((row.at for row in clicked), default=None),
        len(sent),
        sum(row.n for row in opened),
        sum(row.n for row in clicked),
    )


def _random_events(random: Random, catalog: Catalog) -> tuple[OwnEventRow, ...]:
    """Several may share a moment."""
    if not catalog.events:
        return ()
    moments = [_before(random, 120) for _ in range(random.choice((0, 1, 2, 5)))]
    moments += moments[:1]
    names = [row.id for row in catalog.events.values()]
    return tuple(
        OwnEventRow(
            derived_id(at, place, random.random()), random.choice(names), at, _random_properties(random)
        )
        for place, at in enumerate(moments)
    )


def _random_properties(random: Random) -> dict[str, Any]:
    return {name: _random_json(random, kind) for name, kind in PROPERTIES.items() if random.random() < 0.8}


def _random_json(random: Random, kind: str) -> Any:
    if random.random() < 0.1:
        return random.choice((None, "", [], {}, {"a": 1}, "Minsk", 5, True, [1, "in"], "5"))
    makers: Mapping[str, Callable[[], Any]] = {
        "text": lambda: random.choice(TEXTS[:8]),
        "number": lambda: _plain_json(random.choice(NUMBERS)),
        "boolean": lambda: _maybe(random),
        "list": lambda: list(_some(random, TEXTS)),
    }
    return makers[kind]()


# --- rubbish ---

_LONG = "x" * 1_000_000
_JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    10**400,
    -(10**30),
    float("nan"),
    float("inf"),
    float("-inf"),
    Decimal("NaN"),
    Decimal("1E+999999"),
    "",
    "%s",
    "%(name)s",
    "%",
    "'; DROP TABLE contact; --",
    '"',
    "\\",
    "__class__",
    "__proto__",
    "constructor",
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "a\u202eb",
    "2026-02-30",
    "2026-03-31",
    "0001-01-01",
    "9999-12-31",
    "2026-03-31T25:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "tag_" + "0" * 26,
    "tag_" + "z" * 26,
    _LONG,
    [],
    {},
    [[]],
    [None] * 600,
    [1, 2, 3],
    {"days": 10**9},
    {"days": True},
    {"days": 1, "x": 2},
    {"": ""},
    {"\ud800": 1},
    {"kind": "__init__"},
    {"all": {}},
    {"any": []},
    {"not": []},
    {1: 2},
)
_KEYS = (
    "kind",
    "op",
    "value",
    "all",
    "any",
    "not",
    "__proto__",
    "%s",
    "\x00",
    "\ud800",
    "a/b~c",
    "period",
    "times",
    "of",
    "",
)


def random_garbage(random: Random, catalog: Catalog | None = None) -> Any:
    """Decoded JSON that is almost never a condition: junk, towers 1,000 levels high, and conditions with something broken in them."""
    kind = random.randrange(12)
    if kind == 0:
        return random.choice(_JUNK)
    if kind == 1:
        return _random_tower(random)
    if kind == 2:
        return _random_junk(random, 4)
    document = to_json(random_condition(random, catalog or _CATALOG, 3))
    for _ in range(random.randint(1, 4)):
        document = _break(random, document)
    return document


def _random_tower(random: Random) -> Any:
    tower = random.choice(_JUNK)
    keys = (
        [random.choice(("all", "any", "not", "value", "of"))]
        if random.random() < 0.5
        else ["all", "any", "not"]
    )
    for _ in range(random.choice((9, 10, 11, 50, 1_000))):
        key = random.choice(keys)
        tower = {key: tower if key == "not" else [tower]}
    return tower


def _random_junk(random: Random, depth: int) -> Any:
    kind = random.randrange(4) if depth else 0
    if kind == 1:
        return [_random_junk(random, depth - 1) for _ in range(random.randint(0, 4))]
    if kind >= 2:
        return {random.choice(_KEYS): _random_junk(random, depth - 1) for _ in range(random.randint(0, 4))}
    return random.choice(_JUNK)


def _break(random: Random, document: Any) -> Any:
    """The document with one place in it replaced, removed, added or repeated."""
    if isinstance(document, dict) and document and random.random() < 0.93:
        key = random.choice(list(document))
        return {**document, key: _break(random, document[key])}
    if isinstance(document, list) and document and random.random() < 0.93:
        place = random.randrange(len(document))
        return [*document[:place], _break(random, document[place]), *document[place + 1 :]]
    if isinstance(document, dict) and random.random() < 0.6:
        return _change_keys(random, document)
    if isinstance(document, list) and document and random.random() < 0.3:
        return document * random.choice((2, 300))
    return _random_junk(random, 2)


def _change_keys(random: Random, document: dict[Any, Any]) -> dict[Any, Any]:
    if document and random.random() < 0.5:
        gone = random.choice(list(document))
        return {key: value for key, value in document.items() if key != gone}
    return {**document, random.choice(_KEYS): _random_junk(random, 1)}


def is_round(condition: Condition) -> bool:
    """Printing and reading give the condition back."""
    return parse_condition(to_json(condition)) == condition


_CATALOG = make_catalog()
