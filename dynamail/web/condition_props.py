"""What a page hands to the condition builder: the condition, where it is written and whom it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.urls import reverse

from dynamail.web.condition_words import list_words

Mode = Literal["segment", "audience", "filter"]
ENDPOINTS = ("catalog", "check", "estimate", "count", "people", "overlap", "values")


def make_builder_props(
    condition: Mapping[str, Any], *, field: str, mode: Mode, salt: str = "", readonly: bool = False
) -> dict[str, Any]:
    """Props of the island `conditions`. `field` names the hidden input that holds the JSON; `salt` draws random shares."""
    return {
        "condition": condition,
        "field": field,
        "mode": mode,
        "salt": salt,
        "readonly": readonly,
        "urls": {name: reverse(f"segment_builder_{name}") for name in ENDPOINTS},
        "words": list_words(),
    }
