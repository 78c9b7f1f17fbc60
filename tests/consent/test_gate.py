from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.consent.address_hash import hash_address
from dynamail.consent.gate import SENTENCES, Reason, find_refused, may_send
from dynamail.consent.models import Suppression, SuppressionReason
from dynamail.consent.proof import Proof
from dynamail.consent.recording import withdraw_consent
from dynamail.consent.suppressing import lift_suppression, suppress_address
from dynamail.consent.topics import archive_topic
from dynamail.contacts.models import Contact
from dynamail.lib.ids import new_id
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
LEAVE = Proof(method="one_click")


def ask_both(contact: Contact, topic_id: int) -> Reason:
    """The answer for one person, which must be the answer for many."""
    one = may_send(
        contact.account_id, email_key=contact.email_key, contact_id=contact.id, topic_id=topic_id, now=NOW
    )
    hashes = [hash_address(contact.account_id, contact.email_key)]
    with connection.cursor() as cursor:
        many = find_refused(cursor, contact.account_id, topic_id, [contact.id], hashes, now=NOW)
    assert many.get(contact.id, Reason.ALLOWED) is one.reason
    return one.reason


def test_only_who_agreed_may_be_mailed(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    assert ask_both(contact, topic.pk) is Reason.NOT_SUBSCRIBED
    subscribe(contact, topic)
    assert ask_both(contact, topic.pk) is Reason.ALLOWED


@pytest.mark.promise("P8.4")
def test_who_left_may_not_be_mailed(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic)
    withdraw_consent(account.pk, contact.id, topic.pk, proof=LEAVE, now=NOW)
    assert ask_both(contact, topic.pk) is Reason.UNSUBSCRIBED


def test_consent_for_one_topic_is_none_for_another(account: Account) -> None:
    contact = make_contact(account)
    subscribe(contact, make_topic(account))
    assert ask_both(contact, make_topic(account, "Offers").pk) is Reason.NOT_SUBSCRIBED


@pytest.mark.promise("P8.3")
def test_a_restricted_person_is_not_mailed(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account, state="restricted")
    subscribe(contact, topic)
    assert ask_both(contact, topic.pk) is Reason.RESTRICTED
    assert not may_send(account.pk, email_key=contact.email_key, now=NOW).allowed


def test_a_suppressed_address_is_not_mailed_until_that_is_lifted(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic)
    suppress_address(account.pk, contact.email_key, reason=SuppressionReason.COMPLAINT, now=NOW)
    assert ask_both(contact, topic.pk) is Reason.SUPPRESSED
    lift_suppression(account.pk, contact.email_key, now=NOW)
    assert ask_both(contact, topic.pk) is Reason.ALLOWED


def test_a_suppression_that_ran_out_stops_nothing(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic)
    Suppression.objects.add(
        account,
        address_hash=hash_address(account.pk, contact.email_key),
        reason=SuppressionReason.MANUAL,
        at=NOW - timedelta(days=9),
        expires_at=NOW - timedelta(days=1),
    )
    assert ask_both(contact, topic.pk) is Reason.ALLOWED


def test_transactional_mail_passes_a_marketing_suppression_only(account: Account) -> None:
    key = "dana@mail.example"
    suppress_address(account.pk, key, reason=SuppressionReason.UNSUBSCRIBE, scope="marketing", now=NOW)
    assert may_send(account.pk, email_key=key, now=NOW).allowed
    suppress_address(account.pk, key, reason=SuppressionReason.HARD_BOUNCE, now=NOW)
    assert may_send(account.pk, email_key=key, now=NOW).reason is Reason.SUPPRESSED


def test_a_closed_topic_and_a_stopped_account_send_nothing(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic)
    archive_topic(topic, by=None, now=NOW)
    assert ask_both(contact, topic.pk) is Reason.TOPIC_CLOSED
    Account.objects.filter(pk=account.pk).update(state=Account.State.SUSPENDED)
    assert ask_both(contact, topic.pk) is Reason.ACCOUNT_STOPPED


def test_an_erased_contact_is_not_mailed(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    contact.id = new_id(NOW)
    assert ask_both(contact, topic.pk) is Reason.CONTACT_MISSING


def test_another_account_s_suppression_says_nothing_here(account: Account, other_account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic)
    suppress_address(other_account.pk, contact.email_key, reason=SuppressionReason.MANUAL, now=NOW)
    assert ask_both(contact, topic.pk) is Reason.ALLOWED


def test_every_reason_has_a_sentence() -> None:
    assert SENTENCES.keys() == set(Reason)


def test_a_suppression_of_transactional_mail_leaves_campaigns_alone(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account)
    subscribe(contact, topic)
    suppress_address(
        account.pk, contact.email_key, reason=SuppressionReason.MANUAL, scope="transactional", now=NOW
    )
    assert not may_send(account.pk, email_key=contact.email_key, now=NOW).allowed
    assert ask_both(contact, topic.pk) is Reason.ALLOWED
