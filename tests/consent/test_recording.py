from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import ConsentRecord, Suppression, SuppressionReason
from dynamail.consent.proof import Proof
from dynamail.consent.recording import (
    choose_tracking,
    find_consent_records,
    find_subscriptions,
    give_consent,
    import_consent,
    withdraw_consent,
)
from dynamail.consent.suppressing import find_suppression, lift_suppression, suppress_address
from dynamail.contacts.models import Contact
from dynamail.events.counters import read_totals
from dynamail.events.models import Event
from dynamail.lib.ids import new_id
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
PAGE = Proof(method="page", text="Yes, write to me.")


def acts(contact: Contact) -> list[str]:
    return [record.act for record in reversed(find_consent_records(contact.account_id, contact.id))]


@pytest.mark.promise("P4.1")
def test_giving_keeps_the_state_the_proof_and_the_event(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    assert give_consent(account.pk, contact.id, topic.pk, proof=PAGE, now=NOW)
    assert find_subscriptions(account.pk, contact.id)[topic.pk].state == "subscribed"
    (record,) = find_consent_records(account.pk, contact.id)
    assert (record.act, record.basis, record.text) == ("given", "consent", "Yes, write to me.")
    assert Event.objects.for_account(account).get().kind == "contact.subscribed"


def test_giving_twice_records_once(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    give_consent(account.pk, contact.id, topic.pk, proof=PAGE, now=NOW)
    assert not give_consent(account.pk, contact.id, topic.pk, proof=PAGE, now=NOW)
    assert acts(contact) == ["given"]


def test_withdrawing_twice_records_and_counts_once(account: Account) -> None:
    topic, contact, campaign = make_topic(account), make_contact(account), new_id(NOW)
    subscribe(contact, topic)
    proof = Proof(method="one_click", source_kind="campaign", source_id=str(campaign))
    assert withdraw_consent(account.pk, contact.id, topic.pk, proof=proof, now=NOW)
    assert not withdraw_consent(account.pk, contact.id, topic.pk, proof=proof, now=NOW)
    assert acts(contact) == ["given", "withdrawn"]
    assert read_totals(account.pk, campaign) == {"unsubscribed": 1}


def test_an_import_never_brings_back_who_left(account: Account) -> None:
    topic = make_topic(account)
    new, left, there, waiting = (make_contact(account, f"{n}@mail.example") for n in "abcd")
    withdraw_consent(account.pk, left.id, topic.pk, proof=PAGE, now=NOW)
    subscribe(there, topic)
    proof = Proof(method="import", text="They signed at the fair.", source_kind="import", source_id="imp_1")
    with account_scope(account), connection.cursor() as cursor:
        ids = [new.id, left.id, there.id, waiting.id, new.id]
        done = import_consent(cursor, account.pk, ids, topic.pk, proof=proof, now=NOW)
    assert (done.given, done.already, done.left_alone) == (2, 1, 1)
    assert find_subscriptions(account.pk, left.id)[topic.pk].state == "unsubscribed"
    assert acts(new) == acts(waiting) == ["imported"]
    assert find_consent_records(account.pk, new.id)[0].text == "They signed at the fair."


def test_an_import_of_nobody_does_nothing(account: Account) -> None:
    with connection.cursor() as cursor:
        done = import_consent(cursor, account.pk, [], make_topic(account).pk, proof=PAGE, now=NOW)
    assert (done.given, done.already, done.left_alone) == (0, 0, 0)


def test_an_import_does_not_allow_tracking(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    with connection.cursor() as cursor:
        import_consent(cursor, account.pk, [contact.id], topic.pk, proof=PAGE, now=NOW)
    assert not find_subscriptions(account.pk, contact.id)[topic.pk].tracking_allowed


def test_a_choice_about_tracking_is_recorded_once(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic, allow_tracking=True)
    assert choose_tracking(account.pk, contact.id, allowed=False, proof=PAGE, now=NOW)
    assert not choose_tracking(account.pk, contact.id, allowed=False, proof=PAGE, now=NOW)
    assert not find_subscriptions(account.pk, contact.id)[topic.pk].tracking_allowed
    assert acts(contact) == ["given", ConsentRecord.Act.TRACKING_REFUSED]


def test_the_first_reason_of_a_suppression_stays(account: Account) -> None:
    key = "dana@mail.example"
    assert suppress_address(account.pk, key, reason=SuppressionReason.COMPLAINT, now=NOW)
    assert not suppress_address(account.pk, key, reason=SuppressionReason.HARD_BOUNCE, now=NOW)
    found = find_suppression(account.pk, key, now=NOW)
    assert found is not None
    assert found.reason == "complaint"


def test_a_suppression_shows_on_the_contact_and_goes_again(account: Account) -> None:
    contact = make_contact(account)
    suppress_address(account.pk, contact.email_key, reason=SuppressionReason.MANUAL, now=NOW)
    assert state_of(contact.id, account) == "suppressed"
    assert Event.objects.for_account(account).get().contact_id == contact.id
    assert lift_suppression(account.pk, contact.email_key, now=NOW)
    assert not lift_suppression(account.pk, contact.email_key, now=NOW)
    assert state_of(contact.id, account) == "active"


@pytest.mark.promise("P8.3")
def test_lifting_a_suppression_leaves_a_restriction_standing(account: Account) -> None:
    contact = make_contact(account, state="restricted")
    suppress_address(account.pk, contact.email_key, reason=SuppressionReason.MANUAL, now=NOW)
    lift_suppression(account.pk, contact.email_key, now=NOW)
    assert state_of(contact.id, account) == "restricted"


def test_the_hash_tells_nothing_across_accounts(account: Account, other_account: Account) -> None:
    for owner in (account, other_account):
        suppress_address(owner.pk, "dana@mail.example", reason=SuppressionReason.MANUAL, now=NOW)
    hashes = Suppression.objects.across_accounts(reason="comparing hashes").values_list(
        "address_hash", flat=True
    )
    assert len({bytes(value) for value in hashes}) == 2


def state_of(contact_id: UUID, account: Account) -> str:
    return Contact.objects.for_account(account).get(id=contact_id).state
