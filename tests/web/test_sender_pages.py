from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.senders.identities import make_verification_token
from dynamail.senders.models import Sender

SignIn = Callable[[User], Client]


def test_a_sender_is_verified_by_a_button_behind_the_mailed_link(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    sign_in(alice).post(reverse("sender_new"), {"name": "News", "email": "news@acme.example"})
    sender = Sender.objects.for_account(account).get()
    link = next(word for word in mail.outbox[-1].body.split() if word.startswith("http"))
    assert mail.outbox[-1].to == ["news@acme.example"]
    for _scanner in range(2):
        assert Client().get(link).status_code == 200
    sender.refresh_from_db()
    assert sender.verified_at is None
    Client().post(link)
    sender.refresh_from_db()
    assert sender.verified_at is not None


def test_the_address_one_signed_in_with_needs_no_second_mail(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    sign_in(alice).post(reverse("sender_new"), {"name": "Alice", "email": alice.email.upper()})
    assert Sender.objects.for_account(account).get().verified_at is not None
    assert mail.outbox == []


@pytest.mark.parametrize("email", ["", "nonsense", "a@b\r\nBcc: c@d.example", "a b@acme.example"])
def test_a_wrong_address_is_refused_at_its_field(
    account: Account, alice: User, sign_in: SignIn, email: str
) -> None:
    answer = sign_in(alice).post(reverse("sender_new"), {"name": "News", "email": email})
    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()
    assert not Sender.objects.for_account(account).exists()


def test_a_forged_confirmation_link_finds_nothing(account: Account) -> None:
    sender = Sender.objects.add(account, email="news@acme.example")
    token = make_verification_token(sender)
    for forged in (token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "x", "A" * 40):
        assert Client().post(reverse("sender_confirm", args=[forged])).status_code == 404
    sender.refresh_from_db()
    assert sender.verified_at is None
