from __future__ import annotations

import pytest

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.consent.topics import (
    TopicRefused,
    archive_topic,
    change_topic,
    create_topic,
    ensure_default_topic,
    find_topics,
    restore_topic,
)
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db


def test_a_new_account_gets_one_topic_that_tracks_nothing(account: Account) -> None:
    topic = ensure_default_topic(account, now=NOW)
    assert ensure_default_topic(account, now=NOW) == topic
    assert (topic.name, topic.tracking) == ("Newsletter", "none")


def test_the_default_topic_comes_back_from_the_archive(account: Account) -> None:
    topic = ensure_default_topic(account, now=NOW)
    archive_topic(topic, by=None, now=NOW)
    assert find_topics(account) == []
    assert ensure_default_topic(account, now=NOW).pk == topic.pk


def test_topics_stand_in_the_order_they_were_made(account: Account, alice: User) -> None:
    for name in ("Offers", "  News \n of   the week ", "Events"):
        create_topic(account, name=name, by=alice, now=NOW)
    assert [topic.name for topic in find_topics(account)] == ["Offers", "News of the week", "Events"]


@pytest.mark.parametrize(("name", "code"), [("  ", "name_missing"), ("Offers", "name_taken")])
def test_a_topic_needs_a_name_of_its_own(account: Account, alice: User, name: str, code: str) -> None:
    create_topic(account, name="Offers", by=alice, now=NOW)
    with pytest.raises(TopicRefused) as refused:
        create_topic(account, name=name, by=alice, now=NOW)
    assert refused.value.code == code
    assert len(find_topics(account)) == 1


def test_a_change_is_in_the_audit_log(account: Account, alice: User) -> None:
    topic = create_topic(account, name="Offers", by=alice, now=NOW)
    change_topic(topic, name="Deals", description="", is_public=False, tracking="aggregate", by=alice)
    archive_topic(topic, by=alice, now=NOW)
    archive_topic(topic, by=alice, now=NOW)
    restore_topic(topic, by=alice)
    actions = AuditEntry.objects.for_account(account).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["topic.created", "topic.changed", "topic.archived", "topic.restored"]
