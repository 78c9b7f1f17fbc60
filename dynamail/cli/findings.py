from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What `doctor` found. `level` is error (it will not work) or warning (it works, but look)."""

    level: str
    sentence: str
    hint: str
