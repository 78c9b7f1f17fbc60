from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r"read_(?:text|bool|int|choice|url|secret|addresses|pairs)\(\s*\"([A-Z_]+)\"")


def test_every_setting_is_documented_and_every_documented_setting_is_read() -> None:
    read = set(READ.findall((ROOT / "dynamail" / "settings.py").read_text()))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/operations/settings.md").read_text(), re.M))
    assert read == documented
