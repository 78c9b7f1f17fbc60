from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dynamail.accounts.models import Account
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.tags import create_tag
from dynamail.events.models import EventName
from dynamail.lib.ids import new_id, to_public_id
from dynamail.messages.models import FrozenContent
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.saving import archive_segment
from dynamail.segments.usage import Thing, count_uses, find_uses
from tests.support.people import make_topic
from tests.support.personas import NOW
from tests.support.segments import in_city, make_segment, within

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def named(account: Account) -> dict[str, str]:
    """One of each thing, by its kind: how conditions name it."""
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)
    EventName.objects.add(account, name="order.placed")
    campaign = new_id(NOW)
    FrozenContent.objects.add(
        account,
        id=campaign,
        kind="text",
        source={},
        sender={},
        settings={"campaign_name": "May"},
        created_at=NOW,
    )
    return {
        Thing.ATTRIBUTE: "city",
        Thing.TAG: create_tag(account.pk, "vip", by=None, now=NOW).public_id,
        Thing.TOPIC: make_topic(account).public_id,
        Thing.SEGMENT: make_segment(account, "Inner", built=False).public_id,
        Thing.CAMPAIGN: to_public_id("cmp", campaign),
        Thing.EVENT: "order.placed",
    }


def ask_for(kind: str, name: str) -> dict[str, Any]:
    return {
        Thing.ATTRIBUTE: in_city("Minsk"),
        Thing.TAG: {"kind": "tag", "op": "has_any", "tags": [name]},
        Thing.TOPIC: {"kind": "topic", "topic": name, "state": "subscribed"},
        Thing.SEGMENT: {"kind": "segment", "segment": name},
        Thing.CAMPAIGN: {"kind": "activity", "act": "opened", "of": {"campaign": name}},
        Thing.EVENT: {"kind": "event", "event": name},
    }[Thing(kind)]


@pytest.mark.parametrize("kind", list(Thing))
def test_whoever_names_a_thing_is_found(account: Account, named: dict[str, str], kind: Thing) -> None:
    user = make_segment(account, "User", {"not": {"all": [ask_for(kind, named[kind])]}}, built=False)
    uses = find_uses(account.pk, kind, named[kind])
    assert ("segment", user.public_id, "User") in [(use.kind, use.public_id, use.name) for use in uses]
    for other in set(Thing) - {kind}:
        assert "User" not in {use.name for use in find_uses(account.pk, other, named[other])}


def test_what_is_archived_uses_nothing(account: Account, named: dict[str, str]) -> None:
    inner = named[Thing.SEGMENT]
    user = make_segment(account, "User", {"kind": "segment", "segment": inner}, built=False)
    assert count_uses(load_catalog(account.pk), Thing.SEGMENT) == {inner: 1}
    archive_segment(user, by=None, now=LATER)
    assert find_uses(account.pk, Thing.SEGMENT, inner) == []
    assert not count_uses(load_catalog(account.pk), Thing.SEGMENT)


def test_uses_are_counted_for_all_at_once(account: Account, named: dict[str, str]) -> None:
    one = make_segment(account, "One", built=False)
    make_segment(account, "Two", {"any": [in_city("Brest"), within(one)]}, built=False)
    catalog = load_catalog(account.pk)
    assert count_uses(catalog, Thing.ATTRIBUTE) == {"city": 3}
    assert count_uses(catalog, Thing.SEGMENT) == {one.public_id: 1}


@pytest.mark.promise("P5.2")
def test_another_account_uses_nothing_of_ours(
    account: Account, other_account: Account, named: dict[str, str]
) -> None:
    create_attribute(other_account.pk, label="City", key="city", by=None, now=NOW)
    make_segment(other_account, "Theirs", in_city("Minsk"), built=False)
    assert {use.name for use in find_uses(account.pk, Thing.ATTRIBUTE, "city")} == {"Inner"}
