from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def files_dir(settings: object, tmp_path: Path) -> Path:
    """Uploads of a test go into its own folder."""
    settings.FILES_DIR = tmp_path / "files"  # type: ignore[attr-defined]
    return tmp_path / "files"
