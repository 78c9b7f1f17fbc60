"""One installation for all stories that need a whole one and leave it standing; each makes an account of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation, find_free_port, start_installation

RETURN_PATH = "bounce.roastery.example"


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    running = start_installation(
        DYNAMAIL_RETURN_PATH_DOMAIN=RETURN_PATH, DYNAMAIL_REPORTS_PORT=str(find_free_port())
    )
    yield running
    running.stop()
