"""What happened between a contact and messages.

The facts stand in several tables, and the narrowest that can answer is asked: `engagement` (one row a contact) for any message
ever or lately, `interaction` (one row a contact, message source and link) for chosen campaigns, `activity`, `message` and the
event log for all else. On facts that were recorded together they give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import LiteralString, cast

from dynamail.conditions.tree import Act, ActivityTest, MessageChoice, Op, Period, Times
from dynamail.events.kinds import EventKind
from dynamail.lib.sql import SqlFragment
from dynamail.messages.models import MessageState
from dynamail.segments.compiling_contacts import SAME_CONTACT, exist, exist_group, keep_to_account, within
from dynamail.segments.contexts import Form, Scope
from dynamail.segments.fragments import FALSE, TRUE, bind, compose, join_all, join_any, negate

ANY_LINK = -1  # the row of `interaction` that counts a person once
SENT_STATES = [str(state) for state in (MessageState.DELIVERED, MessageState.BOUNCED, MessageState.UNKNOWN)]
LOGGED = {
    Act.REPLIED: "message.replied",
    Act.BOUNCED: str(EventKind.MESSAGE_BOUNCED),
    Act.COMPLAINED: str(EventKind.MESSAGE_COMPLAINED),
}
DISTINCT_SOURCES: LiteralString = "count(DISTINCT known.source_id)"
SIGNS: dict[Op, LiteralString] = {Op.AT_LEAST: ">=", Op.EQUALS: "="}


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows `known` of a table that fit, and how many acts one row stands for."""

    table: LiteralString
    tests: list[SqlFragment] = field(default_factory=list)
    acts: LiteralString = "count(*)"
    messages: LiteralString = "count(*)"  # how many different messages they are about


def compile_activity(leaf: ActivityTest, scope: Scope, *, negated: bool = False) -> SqlFragment:
    """How often something happened; those to whom it never did are found by leaving out the others."""
    times = leaf.times
    if times.op == Op.AT_LEAST and times.n <= 0:
        return FALSE if negated else TRUE
    if times.op == Op.AT_MOST:
        times, negated = Times(Op.AT_LEAST, times.n + 1, times.messages), not negated
    elif times.op == Op.EQUALS and times.n == 0:
        times, negated = Times(messages=times.messages), not negated
    either = leaf.act == Act.SENT and not negated  # two tables may tell of it: an OR
    ways = _happened(leaf, times, replace(scope, is_joined=scope.is_joined and not either))
    return join_all(map(negate, ways)) if negated else join_any(ways)


def _happened(leaf: ActivityTest, times: Times, scope: Scope) -> list[SqlFragment]:
    """At least once, or exactly n > 0 times: each test of which one must hold."""
    once = times.op == Op.AT_LEAST and times.n == 1
    if leaf.of == MessageChoice() and (found := _ask_engagement(leaf, times, scope)) is not None:
        return [found, *_ask_refused(leaf, scope)]
    facts = _find_facts(leaf, scope, once=once)
    if FALSE in facts.tests:
        return [FALSE]
    return [exist(facts.table, facts.tests, scope) if once else count_facts(facts, times, scope)]


def count_facts(facts: Facts, times: Times, scope: Scope) -> SqlFragment:
    amount = SqlFragment(facts.messages if times.messages else facts.acts)
    sign, number = SqlFragment(SIGNS[times.op]), bind(times.n, "bigint")
    if scope.form == Form.SET:
        return exist_group(facts.table, facts.tests, compose("{} {} {}", amount, sign, number), scope)
    kept = join_all([keep_to_account(scope), SAME_CONTACT, *facts.tests])
    counted: LiteralString = "(SELECT coalesce({}, 0) {} {} FROM {} AS known WHERE {})"
    return compose(counted, amount, sign, number, SqlFragment(facts.table), kept)


def _ask_engagement(leaf: ActivityTest, times: Times, scope: Scope) -> SqlFragment | None:
    """Any message: ever, or at least once in the last days."""
    once = times.op == Op.AT_LEAST and times.n == 1
    if leaf.act not in (Act.OPENED, Act.CLICKED) and not (leaf.act == Act.SENT and once):
        return None
    column = str(leaf.act)
    if leaf.period.is_ever and (once or not times.messages):
        amount = compose("{} {} {}", _own(f"known.{column}"), _own(SIGNS[times.op]), bind(times.n, "integer"))
        return exist("engagement", [amount], scope)
    if once and leaf.period.last_days is not None:
        return exist("engagement", within(_own(f"known.last_{column}_at"), leaf.period, scope), scope)
    return None


def _ask_refused(leaf: ActivityTest, scope: Scope) -> list[SqlFragment]:
    """`engagement` counts what was delivered; what was sent and met a refusal or silence is rare, and has an index of its own."""
    if leaf.act != Act.SENT:
        return []
    period = within(SqlFragment("known.at"), leaf.period, scope)
    return [exist("message", [SqlFragment("known.state IN ('bounced', 'unknown')"), *period], scope)]


def _find_facts(leaf: ActivityTest, scope: Scope, *, once: bool) -> Facts:
    sources = choose_sources(leaf.of, scope)
    match leaf.act:
        case Act.OPENED | Act.CLICKED:
            return _find_acts(leaf, sources, scope, once=once)
        case Act.SENT | Act.RECEIVED:
            return _find_messages(leaf, sources, scope)
    logged = compose("known.kind = {}", bind(LOGGED[leaf.act], "text"))
    tests = [logged, *sources, *within(SqlFragment("known.at"), leaf.period, scope)]
    if leaf.times.messages:
        # An answer may be to no message that we know.
        tests.append(SqlFragment("known.message_id IS NOT NULL"))
    return Facts("event", tests, messages="count(DISTINCT known.message_id)")


def _find_acts(leaf: ActivityTest, sources: list[SqlFragment], scope: Scope, *, once: bool) -> Facts:
    kind = compose("known.kind = {}", bind(str(leaf.act), "text"))
    link = leaf.of.link
    lately = once and _ends_now(leaf.period)
    if sources and (leaf.period.is_ever or lately):
        row = compose("known.link_number = {}", bind(ANY_LINK if link is None else link, "smallint"))
        last = within(SqlFragment("known.last_at"), leaf.period, scope)[:1]
        return Facts("interaction", [kind, row, *sources, *last], "sum(known.times)", DISTINCT_SOURCES)
    chosen = [] if link is None else [compose("known.link_number = {}", bind(link, "smallint"))]
    period = within(SqlFragment("known.at"), leaf.period, scope)
    return Facts("activity", [kind, *sources, *chosen, *period], "sum(known.n)", DISTINCT_SOURCES)


def _find_messages(leaf: ActivityTest, sources: list[SqlFragment], scope: Scope) -> Facts:
    period = within(SqlFragment("known.at"), leaf.period, scope)
    if leaf.act == Act.SENT:
        states = compose("known.state = ANY({})", bind(SENT_STATES, "text[]"))
        return Facts("message", [states, *sources, *period])
    delivered = compose("known.state = {}", bind(str(MessageState.DELIVERED), "text"))
    returned = compose(
        "NOT EXISTS (SELECT FROM event AS returned WHERE returned.account_id = {} AND returned.kind = {}"
        " AND returned.message_id = known.id)",
        bind(scope.context.account_id, "bigint"),
        bind(LOGGED[Act.BOUNCED], "text"),
    )
    return Facts("message", [delivered, *sources, *period, returned])


def choose_sources(of: MessageChoice, scope: Scope) -> list[SqlFragment]:
    """Tests that a fact belongs to the chosen messages; none when any message will do."""
    tests = []
    if of.campaign:
        campaign = scope.catalog.campaigns.get(of.campaign)
        same = FALSE if campaign is None else compose("known.source_id = {}", bind(campaign.uid, "uuid"))
        tests.append(same)
    if of.topic or of.last is not None:
        tests.append(compose("known.source_id = ANY(ARRAY({}))", _select_campaigns(of, scope)))
    return tests


def _select_campaigns(of: MessageChoice, scope: Scope) -> SqlFragment:
    """Launched campaigns of a topic, or the last ones; evaluated once for a statement."""
    own = compose("frozen.account_id = {}", bind(scope.context.account_id, "bigint"))
    tests = [own, compose("frozen.created_at <= {}", bind(scope.context.now, "timestamptz"))]
    if of.topic:
        topic = scope.catalog.topics.get(of.topic)
        if topic is None:
            tests.append(FALSE)
        else:
            tests.append(compose("frozen.settings->>'topic_id' = {}", bind(str(topic.id), "text")))
    select = compose("SELECT frozen.id FROM frozen_content AS frozen WHERE {}", join_all(tests))
    if of.last is None:
        return select
    return compose(
        "{} ORDER BY frozen.created_at DESC, frozen.id DESC LIMIT {}", select, bind(of.last, "bigint")
    )


def _ends_now(period: Period) -> bool:
    return period.last_day is None and not period.is_ever


def _own(text: str) -> SqlFragment:
    return SqlFragment(cast(LiteralString, text))
