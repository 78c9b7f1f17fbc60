"""Data for templates. In Liquid an empty text is true: `{% if contact.first_name %}` would greet "Hello ,". So blanks are left out."""

from __future__ import annotations

from collections.abc import Mapping


def without_blanks(fields: Mapping[str, object]) -> dict[str, object]:
    """Without missing values, empty texts and empty lists; zero and false stay."""
    return {key: value for key, value in fields.items() if not _is_blank(value)}


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {}, ())
