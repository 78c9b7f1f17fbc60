from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, Member, User
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.senders.domain_checks import Finding, RecordState
from dynamail.senders.domain_recording import record_findings
from dynamail.senders.domains import list_current_keys
from dynamail.senders.models import SendingDomain, Transport
from tests.support.campaigns import make_draft, make_sender
from tests.support.personas import NOW
from tests.support.sending_domains import add_verified_domain

SignIn = Callable[[User], Client]


@pytest.fixture
def domain(account: Account) -> SendingDomain:
    return add_verified_domain(account)


def test_an_added_domain_shows_what_to_publish(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    assert "No domain yet" in client.get(reverse("sending_domains")).content.decode()
    answer = client.post(reverse("sending_domain_new"), {"name": "Пример.BY"}, follow=True)
    page = answer.content.decode()
    row = SendingDomain.objects.for_account(account).get()
    assert answer.redirect_chain[-1][0] == reverse("sending_domain", args=[row.public_id])
    assert "пример.by" in page
    for key in list_current_keys(row):
        assert f"{key.selector}._domainkey.xn--e1afmkfd.by" in page
        assert key.public_record in page
    assert f"_dynamail.{row.name}" in page
    assert "hx-get" in page, "the page watches until the records are there"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "This field is required"),
        ("gmail.com", "public mail service"),
        ("anna@acme.by", "what stands after the @"),
        ("192.0.2.1", "IP address"),
        ("<script>alert(1)</script>.by", "without https"),
        ("acme\x00.by", "Null characters"),
    ],
)
def test_a_wrong_domain_is_refused_at_its_field_and_what_was_typed_stays(
    account: Account, alice: User, sign_in: SignIn, name: str, sentence: str
) -> None:
    answer = sign_in(alice).post(reverse("sending_domain_new"), {"name": name})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert "aria-invalid" in page
    assert "<script>alert" not in page
    assert not SendingDomain.objects.for_account(account).exists()


def test_the_page_is_sent_again_only_when_something_changed(
    account: Account, alice: User, domain: SendingDomain, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    SendingDomain.objects.for_account(account).update(state="pending")
    url = reverse("sending_domain_records", args=[domain.public_id])
    seen = client.get(reverse("sending_domain", args=[domain.public_id])).context["seen"]
    assert client.get(url, {"seen": seen}).status_code == 204
    keys = {f"dkim:{key.selector}": Finding(RecordState.RIGHT) for key in list_current_keys(domain)}
    record_findings(domain, {"ownership": Finding(RecordState.RIGHT), **keys}, now=NOW)
    answer = client.get(url, {"seen": seen})
    assert answer.status_code == 200
    assert "Verified" in answer.content.decode()
    assert "hx-get" not in answer.content.decode(), "there is nothing left to wait for"


def test_what_the_dns_says_is_shown_as_text(
    account: Account, alice: User, domain: SendingDomain, sign_in: SignIn
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    record_findings(
        domain, {"ownership": Finding(RecordState.DIFFERENT, (hostile,), "other_token", hostile)}, now=NOW
    )
    page = sign_in(alice).get(reverse("sending_domain", args=[domain.public_id])).content.decode()
    assert hostile not in page
    assert "&lt;img" in page
    assert "Records missing" in page
    assert "Mail still leaves" in page


def test_keys_are_rotated_and_hosts_renamed(
    account: Account, alice: User, domain: SendingDomain, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    answer = client.post(reverse("sending_domain_action", args=[domain.public_id, "rotate"]), follow=True)
    assert "There are new keys" in answer.content.decode()
    assert len(list_current_keys(domain)) == 4
    again = client.post(reverse("sending_domain_action", args=[domain.public_id, "rotate"]), follow=True)
    assert "There are new keys already" in again.content.decode()
    names = reverse("sending_domain_names", args=[domain.public_id])
    wrong = client.post(names, {"return_path": "two words", "tracking": "click"})
    assert wrong.status_code == 422
    assert "two words" in wrong.content.decode()
    assert client.post(names, {"return_path": "returns", "tracking": "go"}).status_code == 302
    domain.refresh_from_db()
    assert (domain.return_path_label, domain.tracking_label) == ("returns", "go")


def test_a_check_is_started_and_watched(
    account: Account, alice: User, domain: SendingDomain, sign_in: SignIn
) -> None:
    url = reverse("sending_domain_action", args=[domain.public_id, "check"])
    page = sign_in(alice).post(url, follow=True).content.decode()
    assert "Looking at the DNS" in page
    assert "every 1s" in page


def test_removing_names_who_uses_the_domain_and_waits_for_what_is_being_sent(
    account: Account, alice: User, domain: SendingDomain, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    sender = make_sender(account, "news@shop.acme.example")
    campaign = make_draft(account, Member.objects.for_account(account).get(user=alice), sender_id=sender.pk)
    url = reverse("sending_domain_remove", args=[domain.public_id])
    page = client.get(url).content.decode()
    assert "news@shop.acme.example" in page
    assert "Spring news" in page
    Campaign.objects.for_account(account).filter(pk=campaign.pk).update(state=CampaignState.RUNNING)
    assert client.post(url).status_code == 409
    assert SendingDomain.objects.for_account(account).exists()
    Campaign.objects.for_account(account).filter(pk=campaign.pk).update(state=CampaignState.FINISHED)
    assert client.post(url).status_code == 302
    assert not SendingDomain.objects.for_account(account).exists()


def test_an_address_leads_to_the_page_of_its_domain(
    account: Account, alice: User, domain: SendingDomain, sign_in: SignIn
) -> None:
    client, url = sign_in(alice), reverse("sending_domains")
    found = client.get(url, {"sender": "news@shop.acme.example"})
    assert found["Location"] == reverse("sending_domain", args=[domain.public_id])
    unknown = client.get(url, {"sender": "news@other.example"})
    assert unknown["Location"] == reverse("sending_domain_new") + "?name=other.example"
    assert client.get(url, {"sender": "//evil.example"})["Location"] == reverse("sending_domain_new")
    assert 'value="other.example"' in client.get(unknown["Location"]).content.decode()


def test_home_says_what_the_domain_needs(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)

    def read_home() -> str:
        return str(client.get(reverse("home")).content.decode())

    assert "Verify your domain" not in read_home(), "into the Mailbox none is needed"
    Transport.objects.add(account, name="Relay", host="relay.example", is_default=True)
    assert "Verify your domain" in read_home()
    add_verified_domain(account, with_keys=False)
    assert "Verify your domain" not in read_home()
    SendingDomain.objects.for_account(account).update(failing_since=NOW)
    assert "In three days its mail is stopped" in read_home()
    SendingDomain.objects.for_account(account).update(state="lost")
    assert "Mail from it is stopped" in read_home()


def test_marketers_and_strangers_do_not_reach_domains(
    account: Account, bob: User, charlie: User, other_account: Account, domain: SendingDomain, sign_in: SignIn
) -> None:
    for route in (
        "sending_domain",
        "sending_domain_records",
        "sending_domain_names",
        "sending_domain_remove",
    ):
        url = reverse(route, args=[domain.public_id])
        assert sign_in(bob).get(url).status_code == 403
        stranger = sign_in(charlie).get(url)
        assert stranger.status_code == 404
        assert domain.name not in stranger.content.decode()
