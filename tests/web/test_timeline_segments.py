from __future__ import annotations

import pytest

from dynamail.accounts.models import Account
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact, change_contact
from dynamail.web.timeline import list_entries
from tests.support.personas import NOW
from tests.support.segments import LogReader, make_segment

pytestmark = pytest.mark.django_db


def test_the_timeline_says_which_segments_a_contact_joined_and_left(account: Account) -> None:
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)
    reader = LogReader(account)
    segment = make_segment(account)
    contact = add_contact(account.pk, Profile("ann@mail.example", attributes={1: "Minsk"}), by=None, now=NOW)
    reader.follow()
    change_contact(contact, Profile(contact.email, attributes={1: None}), by=None, now=NOW)
    reader.follow()
    told = [
        entry for entry in list_entries(account.pk, contact.id, before=None).entries if entry.icon == "filter"
    ]
    assert {entry.title for entry in told} == {"Joined the segment “Minsk”", "Left the segment “Minsk”"}
    assert all(segment.public_id in entry.url for entry in told)
