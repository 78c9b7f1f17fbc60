"""Leaves about the contact itself: tags, consent, source, standing, the address, chance and the engagement score."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import LiteralString

from dynamail.conditions.scoring import CLICK_WEIGHT, FREQUENCY_POINTS, RECENCY_STEPS
from dynamail.conditions.tree import (
    AddressTest,
    Finding,
    Op,
    Period,
    RandomTest,
    ScoreTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
    TopicState,
    TopicTest,
)
from dynamail.lib.sql import SqlFragment
from dynamail.segments.contexts import Form, Scope
from dynamail.segments.fragments import FALSE, bind, compose, is_storable, join_all, negate, say

RESTRICTED = SqlFragment("contact.state = 'restricted'")
FINDING_BITS = {finding: 1 << place for place, finding in enumerate(Finding)}
RANDOM_STEPS = 10_000
SAME_CONTACT = SqlFragment("known.contact_id = contact.id")
SELECT_SOME: LiteralString = "SELECT known.contact_id FROM {} AS known WHERE {}"
SELECT_GROUPS: LiteralString = SELECT_SOME + " GROUP BY known.contact_id HAVING {}"
HAS_CONTACT = SqlFragment("known.contact_id IS NOT NULL")  # a NULL in a set would make "not in it" unknown


def compile_tags(leaf: TagTest, scope: Scope) -> SqlFragment:
    """A tag that the account does not have is on nobody."""
    known = [scope.catalog.tags[tag].id for tag in leaf.tags if tag in scope.catalog.tags]
    match leaf.op:
        case Op.HAS_ANY:
            return compose("contact.tags && {}", bind(known, "bigint[]")) if known else FALSE
        case Op.HAS_NONE:
            return negate(compile_tags(TagTest(Op.HAS_ANY, leaf.tags), scope))
        case Op.HAS_ALL:
            everyone = bool(known) and len(known) == len(leaf.tags)
            return compose("contact.tags @> {}", bind(known, "bigint[]")) if everyone else FALSE
        case Op.EMPTY:
            return SqlFragment("contact.tags = '{}'")
        case Op.FILLED:
            return SqlFragment("contact.tags <> '{}'")
    return FALSE


def compile_topic(leaf: TopicTest, scope: Scope) -> SqlFragment:
    topic = scope.catalog.topics.get(leaf.topic)
    if topic is None:
        return say(FALSE, negated=leaf.negated != (leaf.state == TopicState.NEVER_ASKED))
    asked = [compose("known.topic_id = {}", bind(topic.id, "bigint"))]
    if leaf.state == TopicState.NEVER_ASKED:
        return say(exist("subscription", asked, scope), negated=not leaf.negated)
    asked += [compose("known.state = {}", bind(str(leaf.state), "text"))]
    asked += within(SqlFragment("known.changed_at"), leaf.period, scope)
    if leaf.basis:
        asked += [compose("known.basis = {}", bind(leaf.basis, "text"))]
    return say(exist("subscription", asked, scope), negated=leaf.negated)


def compile_source(leaf: SourceTest, scope: Scope) -> SqlFragment:
    if not is_storable(leaf.source + leaf.id):
        return say(FALSE, negated=leaf.negated)
    tests = [compose("contact.source_kind = {}", bind(leaf.source, "text"))]
    if leaf.id:
        tests.append(compose("contact.source_id = {}", bind(leaf.id, "text")))
    return say(join_all(tests), negated=leaf.negated)


def compile_standing(leaf: StandingTest, scope: Scope) -> SqlFragment:
    match leaf.standing:
        case Standing.RESTRICTED:
            answer = RESTRICTED
        case Standing.SUPPRESSED:
            answer = _is_suppressed(leaf.reason, scope)
        case Standing.MAILABLE:
            answer = join_all([negate(RESTRICTED), negate(_is_suppressed("", scope))])
    return say(answer, negated=leaf.negated)


def compile_address(leaf: AddressTest, scope: Scope) -> SqlFragment:
    bit = bind(FINDING_BITS[leaf.finding], "smallint")
    return say(compose("(contact.findings & {}) <> 0", bit), negated=leaf.negated)


def compile_random(leaf: RandomTest, scope: Scope) -> SqlFragment:
    salt = leaf.salt or scope.context.salt
    steps = bind(leaf.percent * RANDOM_STEPS / 100, "numeric")
    if not is_storable(salt):
        return FALSE
    return compose(
        "('x' || left(md5(contact.id::text || ':' || {}), 8))::bit(32)::bigint %% {} < {}",
        bind(salt, "text"),
        SqlFragment(str(RANDOM_STEPS)),  # type: ignore[arg-type]  # a number of ours
        steps,
    )


def compile_score(leaf: ScoreTest, scope: Scope) -> SqlFragment:
    """Whoever has no row has the score 0: where 0 fits, only those who have another score are left out."""
    low, high = _find_range(leaf)
    score = _spell_score(scope)
    fits = compose("{} BETWEEN {} AND {}", score, bind(low, "numeric"), bind(high, "numeric"))
    if low <= 0 <= high:
        return negate(exist("engagement", [negate(compose("({})", fits))], scope))
    return exist("engagement", [fits], scope)


def keep_to_account(scope: Scope) -> SqlFragment:
    return compose("known.account_id = {}", bind(scope.context.account_id, "bigint"))


def exist(table: LiteralString, tests: Iterable[SqlFragment], scope: Scope) -> SqlFragment:
    """Is there a row of the contact? Among tests that must all hold EXISTS becomes a join; beneath an OR only a set can be hashed."""
    own = keep_to_account(scope)
    if scope.is_joined or scope.form == Form.EACH:
        kept = join_all([own, SAME_CONTACT, *tests])
        return compose("EXISTS (SELECT FROM {} AS known WHERE {})", SqlFragment(table), kept)
    some = compose(SELECT_SOME, SqlFragment(table), join_all([own, HAS_CONTACT, *tests]))
    return compose("contact.id IN ({})", some)


def exist_group(
    table: LiteralString, tests: Iterable[SqlFragment], having: SqlFragment, scope: Scope
) -> SqlFragment:
    """Do the contact's rows together have what is asked of a group? In the form for whole populations."""
    kept = join_all([keep_to_account(scope), HAS_CONTACT, *tests])
    groups = compose(SELECT_GROUPS, SqlFragment(table), kept, having)
    if not scope.is_joined:
        return compose("contact.id IN ({})", groups)
    return compose("EXISTS (SELECT FROM ({}) AS counted WHERE counted.contact_id = contact.id)", groups)


def within(column: SqlFragment, period: Period, scope: Scope) -> list[SqlFragment]:
    """The column's moment lies in the period: nothing to ask when that is ever."""
    span = scope.calendar.find_period(period)
    tests = []
    if span.start is not None:
        tests.append(compose("{} >= {}", column, bind(span.start, "timestamptz")))
    if span.end is not None:
        tests.append(compose("{} < {}", column, bind(span.end, "timestamptz")))
    return tests


def _is_suppressed(reason: str, scope: Scope) -> SqlFragment:
    """`contact.state` is a copy that an expiry has not reached yet; the list itself decides, for whatever kind of mail."""
    in_force = compose(
        "(known.expires_at IS NULL OR known.expires_at > {})", bind(scope.context.now, "timestamptz")
    )
    tests = [keep_to_account(scope), SqlFragment("known.email = contact.email_key"), in_force]
    if reason:
        tests.append(compose("known.reason = {}", bind(reason, "text")) if is_storable(reason) else FALSE)
    kept = join_all(tests)
    return FALSE if kept == FALSE else compose("EXISTS (SELECT FROM suppression AS known WHERE {})", kept)


def _find_range(leaf: ScoreTest) -> tuple[Decimal, Decimal]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    numbers = [value for value in values if isinstance(value, Decimal)] or [Decimal(-1)]
    match leaf.op:
        case Op.AT_LEAST:
            return numbers[0], Decimal(100)
        case Op.AT_MOST:
            return Decimal(0), numbers[0]
    return numbers[0], numbers[-1]


def _spell_score(scope: Scope) -> SqlFragment:
    """The arithmetic of `conditions.scoring`. Whole days since: below 8 × 24 hours is at most 7 of them."""
    last = SqlFragment("greatest(known.last_opened_at, known.last_clicked_at)")
    now = scope.context.now
    branches = [
        compose(
            f"WHEN {{}} > {{}} THEN {points}",
            last,
            bind(now - timedelta(days=days + 1), "timestamptz"),  # type: ignore[arg-type]
        )
        for days, points in RECENCY_STEPS
    ]
    recency = compose("CASE {} {} {} {} ELSE 0 END", *branches)
    return compose(
        "({} + CASE WHEN known.sent > 0"
        " THEN least({}, {} * (known.opened + {} * known.clicked::bigint) / known.sent) ELSE 0 END)",
        recency,
        *(bind(number, "bigint") for number in (FREQUENCY_POINTS, FREQUENCY_POINTS, CLICK_WEIGHT)),
    )
