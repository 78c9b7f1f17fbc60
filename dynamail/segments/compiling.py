"""A condition as one boolean SQL expression over the alias `contact`, for WHERE: NULL says no. To negate it write `IS NOT TRUE`.

Negations go down to the leaves first, because the planner makes an anti join of NOT EXISTS only where it stands among conditions
that must all hold. What the leaves mean stands in `conditions/`; `evaluating` there gives the same answers for one person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dynamail.accounts.models import Account
from dynamail.conditions.catalog import Catalog
from dynamail.conditions.tree import (
    ActivityTest,
    AddressTest,
    AttributeTest,
    Condition,
    EventTest,
    FieldTest,
    Group,
    Match,
    Not,
    RandomTest,
    ScoreTest,
    SegmentTest,
    SourceTest,
    StandingTest,
    TagTest,
    TopicTest,
)
from dynamail.lib.sql import SqlFragment
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.compiling_activity import compile_activity
from dynamail.segments.compiling_attributes import compile_attribute, compile_field
from dynamail.segments.compiling_contacts import (
    RESTRICTED,
    compile_address,
    compile_random,
    compile_score,
    compile_source,
    compile_standing,
    compile_tags,
    compile_topic,
)
from dynamail.segments.compiling_events import compile_event
from dynamail.segments.contexts import CompileContext, Form, Scope, open_scope
from dynamail.segments.fragments import FALSE, TRUE, join_all, join_any, negate

Compiler = Callable[..., SqlFragment]
COMPILERS: dict[type, Compiler] = {
    FieldTest: compile_field,
    TagTest: compile_tags,
    TopicTest: compile_topic,
    SourceTest: compile_source,
    StandingTest: compile_standing,
    AddressTest: compile_address,
    EventTest: compile_event,
    RandomTest: compile_random,
    ScoreTest: compile_score,
}


def compile_condition(
    condition: Condition,
    catalog: Catalog,
    context: CompileContext,
    *,
    form: Form = Form.SET,
    include_restricted: bool = False,
) -> SqlFragment:
    """Who fits, without restricted contacts (P8.3) unless a list page asks for all.

    The statement around it names the table `contact` by this name and keeps to the account.
    """
    wanted = _compile(condition, open_scope(catalog, context, form, include_restricted), negated=False)
    return wanted if include_restricted else join_all([negate(RESTRICTED), wanted])


def compile_for(
    account_id: int,
    condition: Condition,
    *,
    now: datetime,
    salt: str = "",
    form: Form = Form.SET,
    include_restricted: bool = False,
) -> SqlFragment:
    """`compile_condition` with what the account has now and its time zone."""
    zone = Account.objects.values_list("timezone", flat=True).get(pk=account_id)
    context = CompileContext(account_id, now, zone, salt)
    return compile_condition(
        condition, load_catalog(account_id), context, form=form, include_restricted=include_restricted
    )


def _compile(condition: Condition, scope: Scope, *, negated: bool) -> SqlFragment:
    if isinstance(condition, Not):
        return _compile(condition.member, scope, negated=not negated)
    if isinstance(condition, Group):
        all_hold = (condition.match == Match.ALL) != negated
        inner = scope if all_hold or len(condition.members) < 2 else replace(scope, is_joined=False)
        members = [_compile(member, inner, negated=negated) for member in condition.members]
        return join_all(members) if all_hold else join_any(members)
    if isinstance(condition, SegmentTest):
        return _compile_segment(condition, scope, negated=negated)
    if isinstance(condition, ActivityTest):
        return compile_activity(condition, scope, negated=negated)
    if isinstance(condition, AttributeTest):
        return compile_attribute(condition, scope, negated=negated)
    answer = COMPILERS[type(condition)](condition, scope)
    return negate(answer) if negated else answer


def _compile_segment(leaf: SegmentTest, scope: Scope, *, negated: bool) -> SqlFragment:
    """Another segment's condition in place, with that segment's own share of chance. One that is gone, or in a circle, has nobody."""
    negated = negated != leaf.negated
    segment = None if leaf.segment in scope.path else scope.catalog.segments.get(leaf.segment)
    if segment is None:
        return TRUE if negated else FALSE
    inner = replace(
        scope, path=(*scope.path, leaf.segment), context=replace(scope.context, salt=leaf.segment)
    )
    answer = _compile(segment.condition, inner, negated=negated)
    if not scope.include_restricted:
        return answer
    return join_any([RESTRICTED, answer]) if negated else join_all([negate(RESTRICTED), answer])
