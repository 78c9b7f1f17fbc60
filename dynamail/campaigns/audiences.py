"""Who would get a campaign, counted: for the card To, and for what its content needs to know about people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.utils.translation import gettext_lazy as _

from dynamail.campaigns.models import Campaign
from dynamail.conditions.faults import ConditionFault, Fault
from dynamail.conditions.noticing import find_notes
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.tree import EVERYBODY
from dynamail.contacts.catalog import list_attributes
from dynamail.lib.sql import SqlFragment, load_sql
from dynamail.messages.freezing import count_audience, put_audience
from dynamail.segments.asking import STATEMENT_TIMEOUT, TimedOut, ask_account
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.checking import check_new
from dynamail.segments.compiling import compile_for
from dynamail.segments.counting import explain_cost
from dynamail.segments.wording import describe_condition

NAME_FIELDS = {"name": _("Name"), "first_name": _("First name"), "last_name": _("Last name")}


@dataclass(frozen=True)
class Choice:
    """What the card To says: a topic, any of the wanted tags (none: everybody), none of the unwanted ones, and a condition.

    `condition` is a document of the condition language, empty for everybody; `salt` is what its random shares are drawn with.
    """

    topic_id: int
    include_tags: tuple[int, ...] = ()
    exclude_tags: tuple[int, ...] = ()
    condition: Mapping[str, Any] = field(default_factory=dict)
    salt: str = ""


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
    return Choice(
        campaign.topic_id,
        tuple(campaign.include_tags),
        tuple(campaign.exclude_tags),
        campaign.condition,
        campaign.public_id,
    )


def find_faults(account_id: int, document: Mapping[str, Any]) -> tuple[Fault, ...]:
    """What is wrong with a condition as the account stands now: a deleted tag, an archived segment. Empty when it holds.

    An event that never arrived is wrong here, too: “never had” it would be everybody, and nothing is sent to everybody by a slip.
    """
    if not document:
        return ()
    try:
        condition = parse_condition(document)
    except ConditionFault as error:
        return error.faults
    catalog = load_catalog(account_id)
    return (*check_new(condition, catalog), *find_notes(condition, catalog))


def describe_audience(campaign: Campaign) -> str:
    """The condition in words; empty when there is none, or none that can be read."""
    if not campaign.condition:
        return ""
    try:
        condition = parse_condition(campaign.condition)
    except ConditionFault:
        return ""
    return "" if condition == EVERYBODY else describe_condition(condition, load_catalog(campaign.account_id))


def narrow(account_id: int, choice: Choice, *, now: datetime) -> SqlFragment | None:
    """The condition as SQL; days are counted from `now`. Raises ConditionFault when it names what is not there any more."""
    if faults := find_faults(account_id, choice.condition):
        raise ConditionFault(faults)
    condition = parse_condition(choice.condition)
    if condition == EVERYBODY:
        return None
    return compile_for(account_id, condition, now=now, salt=choice.salt)


def count_recipients(account_id: int, choice: Choice, *, now: datetime) -> int:
    """How many a launch at this moment would reach. Raises ConditionFault, TooCostly."""
    narrowing = narrow(account_id, choice, now=now)
    with _in_time(account_id, choice, now):
        return count_audience(
            account_id,
            topic_id=choice.topic_id,
            include_tags=choice.include_tags,
            exclude_tags=choice.exclude_tags,
            narrowing=narrowing,
            now=now,
        )


def measure_audience(account_id: int, choice: Choice, *, now: datetime) -> AudienceCount:
    """The count with what is left out and why. One statement; each contact is left out for one reason.

    Raises ConditionFault, and TooCostly when the condition takes the database too long.
    """
    narrowing = narrow(account_id, choice, now=now)
    statement, values = put_audience(load_sql("campaigns", "measure_audience"), narrowing)
    with _in_time(account_id, choice, now), connections["default"].cursor() as cursor:
        cursor.execute(statement, _parameters(account_id, choice, now) | values)
        return AudienceCount(*cursor.fetchone())


def count_lacking(account_id: int, choice: Choice, keys: Collection[str], *, now: datetime) -> list[Lacking]:
    """For each of these `contact.…` keys, how many recipients lack a value; keys that nobody lacks are left out.

    Raises ConditionFault, TooCostly.
    """
    attributes = {one.key: one for one in list_attributes(account_id) if one.key in keys}
    wanted_names = [key for key in NAME_FIELDS if key in keys and key not in attributes]
    if not attributes and not wanted_names:
        return []
    parameters = _parameters(account_id, choice, now)
    parameters["attribute_numbers"] = [str(one.number) for one in attributes.values()]
    narrowing = narrow(account_id, choice, now=now)
    statement, values = put_audience(load_sql("campaigns", "count_lacking"), narrowing)
    with _in_time(account_id, choice, now), connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters | values)
        found = dict(cursor.fetchall())
    lacking = [Lacking(one.key, one.label, found.get(str(one.number), 0)) for one in attributes.values()]
    lacking += [Lacking(key, str(NAME_FIELDS[key]), found.get(key, 0)) for key in wanted_names]
    return [one for one in lacking if one.contacts]


@contextmanager
def _in_time(account_id: int, choice: Choice, now: datetime) -> Iterator[None]:
    """Ask a condition within its limit of time. Raises TooCostly.

    The limit ends with the question: a launch in the same transaction takes as long as it needs.
    """
    if not choice.condition:
        yield
        return
    try:
        with transaction.atomic():
            with ask_account(account_id, seconds=STATEMENT_TIMEOUT):
                yield
            transaction.set_rollback(True)  # nothing was written; it takes the settings back
    except TimedOut:
        condition = parse_condition(choice.condition)
        raise explain_cost(account_id, condition, now=now, seconds=STATEMENT_TIMEOUT) from None


def _parameters(account_id: int, choice: Choice, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "topic_id": choice.topic_id,
        "include_tags": list(choice.include_tags),
        "exclude_tags": list(choice.exclude_tags),
        "now": now,
    }
