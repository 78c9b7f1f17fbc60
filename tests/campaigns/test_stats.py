from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.models import Account, User
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.recipients import find_person, iter_people, list_people
from dynamail.campaigns.stats import (
    Totals,
    read_curve,
    read_days,
    read_domains,
    read_lanes,
    read_links,
    read_period,
    summarize_campaigns,
)
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.events.counters import count_for_source
from dynamail.events.models import Interaction
from dynamail.messages.accounting import Whereabouts
from tests.support.campaigns import make_half_sent_campaign
from tests.support.people import make_contact
from tests.support.personas import NOW

HOUR = timedelta(hours=1)


@pytest.fixture
def sent(account: Account, alice: User) -> Campaign:
    return make_half_sent_campaign(account, alice)


def test_totals_are_summed_over_hours_and_lanes(account: Account, sent: Campaign) -> None:
    for hour, lane, n in ((0, 0, 2), (1, 0, 3), (1, 1, 4)):
        count_for_source(account.pk, sent.uid, "unique_clicked", now=NOW + hour * HOUR, n=n, lane=lane)
    totals = summarize_campaigns(account.pk, [sent])[sent.uid]
    assert (totals.delivered, totals.bounced, totals.clicked) == (1, 1, 9)
    assert totals.delivery_rate == 0.5


def test_rates_of_nothing_are_unknown_not_zero() -> None:
    assert Totals().open_rate is None
    assert Totals(delivered=4, opened=1).open_rate == 0.25
    assert Totals(delivered=4, all_opens=9).open_rate is None, "acts without people say nothing about shares"


def test_machines_are_counted_apart(account: Account, sent: Campaign) -> None:
    count_for_source(account.pk, sent.uid, "machine_opened", now=NOW, n=7)
    totals = summarize_campaigns(account.pk, [sent])[sent.uid]
    assert (totals.machine_opens, totals.opened, totals.all_opens) == (7, 0, 0)


def test_the_curve_has_an_entry_for_every_hour(account: Account, sent: Campaign) -> None:
    count_for_source(account.pk, sent.uid, "opened", now=NOW + 2 * HOUR, n=5)
    hours = read_curve(account.pk, sent, now=NOW + 3 * HOUR)
    assert [hour.opens for hour in hours] == [0, 0, 5, 0]


def test_clicks_of_a_link_count_people_and_acts(account: Account, sent: Campaign) -> None:
    for contact in Contact.objects.for_account(account)[:2]:
        Interaction.objects.add(
            account,
            source_id=sent.uid,
            kind="clicked",
            contact_id=contact.id,
            link_number=read_links(account.pk, sent)[0].number,
            first_at=NOW,
            last_at=NOW,
            times=2,
        )
    (link,) = read_links(account.pk, sent)
    assert (link.url, link.people, link.clicks, link.share) == ("https://shop.acme.by/new", 2, 4, 1.0)


def test_domains_and_lanes_add_up(account: Account, sent: Campaign) -> None:
    (domain,) = read_domains(account.pk, sent)
    assert (domain.domain, domain.delivered, domain.bounced, domain.other) == ("mail.example", 1, 1, 0)
    (lane,) = read_lanes(account.pk, sent)
    assert (lane.name, lane.totals.attempted) == ("Other", 2)


def test_every_recipient_is_in_exactly_one_list(account: Account, sent: Campaign) -> None:
    people = list(iter_people(account.pk, sent))
    assert sorted(person.email for person in people) == sorted(
        Contact.objects.for_account(account).values_list("email", flat=True)
    )
    assert {person.outcome for person in people} == {"delivered", "bounced", "remaining"}


def test_a_bounce_is_explained_in_words_beside_the_servers_own(account: Account, sent: Campaign) -> None:
    (person,) = list_people(account.pk, sent, Whereabouts.BOUNCED)
    assert person.reason == "The mailbox does not exist."
    assert (person.smtp_code, person.reply) == (550, "550 said the server")


def test_one_person_is_found_wherever_they_are(account: Account, sent: Campaign) -> None:
    for person in iter_people(account.pk, sent):
        found = find_person(account.pk, sent, person.email.upper())
        assert found is not None
        assert (found.outcome, found.email) == (person.outcome, person.email)
    assert find_person(account.pk, sent, "stranger@mail.example") is None
    assert find_person(account.pk, sent, "no address") is None


def test_who_was_merged_away_is_found_under_the_contact_who_stays(account: Account, sent: Campaign) -> None:
    kept = make_contact(account, "stays@mail.example")
    gone = [person for person in iter_people(account.pk, sent) if person.email != kept.email]
    for person in gone:
        contact = Contact.objects.for_account(account).get(email=person.email)
        merge_contacts(account.pk, kept_id=kept.id, gone_id=contact.id, by=None, now=NOW)
    for person in gone:  # each by the address that it went to
        found = find_person(account.pk, sent, person.email)
        assert found is not None
        assert (found.outcome, found.email) == (person.outcome, person.email)
        assert (found.contact_public_id, found.merged) == (kept.public_id, True)
    listed = {
        (person.email, person.outcome, person.contact_public_id) for person in iter_people(account.pk, sent)
    }
    assert listed == {(person.email, person.outcome, kept.public_id) for person in gone}


def test_of_two_messages_the_one_to_the_address_asked_for_is_shown(account: Account, sent: Campaign) -> None:
    first, second, *_others = [one for one in iter_people(account.pk, sent) if one.at is not None]
    ids = [Contact.objects.for_account(account).get(email=one.email).id for one in (first, second)]
    merge_contacts(account.pk, kept_id=ids[0], gone_id=ids[1], by=None, now=NOW)
    for person, merged in ((first, False), (second, True)):
        found = find_person(account.pk, sent, person.email)
        assert found is not None
        assert (found.key, found.merged) == (person.key, merged)


def test_the_people_who_clicked_are_marked(account: Account, sent: Campaign) -> None:
    (person,) = list_people(account.pk, sent, Whereabouts.DELIVERED)
    assert not person.clicked
    contact = Contact.objects.for_account(account).get(email=person.email)
    Interaction.objects.add(
        account, source_id=sent.uid, kind="clicked", contact_id=contact.id, first_at=NOW, last_at=NOW
    )
    (person,) = list_people(account.pk, sent, Whereabouts.DELIVERED)
    assert person.clicked


def test_home_counts_thirty_days_and_the_thirty_before(account: Account, sent: Campaign) -> None:
    count_for_source(account.pk, sent.uid, "delivered", now=NOW - timedelta(days=40), n=10)
    month = timedelta(days=30)
    assert read_period(account.pk, start=NOW - month, end=NOW + HOUR).delivered == 1
    assert read_period(account.pk, start=NOW - 2 * month, end=NOW - month).delivered == 10
    days = read_days(account.pk, now=NOW)
    assert len(days) == 30
    assert (days[-1].on, days[-1].delivered) == (NOW.date(), 1)


def test_another_account_sees_none_of_it(account: Account, sent: Campaign, other_account: Account) -> None:
    assert summarize_campaigns(other_account.pk, [sent])[sent.uid] == Totals()
    assert list(iter_people(other_account.pk, sent)) == []
    assert read_links(other_account.pk, sent) == []
