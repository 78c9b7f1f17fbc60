"""Confirmed subscriptions over the API: asked by mail, subscribed by the person's own answer."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.confirming import DAY, MOST_PER_DAY, VALID_FOR
from dynamail.consent.models import ConsentRecord, SuppressionReason, Topic
from dynamail.consent.suppressing import ALL, MARKETING, TRANSACTIONAL, suppress_address
from dynamail.consent.topics import archive_topic, create_topic
from dynamail.contacts.models import Contact, ContactState
from dynamail.lib.clock import utc_now
from dynamail.messages.models import Email
from dynamail.senders.identities import add_sender
from dynamail.senders.models import SendingDomain
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.sending_domains import add_verified_domain

PATH = "/api/v1/contacts/ann@mail.example"
WORDS = "Yes, send me product news"


@pytest.fixture
def topic(shop: Shop) -> Topic:
    add_verified_domain(shop.account, with_keys=False)
    add_sender(shop.account, email="hello@acme.example", name="Acme", by=shop.owner, now=utc_now())
    body_of(shop.ask("PUT", PATH, {"name": "Ann Lee"}), 201)
    return create_topic(shop.account, name="Product news", by=None, now=utc_now())


def ask(shop: Shop, topic: Topic, key: str | None = None, **values: Any) -> Any:
    return shop.ask(
        "POST", f"{PATH}/topics/{topic.public_id}/confirmation", {"text": WORDS, **values}, key=key
    )


def state_of(shop: Shop) -> tuple[str, bool]:
    """On the one topic: the state, and whether an answer is waited for."""
    (row,) = body_of(shop.ask("GET", f"{PATH}/topics"))["data"]
    return row["state"], row["asked_at"] is not None


def emails_of(shop: Shop) -> list[Email]:
    return list(Email.objects.for_account(shop.account).order_by("id"))


def read_mail(shop: Shop, email_id: str) -> dict[str, Any]:
    content: dict[str, Any] = body_of(shop.ask("GET", f"/api/v1/emails/{email_id}/content"))
    return content


def find_link(shop: Shop, email_id: str) -> str:
    found = re.search(r"(/c/[\w-]+)", read_mail(shop, email_id)["text"])
    assert found
    return found[1]


def records_of(shop: Shop) -> list[ConsentRecord]:
    return list(ConsentRecord.objects.for_account(shop.account).order_by("id"))


def age(shop: Shop, by: timedelta) -> None:
    for record in records_of(shop):
        ConsentRecord.objects.for_account(shop.account).filter(id=record.id).update(at=record.at - by)


# ── Asking and answering ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_person_is_subscribed_when_they_confirm_and_not_before(shop: Shop, topic: Topic) -> None:
    answer = body_of(ask(shop, topic, source="footer", evidence={"page": "https://acme.example/"}), 202)
    assert (answer["topic"], answer["state"]) == (topic.public_id, "pending")
    assert state_of(shop) == ("pending", True)
    link = find_link(shop, answer["email"])
    page = Client().get(link)
    assert page.status_code == 200
    assert "Subscribe to “Product news”?" in page.content.decode()
    assert state_of(shop) == ("pending", True)
    done = Client().post(link, follow=True)
    assert "You are subscribed" in done.content.decode()
    assert state_of(shop) == ("subscribed", False)


def test_the_proof_names_the_key_the_words_and_the_answer(shop: Shop, topic: Topic) -> None:
    key = shop.make_key(Scope.WRITE_CONTACTS)
    evidence = {"ip": "192.0.2.1", "confirmation": "theirs"}
    email = body_of(ask(shop, topic, key=key, evidence=evidence, tracking_allowed=True), 202)["email"]
    for _again in range(2):
        Client().post(find_link(shop, email))
    asked, confirmed = records_of(shop)
    assert [asked.act, confirmed.act] == ["requested", "confirmed"]
    assert (asked.text, asked.source_kind) == (confirmed.text, confirmed.source_kind) == (WORDS, "api_key")
    assert asked.source_id == confirmed.source_id != ""
    assert (asked.method, confirmed.method) == ("api", "confirmation")
    assert asked.evidence["ip"] == "192.0.2.1"
    assert asked.evidence["confirmation"]["email"] == confirmed.evidence["email"] == email
    assert confirmed.evidence["request"] == str(asked.id)
    assert "mail.example" not in str(asked.evidence) + str(confirmed.evidence)
    (row,) = body_of(shop.ask("GET", f"{PATH}/topics"))["data"]
    assert row["tracking_allowed"] is True
    kinds = [one["kind"] for one in body_of(shop.ask("GET", f"{PATH}/timeline"))["data"]]
    assert {"consent.requested", "consent.confirmed"} <= set(kinds)


def test_the_mail_speaks_the_contact_s_language_and_counts_nothing(shop: Shop, topic: Topic) -> None:
    body_of(shop.ask("PUT", PATH, {"language": "ru-RU"}))
    email = body_of(ask(shop, topic), 202)["email"]
    mail = read_mail(shop, email)
    assert "Подтвердите" in mail["text"]
    assert 'lang="ru"' in mail["html"]
    told = body_of(shop.ask("GET", f"/api/v1/emails/{email}"))
    assert (told["track_opens"], told["track_clicks"], told["from"]) == (
        False,
        False,
        "Acme <hello@acme.example>",
    )
    assert [one["email"] for one in told["recipients"]] == ["ann@mail.example"]


def test_mail_asked_for_by_a_test_key_stays_in_the_mailbox(shop: Shop, topic: Topic) -> None:
    answer = body_of(ask(shop, topic, key=shop.make_key(Scope.WRITE_CONTACTS, is_test=True)), 202)
    assert body_of(shop.ask("GET", f"/api/v1/emails/{answer['email']}"))["is_test"] is True


def test_a_request_with_an_idempotency_key_sends_one_mail(shop: Shop, topic: Topic) -> None:
    path, said = f"{PATH}/topics/{topic.public_id}/confirmation", {"text": WORDS}
    answers = [shop.ask("POST", path, said, headers={"idempotency-key": "form-1"}) for _again in range(2)]
    assert body_of(answers[0], 202) == body_of(answers[1], 202)
    assert len(emails_of(shop)) == 1


# ── What sends nothing ───────────────────────────────────────────────────────────────────────────────────────────────
def test_who_is_subscribed_already_gets_no_mail(shop: Shop, topic: Topic) -> None:
    body_of(shop.ask("PUT", f"{PATH}/topics/{topic.public_id}", {"state": "subscribed", "text": WORDS}))
    answer = body_of(ask(shop, topic), 200)
    assert (answer["state"], answer["email"], answer["asked_at"]) == ("subscribed", None, None)
    assert emails_of(shop) == []


def test_nobody_is_bombed_with_mail_by_other_people_s_sign_ups(shop: Shop, topic: Topic) -> None:
    topics = [topic, *(create_topic(shop.account, name=f"T{n}", by=None, now=utc_now()) for n in range(3))]
    for number in range(MOST_PER_DAY):
        body_of(ask(shop, topics[number]), 202)
    refused = ask(shop, topics[MOST_PER_DAY])
    assert problem_of(refused, 409)["code"] == "asked_too_often"
    assert 0 < int(refused.headers["retry-after"]) <= DAY.total_seconds() + 1
    assert len(emails_of(shop)) == MOST_PER_DAY
    age(shop, DAY)
    body_of(ask(shop, topics[MOST_PER_DAY]), 202)


def test_a_suppressed_address_is_refused(shop: Shop, topic: Topic) -> None:
    reason = SuppressionReason.UNSUBSCRIBE
    for number, scope in enumerate((ALL, MARKETING, TRANSACTIONAL)):
        path, key = f"/api/v1/contacts/p{number}@mail.example", f"p{number}@mail.example"
        body_of(shop.ask("PUT", path, {}), 201)
        suppress_address(shop.account.pk, key, reason=reason, scope=scope, now=utc_now())
        answer = shop.ask("POST", f"{path}/topics/{topic.public_id}/confirmation", {"text": WORDS})
        assert problem_of(answer, 409)["code"] == "suppressed"
    assert (emails_of(shop), records_of(shop)) == ([], [])


def test_who_asked_to_be_left_alone_and_a_closed_topic_are_refused(shop: Shop, topic: Topic) -> None:
    rows = Contact.objects.for_account(shop.account)
    rows.update(state=ContactState.RESTRICTED)
    assert problem_of(ask(shop, topic), 409)["code"] == "restricted"
    rows.update(state=ContactState.ACTIVE)
    archive_topic(topic, by=None, now=utc_now())
    assert problem_of(ask(shop, topic), 409)["code"] == "topic_archived"


MISFITS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"text": " "}, "text"),
    ({"text": 7}, "text"),
    ({"from": "x@other.example"}, "from"),
    ({"from": "nobody"}, "from"),
    ({"evidence": {"a": "x" * 4_000}}, "evidence"),
    ({"redirect_url": "http://acme.example/thanks"}, "redirect_url"),
    ({"redirect_url": "https://evil.example/"}, "redirect_url"),
    ({"redirect_url": "https://acme.example.evil.example/"}, "redirect_url"),
    ({"redirect_url": "https://evil.example\\@acme.example/"}, "redirect_url"),
    ({"redirect_url": "https://user@acme.example/"}, "redirect_url"),
    ({"redirect_url": "https://acme.example:8443/"}, "redirect_url"),
    ({"redirect_url": "//acme.example/"}, "redirect_url"),
    ({"redirect_url": "https://acme.example/\r\nx: y"}, "redirect_url"),
    ({"redirect_url": "https://acme.example/?q=a b"}, "redirect_url"),
    ({"redirect_url": "https://[acme.example/"}, "redirect_url"),
)


def test_what_does_not_fit_is_named_and_sends_nothing(shop: Shop, topic: Topic) -> None:
    for said, field in MISFITS:
        assert problem_of(ask(shop, topic, **said), 422)["errors"][0]["field"] == field
    assert (emails_of(shop), records_of(shop)) == ([], [])


def test_an_account_without_a_sender_is_told_so(shop: Shop) -> None:
    body_of(shop.ask("PUT", PATH, {}), 201)
    topic = create_topic(shop.account, name="News", by=None, now=utc_now())
    assert problem_of(ask(shop, topic), 422)["errors"][0]["field"] == "from"


def test_people_and_topics_of_another_account_are_none(shops: tuple[Shop, Shop], topic: Topic) -> None:
    charlie = shops[1]
    problem_of(ask(charlie, topic), 404)
    body_of(charlie.ask("PUT", PATH, {}), 201)
    problem_of(ask(charlie, topic), 404)
    reader = shops[0].make_key(Scope.READ_CONTACTS)
    assert problem_of(ask(shops[0], topic, key=reader), 403)["code"] == "missing_scope"


# ── The link ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def confirm(shop: Shop, link: str) -> str:
    return Client().post(link, follow=True).content.decode()


def test_a_link_is_over_after_two_weeks(shop: Shop, topic: Topic) -> None:
    link = find_link(shop, body_of(ask(shop, topic), 202)["email"])
    age(shop, VALID_FOR + timedelta(minutes=1))
    assert "no longer valid" in confirm(shop, link)
    assert state_of(shop) == ("pending", False)


def test_who_left_meanwhile_is_not_brought_back_by_an_old_link(shop: Shop, topic: Topic) -> None:
    link = find_link(shop, body_of(ask(shop, topic), 202)["email"])
    body_of(shop.ask("PUT", f"{PATH}/topics/{topic.public_id}", {"state": "unsubscribed"}))
    assert "no longer valid" in confirm(shop, link)
    assert state_of(shop) == ("unsubscribed", False)
    again = body_of(ask(shop, topic), 202)
    assert again["state"] == "unsubscribed"  # until they answer
    assert state_of(shop) == ("unsubscribed", True)
    assert "no longer valid" in confirm(shop, link)
    assert "You are subscribed" in confirm(shop, find_link(shop, again["email"]))
    assert state_of(shop) == ("subscribed", False)


def test_a_link_speaks_for_the_address_that_it_was_mailed_to(shop: Shop, topic: Topic) -> None:
    link = find_link(shop, body_of(ask(shop, topic), 202)["email"])
    body_of(shop.ask("PATCH", PATH, {"email": "ann.lee@mail.example"}))
    assert "no longer valid" in confirm(shop, link)
    assert len(records_of(shop)) == 1


def test_a_link_of_who_is_suppressed_deleted_or_restricted_is_over(shop: Shop, topic: Topic) -> None:
    link = find_link(shop, body_of(ask(shop, topic), 202)["email"])
    rows = Contact.objects.for_account(shop.account)
    rows.update(state=ContactState.RESTRICTED)
    assert "no longer valid" in confirm(shop, link)
    rows.update(state=ContactState.ACTIVE)
    reason = SuppressionReason.COMPLAINT
    suppress_address(shop.account.pk, "ann@mail.example", reason=reason, now=utc_now())
    assert "no longer valid" in confirm(shop, link)
    assert shop.ask("DELETE", PATH).status == 204
    assert "no longer valid" in confirm(shop, link)
    assert len(records_of(shop)) == 1


def test_a_forged_link_is_no_link(shop: Shop, topic: Topic) -> None:
    link = find_link(shop, body_of(ask(shop, topic), 202)["email"])
    for text in (
        link[:-1],
        link[:-3] + "AAA",
        "/c/x",
        link.replace("/c/", "/p/"),
        link.replace("/c/", "/u/"),
    ):
        assert Client().post(text).status_code == 404


def test_they_go_on_to_the_account_s_own_page_only(shop: Shop, topic: Topic) -> None:
    target = "https://www.acme.example/thanks?from=mail"
    link = find_link(shop, body_of(ask(shop, topic, redirect_url=target), 202)["email"])
    assert "Refresh" not in Client().get(f"{link}?done=1").headers
    done = Client().post(link, follow=True)
    assert done.headers["Refresh"].endswith(f"url={target}")
    assert "Continue to www.acme.example" in done.content.decode()
    with account_scope(shop.account):
        SendingDomain.objects.for_account(shop.account).update(state=SendingDomain.State.LOST)
    assert "Refresh" not in Client().get(f"{link}?done=1").headers
