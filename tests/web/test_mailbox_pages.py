from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.roles import Role
from tests.senders.test_mailbox import SOURCE, capture

SignIn = Callable[[User], Client]


def test_alice_reads_a_message_as_html_text_headers_and_source(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    message, client = capture(account.pk), sign_in(alice)
    url = reverse("mailbox_message", args=[message.public_id])
    assert "Grüße" in client.get(reverse("mailbox")).content.decode()
    assert reverse("mailbox_document", args=[message.public_id]) in client.get(url).content.decode()
    assert "hello" in client.get(url, {"view": "text"}).content.decode()
    assert "multipart/alternative" in client.get(url, {"view": "source"}).content.decode()
    assert "anna@acme.example" in client.get(url, {"view": "headers"}).content.decode()


def test_a_message_is_its_own_sandboxed_document(account: Account, alice: User, sign_in: SignIn) -> None:
    hostile = SOURCE.replace(b"<a href", b"<script>alert(1)</script><a href")
    answer = sign_in(alice).get(
        reverse("mailbox_document", args=[capture(account.pk, raw=hostile).public_id])
    )
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_hostile_subjects_are_shown_as_text(
    account: Account, alice: User, sign_in: SignIn, hostile: str
) -> None:
    capture(account.pk, subject=hostile)
    assert hostile not in sign_in(alice).get(reverse("mailbox")).content.decode()


def test_an_analyst_may_not_read_captured_mail_and_a_stranger_finds_nothing(
    account: Account, bob: User, charlie: User, other_account: Account, sign_in: SignIn
) -> None:
    message = capture(account.pk)
    Member.objects.for_account(account).filter(user=bob).update(role=Role.ANALYST)
    assert sign_in(bob).get(reverse("mailbox")).status_code == 403
    stranger = sign_in(charlie).get(reverse("mailbox_message", args=[message.public_id]))
    assert stranger.status_code == 404
    assert "Grüße" not in stranger.content.decode()


def test_clearing_needs_the_right_to_manage_delivery(
    account: Account, alice: User, bob: User, sign_in: SignIn
) -> None:
    capture(account.pk)
    assert sign_in(bob).post(reverse("mailbox_clear")).status_code == 403
    client = sign_in(alice)
    client.post(reverse("mailbox_clear"))
    assert "Nothing captured yet" in client.get(reverse("mailbox")).content.decode()


def test_system_mail_is_the_operators_unless_the_machine_is_closed(
    account: Account, alice: User, sign_in: SignIn, settings: object
) -> None:
    message = capture(0, subject="Reset your password")
    url = reverse("system_mailbox_message", args=[message.public_id])
    settings.OPEN_SYSTEM_MAILBOX = False  # type: ignore[attr-defined]
    assert Client().get(url).status_code == 302
    assert sign_in(alice).get(url).status_code == 404
    alice.is_staff = True
    alice.save(update_fields=["is_staff"])
    assert sign_in(alice).get(url).status_code == 200
    settings.OPEN_SYSTEM_MAILBOX = True  # type: ignore[attr-defined]
    assert Client().get(url).status_code == 200
