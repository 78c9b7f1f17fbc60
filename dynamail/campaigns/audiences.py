"""Who would get a campaign, counted: for the card To, and for what its content needs to know about people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections
from django.utils.translation import gettext_lazy as _

from dynamail.campaigns.models import Campaign
from dynamail.contacts.catalog import list_attributes
from dynamail.lib.sql import load_sql
from dynamail.messages.freezing import count_audience, put_audience

NAME_FIELDS = {"name": _("Name"), "first_name": _("First name"), "last_name": _("Last name")}


@dataclass(frozen=True)
class Choice:
    """What the card To says: a topic, any of the wanted tags (none: everybody), none of the unwanted ones."""

    topic_id: int
    include_tags: tuple[int, ...] = ()
    exclude_tags: tuple[int, ...] = ()


@dataclass(frozen=True)
class AudienceCount:
    """`subscribed` to the topic, minus those `without_tag`, `excluded`, `held_back` and `not_fitting`, are the `recipients`.

    Held back are suppressed and restricted contacts; not fitting are those for whom the condition does not hold.
    """

    subscribed: int
    without_tag: int
    excluded: int
    held_back: int
    not_fitting: int
    recipients: int


@dataclass(frozen=True)
class Lacking:
    """How many recipients have no value for an attribute that the content uses."""

    key: str
    label: str
    contacts: int


def choice_of(campaign: Campaign) -> Choice | None:
    """The card To as it is saved; None without a topic."""
    if campaign.topic_id is None:
        return None
    return Choice(campaign.topic_id, tuple(campaign.include_tags), tuple(campaign.exclude_tags))


def count_recipients(account_id: int, choice: Choice, *, now: datetime) -> int:
    """How many a launch at this moment would reach."""
    return count_audience(
        account_id,
        topic_id=choice.topic_id,
        include_tags=choice.include_tags,
        exclude_tags=choice.exclude_tags,
        now=now,
    )


def measure_audience(account_id: int, choice: Choice, *, now: datetime) -> AudienceCount:
    """The count with what is left out and why. One statement; each contact is left out for one reason."""
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("campaigns", "measure_audience"), _parameters(account_id, choice, now))
        return AudienceCount(*cursor.fetchone())


def count_lacking(account_id: int, choice: Choice, keys: Collection[str], *, now: datetime) -> list[Lacking]:
    """For each of these `contact.…` keys, how many recipients lack a value; keys that nobody lacks are left out."""
    attributes = {one.key: one for one in list_attributes(account_id) if one.key in keys}
    wanted_names = [key for key in NAME_FIELDS if key in keys and key not in attributes]
    if not attributes and not wanted_names:
        return []
    parameters = _parameters(account_id, choice, now)
    parameters["attribute_numbers"] = [str(one.number) for one in attributes.values()]
    with connections["default"].cursor() as cursor:
        statement, values = put_audience(load_sql("campaigns", "count_lacking"), None)
        cursor.execute(statement, parameters | values)
        found = dict(cursor.fetchall())
    lacking = [Lacking(one.key, one.label, found.get(str(one.number), 0)) for one in attributes.values()]
    lacking += [Lacking(key, str(NAME_FIELDS[key]), found.get(key, 0)) for key in wanted_names]
    return [one for one in lacking if one.contacts]


def _parameters(account_id: int, choice: Choice, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "topic_id": choice.topic_id,
        "include_tags": list(choice.include_tags),
        "exclude_tags": list(choice.exclude_tags),
        "now": now,
    }
