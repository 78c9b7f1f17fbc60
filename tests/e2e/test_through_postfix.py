"""A campaign travels from a running DynaMail through a real Postfix to the server of the recipients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from dynamail.lib.signing import derive_key
from dynamail.protocols.address import parse_address
from dynamail.protocols.verp import decode_return_path
from dynamail.tracking.tokens import LeaveToken, load_token_keys
from tests.support.delivering import Launchable, Order, Workplace
from tests.support.fake_mx import FakeMx, ReceivedMessage
from tests.support.installation import Installation
from tests.support.postfix import Postfix, find_reason_to_skip

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("e2e"),
    pytest.mark.skipif(bool(find_reason_to_skip()), reason=find_reason_to_skip()),
]

SUBJECT = "Кава для вас, {{ contact.first_name }} ☕"
BODY = """<p>Дзень добры, {{ contact.name }}!</p>
<p>.</p>
<p>Ваша картка {{ contact.card }}. <a href="https://shop.example.com/coffee">Кава</a></p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>"""
UNUSUAL = [
    ("янка@пошта.example", "Янка Купала"),  # the local part needs SMTPUTF8
    ("alesia@мейл.example", "Алеся Ляснова, ІП"),  # the domain has an ASCII form
    ("o'hara+news@mail.example", 'Scarlett "Katie" O\'Hara'),
    ("zoë@mail.example", "Zoë  Ångström"),
    ("plain@mail.example", "Anna=?utf-8?q?x?= Lee"),
    ("emoji@mail.example", "Ольга 🎉"),
    ("rtl@mail.example", "ليلى"),
    ("noname@mail.example", ""),
]
PEOPLE = [*UNUSUAL, *((f"person{number}@mail.example", f"Асоба {number}") for number in range(42))]


@dataclass(frozen=True)
class Journey:
    """What was sent, what arrived, and the installation's secret to check signatures with."""

    place: Workplace
    campaign: Launchable
    received: dict[str, ReceivedMessage]
    secret: str

    def get(self, email: str) -> tuple[ReceivedMessage, EmailMessage]:
        received = self.received[parse_address(email).envelope]
        # As text: the parser takes header fields in UTF-8 (RFC 6532) only so; the bodies are 7-bit.
        return received, message_from_string(received.body.decode(), policy=policy.default)  # type: ignore[return-value]


def through(installation: Installation) -> Workplace:
    """The same verbs on a whole installation."""
    environment = installation.environment | {"DJANGO_SETTINGS_MODULE": "dynamail.settings"}
    return Workplace(installation.home, installation.dsn, environment)


@pytest.fixture(scope="module")
def journey(installation: Installation) -> Iterator[Journey]:
    with FakeMx() as mx, Postfix(relay_to=(mx.host, mx.port)) as relay:
        place = through(installation)
        try:
            order = Order(PEOPLE, relay=(relay.host, relay.port), connections=4, subject=SUBJECT, body=BODY)
            campaign = place.prepare(order)
            place.launch(campaign)
            place.wait_until(lambda: place.count(campaign).is_over)
            messages = mx.wait_for_messages(len(PEOPLE), timeout=60)
            secret = (Path(installation.environment["DYNAMAIL_HOME"]) / "secret_key").read_text().strip()
            assert place.count(campaign).delivered == len(PEOPLE), relay.log
            assert len(messages) == len(PEOPLE), relay.log
            yield Journey(place, campaign, {one.recipient: one for one in messages}, secret)
        finally:
            place.close()


def test_everybody_got_one_message(journey: Journey) -> None:
    assert set(journey.received) == {parse_address(email).envelope for email, _ in PEOPLE}
    counts = journey.place.count(journey.campaign)
    assert counts.add_up
    assert counts.is_over


@pytest.mark.parametrize(("email", "name"), PEOPLE[:12])
def test_names_subjects_and_both_parts_arrive_as_they_were_meant(
    journey: Journey, email: str, name: str
) -> None:
    received, message = journey.get(email)
    first = name.partition(" ")[0]
    assert message["Subject"] == " ".join(SUBJECT.replace("{{ contact.first_name }}", first).split())
    assert message["From"].addresses[0].addr_spec == "news@roastery.example"
    assert message["To"].addresses[0].addr_spec == parse_address(email).envelope
    assert message.get_content_type() == "multipart/alternative"
    html, text = (message.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert text is not None
    number = PEOPLE.index((email, name))
    assert f"{number:08d}" in text.get_content()
    assert f"Ваша картка {number:08d}." in html.get_content()
    if name.isalpha() or name.replace(" ", "").isalnum():
        assert f"Дзень добры, {name}!" in html.get_content()
        assert f"Дзень добры, {name}!" in " ".join(text.get_content().split(" "))
    assert ("SMTPUTF8" in received.parameters) == (not received.recipient.isascii())


def test_the_return_path_and_message_id_name_the_message(journey: Journey) -> None:
    key = derive_key(journey.secret, "return-path")
    rows = journey.place.fetch(
        "SELECT recipient, id, smtp_code FROM message WHERE account_id = %s AND source_id = %s",
        [journey.campaign.account_id, journey.campaign.source_id],
    )
    assert len(rows) == len(PEOPLE)
    for email, message_id, code in rows:
        received, message = journey.get(email)
        local, _, domain = received.sender.partition("@")
        assert decode_return_path(local, keys=[key]) == message_id
        assert domain == "bounce.roastery.example"
        assert message["Message-ID"] == f"<{message_id.hex}@bounce.roastery.example>"
        assert code == 250


def test_one_click_unsubscribing_is_offered_and_signed_for_this_person(journey: Journey) -> None:
    contacts = dict(
        journey.place.fetch(
            "SELECT email, id FROM contact WHERE account_id = %s", [journey.campaign.account_id]
        )
    )
    for email, _ in PEOPLE:
        _, message = journey.get(email)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        found = re.search(r"<http://127\.0\.0\.1:\d+/u/([\w-]+)>", message["List-Unsubscribe"])
        assert found is not None, message["List-Unsubscribe"]
        token = LeaveToken.parse(load_token_keys(journey.secret), found[1])
        assert token.contact_id == UUID(str(contacts[email]))
        assert token.source_id == journey.campaign.source_id
        assert "localhost" not in message["List-Id"]
        assert len(message.get_all("Message-ID") or []) == len(message.get_all("Date") or []) == 1
