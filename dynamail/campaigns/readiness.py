"""May this campaign be launched? Each of the four cards says what is missing; no I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from dynamail.campaigns.models import Campaign

LONGEST_SUBJECT = 150  # characters; clients show 35 to 70 of them


class Card(StrEnum):
    TO = "to"
    FROM = "from"
    SUBJECT = "subject"
    CONTENT = "content"


class Severity(StrEnum):
    BLOCKS = "blocks"  # the launch is refused
    WARNS = "warns"  # worth a look


@dataclass(frozen=True)
class Problem:
    """One thing to mend, with the card where it is mended."""

    card: Card
    severity: Severity
    code: str
    sentence: str | Promise
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Facts:
    """What the rules need to know and the campaign's row does not say."""

    audience: int  # recipients now
    sender_allowed: bool
    content_problems: tuple[Problem, ...] = ()


def find_problems(campaign: Campaign, facts: Facts) -> list[Problem]:
    """Everything between this draft and its launch, worst first."""
    found = [*_check_to(campaign, facts), *_check_from(campaign, facts), *_check_subject(campaign)]
    found += [*_check_content(campaign), *facts.content_problems]
    return sorted(found, key=lambda problem: problem.severity != Severity.BLOCKS)


def blocks(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == Severity.BLOCKS]


def _check_to(campaign: Campaign, facts: Facts) -> list[Problem]:
    if campaign.topic_id is None:
        return [
            _block(
                Card.TO,
                "topic_missing",
                _("Choose the topic: only contacts who subscribed to it get the message."),
            )
        ]
    if facts.audience == 0:
        return [
            _block(
                Card.TO,
                "audience_empty",
                _("Nobody would get this message. Choose another topic or other tags."),
            )
        ]
    return []


def _check_from(campaign: Campaign, facts: Facts) -> list[Problem]:
    if campaign.sender_id is None:
        return [_block(Card.FROM, "sender_missing", _("Choose who the message is from."))]
    if not facts.sender_allowed:
        return [
            _block(
                Card.FROM,
                "sender_unverified",
                _("This sender is not verified yet. Open the link in the mail that was sent to it."),
            )
        ]
    return []


def _check_subject(campaign: Campaign) -> list[Problem]:
    found = []
    subject = campaign.subject.strip()
    if not subject:
        found.append(_block(Card.SUBJECT, "subject_missing", _("Write a subject.")))
    elif len(subject) > LONGEST_SUBJECT:
        sentence = ngettext(
            "The subject has %d character; most clients show 60.",
            "The subject has %d characters; most clients show 60.",
            len(subject),
        )
        found.append(Problem(Card.SUBJECT, Severity.WARNS, "subject_long", sentence % len(subject)))
    if not campaign.preheader.strip():
        found.append(
            Problem(
                Card.SUBJECT,
                Severity.WARNS,
                "preheader_missing",
                _("Without a preheader, clients show the first words of the message beside the subject."),
            )
        )
    return found


def _check_content(campaign: Campaign) -> list[Problem]:
    if not campaign.body.strip():
        return [_block(Card.CONTENT, "content_missing", _("Write the message, or start from a template."))]
    return []


def _block(card: Card, code: str, sentence: str | Promise) -> Problem:
    return Problem(card, Severity.BLOCKS, code, sentence)
