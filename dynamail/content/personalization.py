"""The data that a template sees, built in one place: what the preview shows is what is sent.

Blank values are left out. In Liquid an empty text is true, so `{% if contact.first_name %}` would greet "Hello ,".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any


def personal_data(
    *,
    contact: Mapping[str, object],
    account_name: str,
    postal_address: str = "",
    campaign_name: str = "",
    subject: str = "",
    today: date,
    extra: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The context of one render: plain data only.

    `contact` is a person's email, name and attributes by their keys; `extra` are further roots, such as the variables
    of a transactional message, and cannot hide the four of ours.
    """
    return {
        **(extra or {}),
        "contact": contact_data(contact),
        "account": without_blanks({"name": account_name, "postal_address": postal_address}),
        "campaign": without_blanks({"name": campaign_name, "subject": subject}),
        "today": today,
    }


def contact_data(fields: Mapping[str, object]) -> dict[str, object]:
    """A contact's values, with first and last name from the whole name where there are none of their own."""
    data = without_blanks(fields)
    name = data.get("name")
    if isinstance(name, str) and "first_name" not in data and "last_name" not in data:
        first, _space, last = name.strip().partition(" ")
        data |= without_blanks({"first_name": first, "last_name": last.strip()})
    return data


def without_blanks(fields: Mapping[str, object]) -> dict[str, object]:
    """Without missing values, empty texts and empty lists; zero and false stay."""
    return {key: value for key, value in fields.items() if not _is_blank(value)}


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {}, ())
