from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.roles import Role
from dynamail.inbound.addressing import add_address
from dynamail.inbound.models import InboundAddress, InboundDomain, ReceivedMessage
from dynamail.senders.models import SendingDomain
from tests.inbound.conftest import dns  # noqa: F401 - a fixture
from tests.inbound.letters import LETTER, take, with_header
from tests.support.personas import NOW
from tests.support.single_mail import Copy, add_email

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dns")]
SignIn = Callable[[User], Client]


def page(client: Client, route: str, *arguments: object, **query: str) -> str:
    answer = client.get(reverse(route, args=arguments), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_first_look_leads_to_the_addresses(account: Account, alice: User, sign_in: SignIn) -> None:
    assert reverse("inbound_addresses") in page(sign_in(alice), "inbound")


def test_an_address_is_made_and_removed(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    client.post(reverse("inbound_addresses"), {"name": "help", "note": "Support"})
    assert "help@inbound.localhost.localdomain" in page(client, "inbound_addresses")
    again = client.post(reverse("inbound_addresses"), {"name": "help"})
    assert again.status_code == 422
    assert "taken" in again.content.decode()
    row = InboundAddress.objects.for_account(account).get()
    client.post(reverse("inbound_address_remove", args=[row.public_id]))
    assert not InboundAddress.objects.for_account(account).exists()


def test_a_domain_is_added_checked_and_removed(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    client.post(reverse("inbound_addresses"), {"domain": "In.Acme.example"})
    row = InboundDomain.objects.for_account(account).get()
    assert row.token in page(client, "inbound_addresses")
    checked = client.post(reverse("inbound_domain_check", args=[row.public_id]), follow=True)
    assert "not there yet" in checked.content.decode()
    SendingDomain.objects.add(account, name="acme.example", state="verified", verified_at=NOW)
    client.post(reverse("inbound_domain_check", args=[row.public_id]))
    assert "Verified" in page(client, "inbound_addresses")
    client.post(reverse("inbound_domain_remove", args=[row.public_id]))
    assert not InboundDomain.objects.for_account(account).exists()
    assert client.post(reverse("inbound_addresses"), {"domain": "nonsense"}).status_code == 422


def test_a_message_is_read_in_every_view(account: Account, alice: User, sign_in: SignIn) -> None:
    email = add_email(account.pk, Copy("jurg@example.com"), at=NOW)
    row = take(account.pk, with_header(f"In-Reply-To: <{email.id.hex}@localhost.localdomain>"))
    client = sign_in(alice)
    assert "Заказ" in page(client, "inbound")
    assert "Заказ" in page(client, "inbound", show="replies", q="jurg")
    assert "Заказ" not in page(client, "inbound", q="nobody")
    first = page(client, "inbound_message", row.public_id)
    assert "Where is my order?" in first
    assert "on its way" not in first
    assert reverse("message", args=[email.public_id]) in first
    assert "on its way" in page(client, "inbound_message", row.public_id, view="text")
    assert "m1@example.com" in page(client, "inbound_message", row.public_id, view="headers")
    assert "multipart/mixed" in page(client, "inbound_message", row.public_id, view="source")
    assert reverse("inbound_document", args=[row.public_id]) in page(
        client, "inbound_message", row.public_id, view="html"
    )


def test_a_strangers_document_runs_nothing_and_asks_nobody(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    answer = sign_in(alice).get(reverse("inbound_document", args=[take(account.pk).public_id]))
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "img-src data:;" in policy


def test_a_file_is_always_a_download(account: Account, alice: User, sign_in: SignIn) -> None:
    row, client = take(account.pk, LETTER.replace(b"application/pdf", b"text/html")), sign_in(alice)
    answer = client.get(reverse("inbound_file", args=[row.public_id, 0]))
    assert answer.content == b"%PDF"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == "attachment; filename*=UTF-8''bill.pdf"
    assert client.get(reverse("inbound_file", args=[row.public_id, 1])).status_code == 404


def test_hostile_subjects_are_shown_as_text(account: Account, alice: User, sign_in: SignIn) -> None:
    hostile = b"<img src=x onerror=alert(1)>"
    row = take(account.pk, b"From: <a@b.example>\r\nSubject: " + hostile + b"\r\n\r\n" + hostile)
    client = sign_in(alice)
    for shown in (page(client, "inbound"), page(client, "inbound_message", row.public_id)):
        assert hostile.decode() not in shown


def test_what_is_gone_is_said_to_be(account: Account, alice: User, sign_in: SignIn) -> None:
    row = take(account.pk)
    ReceivedMessage.objects.for_account(account).update(raw=None)
    assert "gone" in page(sign_in(alice), "inbound_message", row.public_id)


def test_others_find_nothing(
    account: Account, bob: User, charlie: User, other_account: Account, sign_in: SignIn
) -> None:
    row, address = take(account.pk), add_address(account.pk, name="help", note="", by=None)
    stranger = sign_in(charlie)
    for route in ("inbound_message", "inbound_document"):
        assert stranger.get(reverse(route, args=[row.public_id])).status_code == 404
    assert stranger.post(reverse("inbound_address_remove", args=[address.public_id])).status_code == 404
    Member.objects.for_account(account).filter(user=bob).update(role=Role.ANALYST)
    assert sign_in(bob).get(reverse("inbound")).status_code == 403
