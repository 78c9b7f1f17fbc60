"""What servers say, in many words and languages. The lines were written before the rules saw them; `batch` tells in which round."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from dynamail.protocols.diagnosing import find_reason
from dynamail.protocols.reason_grammar import find_meaning
from dynamail.protocols.reason_words import simplify_words
from dynamail.protocols.reasons import HARD_REASONS, Evidence, Reason
from dynamail.protocols.reports.refusals import is_hard_report
from dynamail.protocols.smtp.envelopes import Stage

FILE = Path(__file__).resolve().parents[1] / "data" / "bounce_replies.tsv"
STAGES = {"": None, **{stage.name.lower(): stage for stage in Stage}}
MIN_AGREEMENT = 0.995


@dataclass(frozen=True)
class Line:
    evidence: Evidence
    reason: str
    is_hard: bool


def read_lines() -> list[Line]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return [
            Line(
                Evidence(row["reply"], row["enhanced"], int(row["code"] or 0), STAGES[row["stage"]]),
                row["reason"],
                row["hard"] == "true",
            )
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


LINES = read_lines()


def is_hard(line: Line) -> bool:
    found = find_reason(line.evidence)
    return is_hard_report(found, action="failed", status=line.evidence.enhanced, code=line.evidence.code)


def test_replies_are_understood() -> None:
    misses = [
        f"{line.reason}, not {found}: {line.evidence.words}"
        for line in LINES
        if (found := find_reason(line.evidence)) != line.reason
    ]
    assert len(LINES) > 1_500
    assert 1 - len(misses) / len(LINES) >= MIN_AGREEMENT, "\n".join(misses)


def test_no_soft_reply_condemns_a_recipient() -> None:
    assert [line.evidence.words for line in LINES if is_hard(line) and not line.is_hard] == []


def test_every_reason_that_a_reply_can_have_occurs() -> None:
    spoken = set(Reason) - {Reason.FEEDBACK, Reason.VACATION, Reason.DELIVERED, Reason.UNDEFINED}
    assert {line.reason for line in LINES} == spoken


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.MAIL])
def test_nothing_that_is_said_before_the_recipient_is_named_condemns_it(stage: Stage) -> None:
    for line in LINES:
        if line.evidence.code not in (0, 521, 556):
            evidence = Evidence(line.evidence.words, line.evidence.enhanced, line.evidence.code, stage)
            assert find_reason(evidence) not in HARD_REASONS - {Reason.NOT_ACCEPT}, line.evidence.words


VAGUE = (
    "Message rejected",
    "Access denied",
    "Rejected by policy",
    "Blocked",
    "Not authorized",
    "Account disabled",
    "Account inactive",
    "Quota exceeded",
    "Message refused",
    "Permission denied",
    "Mailbox busy",
    "Mailbox temporarily unavailable",
    "Rejected for local reasons",
    "User restricted",
    "Delivery not authorized",
    "Greylisted, try again later",
)


@pytest.mark.parametrize("words", VAGUE)
@pytest.mark.parametrize(
    "enhanced", ["", "5.0.0", "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.4.4", "5.7.1"]
)
def test_a_refusal_without_a_word_about_existence_is_soft_whatever_its_code(
    words: str, enhanced: str
) -> None:
    assert find_reason(Evidence(f"550 {enhanced} {words}", enhanced, 550, Stage.RCPT)) not in HARD_REASONS


@pytest.mark.parametrize(
    ("enhanced", "reason"),
    [("5.2.1", "suspend"), ("5.2.2", "mailboxfull"), ("5.7.1", "filtered"), ("5.1.1", "userunknown")],
)
def test_an_unavailable_mailbox_is_what_its_code_says(enhanced: str, reason: str) -> None:
    words = f"550 {enhanced} Requested action not taken: mailbox unavailable"
    assert find_reason(Evidence(words, enhanced, 550, Stage.RCPT)) == reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Sender unknown, domain not found", "rejected"),
        ("Invalid domain name in HELO", "blocked"),
        ("Отправитель не существует", "rejected"),
    ],
)
def test_what_is_unknown_may_be_the_sender(words: str, reason: str) -> None:
    assert find_reason(Evidence(f"550 {words}", code=550, stage=Stage.RCPT)) == reason


def test_a_foreign_sentence_condemns_only_with_a_code() -> None:
    assert find_meaning(simplify_words("Użytkownik nie istnieje")) is Reason.USER_UNKNOWN
    assert find_reason(Evidence("Użytkownik nie istnieje")) is Reason.ON_HOLD
    assert find_reason(Evidence("550 Użytkownik nie istnieje", code=550)) is Reason.FILTERED
    assert (
        find_reason(Evidence("550 Użytkownik nie istnieje", code=550, stage=Stage.RCPT))
        is Reason.USER_UNKNOWN
    )
