"""May this campaign be launched? Each of the four cards says what is missing; no I/O here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.campaigns.models import Campaign
from dynamail.senders.domains import FromFault, explain_from_fault


class Card(StrEnum):
    TO = "to"
    FROM = "from"
    SUBJECT = "subject"
    CONTENT = "content"


class Severity(StrEnum):
    """Worst first; the order is that of lists."""

    BLOCKS = "blocks"  # the launch is refused
    WARNS = "warns"  # worth a look
    NOTES = "notes"  # worth knowing


@dataclass(frozen=True)
class Problem:
    """One thing to mend, with the card where it is mended. `line` and `column` count from 1; None: no single place."""

    card: Card
    severity: Severity
    code: str
    sentence: str | Promise
    line: int | None = None
    column: int | None = None
    suggestion: str = ""

    @property
    def blocks(self) -> bool:
        return self.severity == Severity.BLOCKS


@dataclass(frozen=True)
class Facts:
    """What the rules need to know and the campaign's row does not say."""

    audience: int | None  # recipients now; None: not counted yet
    topic_open: bool = True
    condition_problem: Problem | None = None  # why the condition of the audience cannot be asked
    from_fault: FromFault | None = None
    account_active: bool = True
    content_problems: tuple[Problem, ...] = ()


def find_problems(campaign: Campaign, facts: Facts) -> list[Problem]:
    """Everything between this draft and its launch, worst first."""
    found = [*_check_to(campaign, facts), *_check_from(campaign, facts), *_check_subject(campaign)]
    found += [*_check_content(campaign), *facts.content_problems]
    return sort_problems(found)


def sort_problems(problems: Sequence[Problem]) -> list[Problem]:
    """Worst first, otherwise in the order of the cards."""
    order, cards = list(Severity), list(Card)
    return sorted(problems, key=lambda one: (order.index(one.severity), cards.index(one.card)))


def list_blocking(problems: Sequence[Problem]) -> list[Problem]:
    """Those that refuse the launch."""
    return [problem for problem in problems if problem.blocks]


def of_card(problems: Sequence[Problem], card: Card) -> list[Problem]:
    return [problem for problem in problems if problem.card == card]


def _check_to(campaign: Campaign, facts: Facts) -> list[Problem]:
    if campaign.topic_id is None:
        return [
            _block(
                Card.TO,
                "topic_missing",
                _("Choose the topic: only contacts who subscribed to it get the message."),
            )
        ]
    if not facts.topic_open:
        return [_block(Card.TO, "topic_archived", _("This topic is archived. Choose another one."))]
    if facts.condition_problem is not None:
        return [facts.condition_problem]
    if facts.audience == 0:
        return [
            _block(
                Card.TO,
                "audience_empty",
                _("Nobody would get this message. Choose another topic, other tags or another condition."),
            )
        ]
    return []


def _check_from(campaign: Campaign, facts: Facts) -> list[Problem]:
    if not facts.account_active:
        sentence = _("This account is suspended or closed; nothing is sent from it.")
        return [_block(Card.FROM, "account_stopped", sentence)]
    if campaign.sender_id is None:
        return [_block(Card.FROM, "sender_missing", _("Choose who the message is from."))]
    if facts.from_fault is not None and campaign.sender is not None:
        explanation = explain_from_fault(facts.from_fault, campaign.sender.email)
        return [_block(Card.FROM, facts.from_fault, explanation)]
    return []


def _check_subject(campaign: Campaign) -> list[Problem]:
    if not campaign.subject.strip():
        return [_block(Card.SUBJECT, "subject_missing", _("Write a subject."))]
    return []


def _check_content(campaign: Campaign) -> list[Problem]:
    if not campaign.body.strip():
        return [_block(Card.CONTENT, "content_missing", _("Write the message, or start from a template."))]
    return []


def _block(card: Card, code: str, sentence: str | Promise) -> Problem:
    return Problem(card, Severity.BLOCKS, code, sentence)
