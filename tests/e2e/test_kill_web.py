from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.accept_drill import Outcome, drill_database, drill_web

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]


@pytest.mark.parametrize("drill", [drill_web, drill_database])
def test_what_was_answered_with_202_is_stored_and_arrives_once(drill: Callable[..., Outcome]) -> None:
    outcome = drill(kills=3, connections=16)
    assert outcome.accepted > 3 * 16
    assert (outcome.lost, outcome.doubled, outcome.unanswered) == (0, 0, 0), outcome
