"""Hot paths look like hot paths."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "dynamail"


def list_imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_delivery_loop_knows_no_orm() -> None:
    for path in (PACKAGE / "delivery").glob("*.py"):
        if path.name == "apps.py":
            continue
        assert not {
            name for name in list_imports(path) if name.startswith(("django.db", "django.template"))
        }, path


def test_every_sql_file_says_what_it_is_for() -> None:
    files = list(PACKAGE.glob("*/sql/*.sql"))
    assert files
    for path in files:
        assert path.read_text().startswith("-- "), f"{path} has no header"
