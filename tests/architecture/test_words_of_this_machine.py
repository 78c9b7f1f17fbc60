"""The project's files speak of the product alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_file_names_the_folder_it_was_written_in() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    own_path = str(ROOT).encode()
    naming = [name for name in listed if (ROOT / name).is_file() and own_path in (ROOT / name).read_bytes()]
    assert naming == []


def test_init_files_hold_a_docstring_only() -> None:
    import ast

    for path in (ROOT / "dynamail").rglob("__init__.py"):
        body = ast.parse(path.read_text()).body
        statements = [
            node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        ]
        assert statements == [], path
