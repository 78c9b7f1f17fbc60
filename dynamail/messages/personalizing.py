"""What a template may say about one person and about us: the data behind `{{ contact.first_name }}`.

Delivery, preview, test send and the web version all build it here, so that they show the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from dynamail.content.personalization import without_blanks


@dataclass(frozen=True, slots=True)
class Recipient:
    """One contact as composing needs it. `attributes` are keyed by what templates say, not by the catalogue's ids."""

    contact_id: UUID
    email: str
    name: str = ""
    language: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tracking_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a template may say that is the same for every recipient."""

    account_name: str = ""
    account_address: str = ""
    account_website: str = ""
    campaign_name: str = ""


def name_attributes(values: Mapping[str, Any], catalogue: Mapping[str, str]) -> dict[str, Any]:
    """Stored attributes (`{"12": "Grodno"}`) under the keys that templates use (`{"city": "Grodno"}`).

    `catalogue` maps attribute ids, as text, to keys. What is no longer in the catalogue is left out.
    """
    return {catalogue[number]: value for number, value in values.items() if number in catalogue}


def build_context(recipient: Recipient, surroundings: Surroundings, *, today: date) -> dict[str, Any]:
    """Everything a template can read for one recipient, as plain data."""
    return {"contact": contact_data(recipient), **shared_data(surroundings, today=today)}


def shared_data(surroundings: Surroundings, *, today: date) -> dict[str, Any]:
    """The part that all recipients of one day have in common."""
    return {
        "account": without_blanks(
            {
                "name": surroundings.account_name,
                "postal_address": surroundings.account_address,
                "website": surroundings.account_website,
            }
        ),
        "campaign": without_blanks({"name": surroundings.campaign_name}),
        "today": today,
    }


def contact_data(recipient: Recipient) -> dict[str, Any]:
    """`first_name` and `last_name` come from the name, unless the account keeps attributes of that name."""
    first, _, last = recipient.name.partition(" ")
    return without_blanks(
        {
            "first_name": first,
            "last_name": last,
            **recipient.attributes,
            "email": recipient.email,
            "name": recipient.name,
            "language": recipient.language,
        }
    )
