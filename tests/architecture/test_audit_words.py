from __future__ import annotations

import re
from pathlib import Path

from dynamail.web.audit_words import SENTENCES

PACKAGE = Path(__file__).resolve().parents[2] / "dynamail"
ACTION = re.compile(r"action\s*=\s*\"([a-z_]+\.[a-z_]+)\"|_record\([^)]*?\"([a-z_]+\.[a-z_]+)\"", re.S)


def test_every_audited_action_is_told_in_words() -> None:
    used = set()
    for path in PACKAGE.rglob("*.py"):
        if path.is_relative_to(PACKAGE / "cli"):
            continue
        used |= {first or second for first, second in ACTION.findall(path.read_text())}
    assert len(used) > 30
    assert used <= SENTENCES.keys(), used - SENTENCES.keys()
