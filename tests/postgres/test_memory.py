from __future__ import annotations

from pathlib import Path

import pytest

from dynamail.postgres.memory import LEAST_MB, MEGABYTE, MOST_MB, find_cache_size, find_memory


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(64 * MEGABYTE, LEAST_MB), (1024 * MEGABYTE, 256), (2048 * MEGABYTE, 512)],
)
def test_the_cache_is_a_quarter_of_what_a_container_may_use(
    tmp_path: Path, limit: int, expected: int
) -> None:
    file = tmp_path / "memory.max"
    file.write_text(f"{limit}\n")
    assert find_cache_size((file,)) == expected


def test_without_a_limit_the_machine_decides(tmp_path: Path) -> None:
    unlimited = tmp_path / "memory.max"
    unlimited.write_text("max\n")
    assert find_memory((unlimited, tmp_path / "missing")) == find_memory(()) > 0
    assert LEAST_MB <= find_cache_size((unlimited,)) <= MOST_MB
