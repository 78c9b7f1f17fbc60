from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dynamail.accounts.api_keys import create_api_key, revoke_api_key
from dynamail.accounts.models import Account, ApiKey, Member, User
from dynamail.lib.clock import utc_now
from dynamail.messages.models import Email, EmailBody, Outbox
from dynamail.privacy.acceptance import accept_policy, find_unaccepted
from dynamail.smtpd import submission_accepting
from dynamail.smtpd.submission import SignedIn, WrongKey
from dynamail.smtpd.submission_accepting import Outcome, accept_submission, find_signer
from tests.support.sending_domains import add_verified_domain

pytestmark = pytest.mark.django_db
MESSAGE = (
    b"From: hello@acme.example\r\nTo: ann@example.com\r\nSubject: Hi\r\nX-DynaMail-Tag: shop\r\n\r\nHello\r\n"
)


def make_key(account: Account, user: User, **values: Any) -> tuple[ApiKey, str]:
    member = Member.objects.for_account(account).get(user=user)
    return create_api_key(
        account.pk, **{"name": "shop", "scopes": ["messages.send"], "by": member, "now": utc_now()} | values
    )


def send(secret: str, account: Account, *recipients: str, raw: bytes = MESSAGE) -> Outcome:
    return accept_submission(
        SignedIn(secret, account.pk), raw, list(recipients or ["ann@example.com"]), "127.0.0.1"
    )


@pytest.fixture(autouse=True)
def policy(alice: User) -> None:
    for document in find_unaccepted(alice, now=utc_now()):
        accept_policy(alice, document, language="en", now=utc_now())


@pytest.fixture
def secret(account: Account, alice: User) -> str:
    add_verified_domain(account)
    return make_key(account, alice)[1]


def test_a_message_becomes_an_email(account: Account, secret: str) -> None:
    outcome = send(secret, account)
    email = Email.objects.for_account(account).get()
    assert outcome.reply == f"250 2.0.0 OK {email.public_id}"
    assert outcome.email_id == email.id
    assert (email.source_kind, email.subject, email.tags) == ("smtp", "Hi", ["shop"])
    body = EmailBody.objects.for_account(account).get()
    assert body.kind == "raw"
    assert b"DynaMail" not in bytes(body.raw)


def test_each_recipient_has_a_copy_and_a_hundred_are_two_emails(account: Account, secret: str) -> None:
    outcome = send(secret, account, *[f"p{number}@example.com" for number in range(70)])
    assert outcome.reply.count("eml_") == 2
    assert Outbox.objects.for_account(account).count() == 70


def test_one_fault_in_either_half_keeps_the_whole_message_out(account: Account, secret: str) -> None:
    people = [f"p{number}@example.com" for number in range(60)]
    for place in (7, 57):
        wrong = [*people[:place], "nobody", *people[place + 1 :]]
        assert send(secret, account, *wrong).reply.startswith("550 5.6.0 ")
        assert not Email.objects.for_account(account).exists(), "250 would have answered for all of them"


def test_a_half_of_suppressed_people_keeps_the_other_not_out(account: Account, secret: str) -> None:
    nobody = [f"suppressed+{number}@simulator.invalid" for number in range(50)]
    outcome = send(secret, account, *nobody, "ann@example.com")
    assert outcome.reply == f"250 2.0.0 OK {Email.objects.for_account(account).get().public_id}"


def test_a_sender_of_somebody_else_is_refused(account: Account, secret: str) -> None:
    outcome = send(secret, account, raw=MESSAGE.replace(b"acme.example", b"bank.example"))
    assert outcome.reply.startswith("550 5.7.1 ")
    assert outcome.errors[0][0] == "from"
    assert not Email.objects.for_account(account).exists()


def test_a_message_that_cannot_be_read_is_refused_with_a_sentence(account: Account, secret: str) -> None:
    outcome = send(secret, account, raw=b"Subject: x\r\n\r\nHi\r\n")
    assert outcome.reply == "550 5.6.0 The message needs one From."
    assert outcome.code == "bad_message"


def test_a_suppressed_address_alone_is_refused(account: Account, secret: str) -> None:
    assert send(secret, account, "suppressed@simulator.invalid").reply.startswith("550 5.7.1 ")
    mixed = send(secret, account, "suppressed@simulator.invalid", "delivered@simulator.invalid")
    assert mixed.reply.startswith("250 ")


def test_who_may_sign_in(account: Account, alice: User) -> None:
    now = utc_now()
    good, good_secret = make_key(account, alice)
    _, without_scope = make_key(account, alice, scopes=["messages.read"])
    _, expired = make_key(account, alice, expires_at=now - timedelta(days=1))
    _, elsewhere = make_key(account, alice, allowed_ips=["203.0.113.0/24"])
    _, test = make_key(account, alice, is_test=True)
    assert find_signer((good_secret, "anybody"), "127.0.0.1") == SignedIn(good_secret, account.pk)
    assert find_signer(("", good_secret), "127.0.0.1") == SignedIn(good_secret, account.pk)
    assert find_signer((elsewhere, ""), "203.0.113.9") == SignedIn(elsewhere, account.pk)
    assert find_signer((test, ""), "127.0.0.1") == SignedIn(test, account.pk)
    for secret in (without_scope, expired, elsewhere, "secret"):
        refused = find_signer((secret, "x"), "127.0.0.1")
        assert isinstance(refused, WrongKey)
        assert refused.reply.startswith("535 5.7.8 ")
    revoke_api_key(good, by=Member.objects.for_account(account).get(user=alice), now=now)
    assert isinstance(find_signer((good_secret, ""), "127.0.0.1"), WrongKey)


def test_a_key_that_is_revoked_sends_nothing_more_in_a_session_that_is_open(
    account: Account, alice: User
) -> None:
    add_verified_domain(account)
    key, secret = make_key(account, alice)
    assert send(secret, account).reply.startswith("250 ")
    revoke_api_key(key, by=Member.objects.for_account(account).get(user=alice), now=utc_now())
    assert send(secret, account).reply.startswith("535 ")


def test_mail_of_a_test_key_stays_in_the_mailbox(account: Account, alice: User) -> None:
    add_verified_domain(account)
    _, secret = make_key(account, alice, is_test=True)
    assert send(secret, account).reply.startswith("250 ")
    assert Outbox.objects.for_account(account).get().to_mailbox


def test_one_idempotency_key_sends_once(account: Account, secret: str) -> None:
    keyed = b"X-DynaMail-Idempotency-Key: order-17\r\n" + MESSAGE
    first = send(secret, account, raw=keyed)
    assert send(secret, account, raw=keyed).reply == first.reply
    assert Email.objects.for_account(account).count() == 1
    other = send(secret, account, raw=keyed.replace(b"Hello", b"Other"))
    assert other.code == "idempotency_key_reused"
    refused = send(
        secret, account, "suppressed@simulator.invalid", raw=b"X-DynaMail-Idempotency-Key: 2\r\n" + MESSAGE
    )
    assert refused.reply.startswith("550 ")
    assert send(secret, account, raw=b"X-DynaMail-Idempotency-Key: 2\r\n" + MESSAGE).reply.startswith("250 ")


def test_without_an_accepted_policy_no_key_works(
    account: Account, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_accepting, "has_accepted", lambda _account, *, now: False)
    refused = find_signer((secret, ""), "127.0.0.1")
    assert isinstance(refused, WrongKey)
    assert "privacy policy" in refused.reply
    assert send(secret, account).code == "unauthenticated"
