"""Gathers what the rules of `readiness` need to know.

`check_draft` is cheap (it compiles the content, a few milliseconds) and serves pages; `check_launch` also counts the audience and
serves every launch; `review_campaign` adds what a careful colleague would notice and how many recipients lack which data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dynamail.accounts.models import Account
from dynamail.campaigns.audiences import (
    AudienceCount,
    Lacking,
    choice_of,
    count_lacking,
    find_faults,
    measure_audience,
)
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.previewing import email_of
from dynamail.campaigns.readiness import Card, Facts, Problem, Severity, find_problems
from dynamail.conditions.faults import ConditionFault, Fault
from dynamail.contacts.catalog import list_attributes
from dynamail.content import problems as content
from dynamail.content.checking import CLIP_BYTES, contact_attributes_used, review_email
from dynamail.content.compiling import CompiledEmail, compile_email
from dynamail.content.links import Link
from dynamail.content.problems import ContentError
from dynamail.segments.counting import TooCostly
from dynamail.segments.wording import describe_costly, translate_fault
from dynamail.senders.domains import find_from_fault

CARD_OF = {
    content.Where.SUBJECT: Card.SUBJECT,
    content.Where.PREHEADER: Card.SUBJECT,
    content.Where.BODY: Card.CONTENT,
    content.Where.TEXT: Card.CONTENT,
}
SEVERITY_OF = {
    content.Severity.ERROR: Severity.BLOCKS,
    content.Severity.WARNING: Severity.WARNS,
    content.Severity.NOTE: Severity.NOTES,
}
SAID_ELSEWHERE = frozenset({"no_subject"})  # by a rule of readiness


@dataclass(frozen=True)
class Review:
    """Everything to look at before a launch. `size_bytes` is the HTML without the recipients' own data, 0 when it does not compile."""

    problems: list[Problem]
    audience: AudienceCount | None
    size_bytes: int = 0
    size_limit: int = CLIP_BYTES
    links: tuple[Link, ...] = ()
    lacking: tuple[Lacking, ...] = ()
    has_own_unsubscribe: bool = False
    compiles: bool = False

    @property
    def recipients(self) -> int:
        return self.audience.recipients if self.audience else 0

    @property
    def is_ready(self) -> bool:
        return not any(problem.blocks for problem in self.problems)


@dataclass(frozen=True)
class _Audience:
    """The audience counted, or why it cannot be."""

    count: AudienceCount | None = None
    problem: Problem | None = None

    @property
    def recipients(self) -> int | None:
        return self.count.recipients if self.count else None


@dataclass(frozen=True)
class _Lacking:
    """What recipients lack, or why nobody can say."""

    found: tuple[Lacking, ...] = ()
    problems: tuple[Problem, ...] = ()


def check_draft(campaign: Campaign) -> list[Problem]:
    """What the four cards say, without counting the audience."""
    faults = find_faults(campaign.account_id, campaign.condition)
    return _find_problems(campaign, _Audience(problem=_tell_faults(faults)))


def check_launch(campaign: Campaign, *, now: datetime) -> list[Problem]:
    """What a launch at this moment would meet."""
    return _find_problems(campaign, _measure(campaign, now))


def _find_problems(campaign: Campaign, audience: _Audience) -> list[Problem]:
    _compiled, found = _compile(campaign)
    return find_problems(campaign, _gather(campaign, audience, found))


def review_campaign(campaign: Campaign, *, now: datetime) -> Review:
    """The whole review. Its audience scan takes about a second per million subscribers."""
    audience = _measure(campaign, now)
    compiled, found = _compile(campaign)
    if compiled is not None:
        keys = [one.key for one in list_attributes(campaign.account_id)]
        found = _to_problems(review_email(compiled, keys))
    lacking = _find_lacking(campaign, now) if compiled and audience.count else _Lacking()
    problems = find_problems(campaign, _gather(campaign, audience, (*found, *lacking.problems)))
    if compiled is None:
        return Review(problems, audience.count)
    return Review(
        problems,
        audience.count,
        size_bytes=(compiled.html or compiled.text).static_size,
        links=compiled.links,
        lacking=lacking.found,
        has_own_unsubscribe=compiled.has_own_unsubscribe,
        compiles=True,
    )


def _measure(campaign: Campaign, now: datetime) -> _Audience:
    choice = choice_of(campaign)
    if choice is None:
        return _Audience()
    try:
        return _Audience(measure_audience(campaign.account_id, choice, now=now))
    except ConditionFault as error:
        return _Audience(problem=_tell_faults(error.faults))
    except TooCostly as error:
        return _Audience(problem=_block_condition("condition_costly", describe_costly(error)))


def _tell_faults(faults: Sequence[Fault]) -> Problem | None:
    if not faults:
        return None
    sentence = _("The condition of “To” cannot be asked any more. %(faults)s Open “To” and mend it.")
    told = " ".join(dict.fromkeys(translate_fault(fault) for fault in faults))
    return _block_condition("condition_invalid", sentence % {"faults": told})


def _block_condition(code: str, sentence: str) -> Problem:
    return Problem(Card.TO, Severity.BLOCKS, code, sentence)


def _find_lacking(campaign: Campaign, now: datetime) -> _Lacking:
    """The audience was counted a moment ago; this second question may still take too long, or find a tag gone."""
    choice = choice_of(campaign)
    if choice is None:
        return _Lacking()
    keys = contact_attributes_used(email_of(campaign))
    try:
        return _Lacking(tuple(count_lacking(campaign.account_id, choice, keys, now=now)))
    except ConditionFault as error:
        problem = _tell_faults(error.faults)
        return _Lacking(problems=(problem,) if problem else ())
    except TooCostly as error:
        sentence = _("How many recipients lack a value that the content uses could not be counted. %(why)s")
        why = sentence % {"why": describe_costly(error)}
        return _Lacking(problems=(Problem(Card.CONTENT, Severity.NOTES, "lacking_uncounted", why),))


def _compile(campaign: Campaign) -> tuple[CompiledEmail | None, tuple[Problem, ...]]:
    if not campaign.body.strip():
        return None, ()
    try:
        compiled = compile_email(email_of(campaign))
    except ContentError as error:
        return None, _to_problems(error.problems)
    return compiled, _to_problems(compiled.problems)


def _to_problems(found: Iterable[content.Problem]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            CARD_OF[one.where],
            SEVERITY_OF[one.severity],
            one.code,
            one.sentence,
            one.line or None,
            one.column or None,
            one.suggestion,
        )
        for one in found
        if one.code not in SAID_ELSEWHERE
    )


def _gather(campaign: Campaign, audience: _Audience, found: tuple[Problem, ...]) -> Facts:
    account: Account = campaign.account
    sender = campaign.sender
    return Facts(
        audience=audience.recipients,
        condition_problem=audience.problem,
        topic_open=campaign.topic is None or campaign.topic.archived_at is None,
        from_fault=find_from_fault(account.pk, sender.email) if sender else None,
        account_active=account.state == Account.State.ACTIVE,
        content_problems=found,
    )
