from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from benchmarks.bounces import BUDGETS, DEFAULT_FOLDER, MAX_FALSE_HARD, measure
from dynamail.protocols.codes import CLASSES
from dynamail.protocols.reasons import HARD_REASONS
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportKind

FILES = sorted(DEFAULT_FOLDER.glob("*.eml"))


def test_the_labeled_messages_are_understood_within_the_budgets() -> None:
    result, misses = measure(DEFAULT_FOLDER)
    assert result["files"] == 318
    for name, budget in BUDGETS.items():
        assert float(str(result[name])) >= budget, "\n".join(misses)
    assert float(str(result["false_hard"])) <= MAX_FALSE_HARD, "\n".join(misses)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_hard_has_one_of_four_reasons(path: Path) -> None:
    report = read_report(path.read_bytes())
    for recipient in report.recipients:
        assert not recipient.is_hard or (
            recipient.reason in HARD_REASONS and report.kind is ReportKind.BOUNCE
        )
        assert len(recipient.diagnostic) <= 1_000
        assert not any(unicodedata.category(character) == "Cc" for character in recipient.diagnostic)
        assert recipient.reason in CLASSES


def test_the_licence_lies_beside_the_messages() -> None:
    assert "BSD 2-CLAUSE" in (DEFAULT_FOLDER / "LICENSE").read_text()
