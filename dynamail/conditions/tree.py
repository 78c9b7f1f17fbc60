"""What a condition is: a tree of groups whose leaves each ask one thing about a contact.

Two-valued throughout: a leaf is true or false, never unknown. What is missing is not equal, not less and not in a period; the
negative operators (`differs`, `not_contains`, `not_in`, `has_none`) are true for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

MAX_DEPTH = 10
MAX_LEAVES = 200
MAX_TEXT = 2_000  # characters of one value
MAX_VALUES = 500  # in one list
MAX_DAYS = 3_650


class Match(StrEnum):
    ALL = "all"
    ANY = "any"


class Op(StrEnum):
    """What is asked of one value. Which of them a type takes stands in `checking.OPERATORS`."""

    EQUALS = "equals"
    DIFFERS = "differs"
    CONTAINS = "contains"  # letter case does not count; nor in begins and ends
    NOT_CONTAINS = "not_contains"
    BEGINS = "begins"
    ENDS = "ends"
    IN = "in"
    NOT_IN = "not_in"
    LESS = "less"
    AT_MOST = "at_most"
    MORE = "more"
    AT_LEAST = "at_least"
    BETWEEN = "between"  # both ends belong to it
    BEFORE = "before"  # days and moments: strictly
    AFTER = "after"
    ANNIVERSARY = "anniversary"  # day and month fall into a span of days around today
    HAS_ANY = "has_any"  # lists
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"
    EMPTY = "empty"
    FILLED = "filled"


class Act(StrEnum):
    """What happened between a contact and a message."""

    SENT = "sent"  # handed over or tried: every message that has an outcome and left
    RECEIVED = "received"  # accepted by the receiving server and not returned later
    OPENED = "opened"  # by a person; machines are left out
    CLICKED = "clicked"
    REPLIED = "replied"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Standing(StrEnum):
    MAILABLE = "mailable"  # neither suppressed nor restricted; says nothing about consent
    SUPPRESSED = "suppressed"
    RESTRICTED = "restricted"


class TopicState(StrEnum):
    SUBSCRIBED = "subscribed"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    NEVER_ASKED = "never_asked"


class Field(StrEnum):
    """What every contact has besides the account's own attributes."""

    EMAIL = "email"
    DOMAIN = "domain"  # of the address
    NAME = "name"
    LANGUAGE = "language"
    TIMEZONE = "timezone"
    CREATED = "created"  # a moment


class Measure(StrEnum):
    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    MIN = "min"
    MAX = "max"
    FIRST = "first"  # of the property; without one, the moment itself
    LAST = "last"


class Finding(StrEnum):
    """What the check of an address noticed; bit n of `contact.findings` in this order."""

    ROLE = "role"  # info@, sales@: a desk, not a person
    DISPOSABLE = "disposable"
    TYPO = "typo"  # gmial.com
    NO_MAIL_SERVER = "no_mail_server"  # the domain takes no mail


@dataclass(frozen=True, slots=True)
class RelativeDay:
    """A day counted from today: 0 is today, -30 thirty days ago, 7 in a week."""

    days: int


Day = date | RelativeDay
# Moments compare at the start of a day of the account's time zone, or exactly when a moment is given.
Moment = date | RelativeDay | datetime
Scalar = str | bool | Decimal | Moment
Value = Scalar | tuple[Scalar, ...] | None  # a tuple for in, not_in, between, has_…; None for empty, filled


@dataclass(frozen=True, slots=True)
class Period:
    """When: the last n days with today (`last_days`), or days of the account's time zone, both included. All empty: ever."""

    last_days: int | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def is_ever(self) -> bool:
        return self == Period()


@dataclass(frozen=True, slots=True)
class Times:
    """How often. `never` is written as exactly 0."""

    op: Op = Op.AT_LEAST  # at_least, at_most, equals
    n: int = 1
    messages: bool = False  # count different messages instead of acts


@dataclass(frozen=True, slots=True)
class MessageChoice:
    """Messages of which campaign, link or topic; all empty: any message. `last`: the last n launched campaigns."""

    campaign: str = ""  # cmp_…
    link: int | None = None  # of that campaign
    topic: str = ""  # top_…
    last: int | None = None  # of the topic, when one is named


@dataclass(frozen=True, slots=True)
class AttributeTest:
    attribute: str  # its key
    op: Op
    value: Value = None


@dataclass(frozen=True, slots=True)
class FieldTest:
    field: Field
    op: Op
    value: Value = None


@dataclass(frozen=True, slots=True)
class TagTest:
    op: Op  # has_any, has_all, has_none, empty, filled
    tags: tuple[str, ...] = ()  # tag_…


@dataclass(frozen=True, slots=True)
class TopicTest:
    topic: str  # top_…
    state: TopicState
    negated: bool = False
    period: Period = Period()  # when it became so; not with never_asked
    basis: str = ""  # consent, contract, law


@dataclass(frozen=True, slots=True)
class SourceTest:
    source: str  # form, import, api, integration, demo
    id: str = ""  # imp_… and the like
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SegmentTest:
    segment: str  # seg_…
    negated: bool = False


@dataclass(frozen=True, slots=True)
class StandingTest:
    standing: Standing
    negated: bool = False
    reason: str = ""  # of a suppression


@dataclass(frozen=True, slots=True)
class AddressTest:
    finding: Finding
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ActivityTest:
    act: Act
    of: MessageChoice = MessageChoice()
    times: Times = Times()
    period: Period = Period()


@dataclass(frozen=True, slots=True)
class PropertyTest:
    """Asked of one event. The value's own JSON type decides: a text compares with texts, a number with numbers."""

    property: str
    op: Op
    value: Value = None


@dataclass(frozen=True, slots=True)
class MeasureTest:
    """Asked of all events that fit. Without any event count and sum are 0, the others are missing."""

    measure: Measure
    op: Op
    value: Value
    property: str = ""


@dataclass(frozen=True, slots=True)
class EventTest:
    """The account's own events: those called `event` that fit all of `where` in the period, measured."""

    event: str
    where: tuple[PropertyTest, ...] = ()
    measures: tuple[MeasureTest, ...] = (MeasureTest(Measure.COUNT, Op.AT_LEAST, Decimal(1)),)
    period: Period = Period()


@dataclass(frozen=True, slots=True)
class RandomTest:
    """A share of all contacts, the same ones each time. Without a salt the segment's own id is it."""

    percent: Decimal  # 0.01 … 99.99
    salt: str = ""


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """The engagement score, 0…100: see `conditions/scoring.py`."""

    op: Op  # at_least, at_most, between
    value: Value


Leaf = (
    AttributeTest
    | FieldTest
    | TagTest
    | TopicTest
    | SourceTest
    | SegmentTest
    | StandingTest
    | AddressTest
    | ActivityTest
    | EventTest
    | RandomTest
    | ScoreTest
)


@dataclass(frozen=True, slots=True)
class Group:
    match: Match = Match.ALL
    members: tuple[Condition, ...] = field(default=())  # ALL of none is everybody; ANY of none is refused


@dataclass(frozen=True, slots=True)
class Not:
    member: Condition


Condition = Group | Not | Leaf
EVERYBODY = Group()
