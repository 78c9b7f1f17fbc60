from __future__ import annotations

import email
import email.policy
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import dkim
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from dynamail.lib.clock import utc_now
from dynamail.lib.ids import derived_id, new_id
from dynamail.messages.accepting import Content
from dynamail.messages.composing import (
    Composer,
    ComposingSettings,
    FrozenCampaign,
    compose_single,
    load_composing_settings,
)
from dynamail.messages.freezing import FrozenSender, FrozenSettings, FrozenSource
from dynamail.messages.personalizing import Recipient
from dynamail.messages.return_paths import ReturnPaths
from dynamail.messages.signing import SigningIdentity
from dynamail.protocols.dkim import (
    DkimAlgorithm,
    DkimSigner,
    canonicalize_body,
    format_public_record,
    generate_private_key,
)
from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.protocols.smtp.wire import is_wire_safe
from dynamail.protocols.verp import decode_return_path, encode_return_path
from dynamail.tracking.tokens import NOBODY, ClickToken, LeaveToken, OpenToken, PreferencesToken, ViewToken
from tests.support.personas import NOW

SOURCE_ID, ACCOUNT_ID, TOPIC_ID = UUID("019a0000-0000-7000-8000-000000000001"), 7, 3
HTML = """<html><head><title></title></head><body><h1>Dear {{ contact.first_name | default: "friend" }},</h1>
<p>.from {{ contact.city }} <a href="https://shop.example/a?x=1&amp;y=2">One</a>
{% if contact.vip %}<a href="https://shop.example/vip">Two</a>{% endif %}
<a href="https://shop.example/p/{{ contact.city }}">Three</a></p>
<a href="{{ unsubscribe_url }}">Leave</a> <a href="{{ preferences_url }}">Choose</a> <a href="{{ view_url }}">View</a></body></html>"""


KEYS = {algorithm: generate_private_key(algorithm) for algorithm in DkimAlgorithm}
RECORDS = {algorithm.key_type: format_public_record(key).encode() for algorithm, key in KEYS.items()}
SIGNERS = tuple(
    DkimSigner(domain="acme.example", selector=algorithm.key_type, private_key=key)
    for algorithm, key in KEYS.items()
)
IDENTITY = SigningIdentity("acme.example", SIGNERS, "bounce.acme.example", "https://click.acme.example")


def make_composer(identity: SigningIdentity | None = None, **values: Any) -> Composer:
    parts = {
        "kind": "html",
        "subject": "News for {{ contact.first_name }}",
        "body": HTML,
        "preheader": "",
        "text": "",
        "sender": FrozenSender("news@acme.example", "Acme, Inc.", "answers@acme.example"),
        "tracking": "individual",
    } | values
    frozen = FrozenCampaign(
        ACCOUNT_ID,
        SOURCE_ID,
        NOW,
        FrozenSource(parts["kind"], parts["subject"], parts["body"], parts["preheader"], parts["text"]),
        parts["sender"],
        FrozenSettings(TOPIC_ID, "Product news", "November", "Acme", tracking=parts["tracking"]),
    )
    return Composer(frozen, load_composing_settings(), identity)


def make_recipient(**values: Any) -> Recipient:
    parts = {
        "contact_id": new_id(NOW),
        "email": "ann@example.com",
        "name": "Ann Lee",
        "attributes": {"city": "Grodno"},
        "tracking_allowed": True,
    } | values
    return Recipient(**parts)


def compose(composer: Composer, recipient: Recipient, now: datetime = NOW) -> Envelope:
    return composer.compose(recipient, message_id=composer.message_id(recipient.contact_id), now=now)


def parse(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.body, bytes)
    return email.message_from_bytes(envelope.body, policy=email.policy.default)  # type: ignore[return-value]


def body_of(envelope: Envelope, kind: str) -> str:
    part = parse(envelope).get_body((kind,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n")


def token_after(text: str, path: str) -> list[str]:
    return [
        piece.split('"')[0].split(")")[0].split()[0]
        for piece in text.split(f"{settings().public_url}{path}")[1:]
    ]


def settings() -> ComposingSettings:
    return load_composing_settings()


def test_every_header_field_is_what_it_should_be() -> None:
    recipient = make_recipient()
    composer = make_composer()
    envelope = compose(composer, recipient)
    message, message_id = parse(envelope), composer.message_id(recipient.contact_id)
    assert message["Message-ID"] == f"<{message_id.hex}@{settings().message_id_domain}>"
    assert message["From"] == '"Acme, Inc." <news@acme.example>'
    assert message["Reply-To"] == "answers@acme.example"
    assert message["To"] == "Ann Lee <ann@example.com>"
    assert message["Subject"] == "News for Ann"
    assert message["Date"].datetime == NOW.replace(microsecond=0)
    assert message["Precedence"] == "bulk"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"].startswith("Product news <topic-3.")
    assert message["Feedback-ID"].endswith(":marketing:dynamail")
    assert all(len(message.get_all(name)) == 1 for name in set(message.keys()))
    local, _, domain = envelope.sender.partition("@")
    assert domain == settings().return_path_domain
    assert decode_return_path(local, keys=[settings().return_path_key]) == message_id


def test_the_list_unsubscribe_link_names_person_topic_and_campaign() -> None:
    recipient = make_recipient()
    link = parse(compose(make_composer(), recipient))["List-Unsubscribe"].strip("<> \r\n")
    token = link.removeprefix(f"{settings().public_url}/u/")
    expected = LeaveToken(ACCOUNT_ID, recipient.contact_id, TOPIC_ID, SOURCE_ID)
    assert LeaveToken.parse(settings().token_keys, token) == expected


def test_the_message_id_is_the_same_every_time() -> None:
    composer, contact_id = make_composer(), new_id(NOW)
    assert composer.message_id(contact_id) == derived_id(NOW, SOURCE_ID, contact_id)
    assert composer.message_id(contact_id) == make_composer().message_id(contact_id)


def test_return_paths_are_those_that_bounces_are_read_by() -> None:
    key = settings().return_path_key
    for _ in range(200):
        message_id = new_id()
        expected = f"{encode_return_path(message_id, key=key)}@bounce.example"
        assert ReturnPaths(key=key, domain="bounce.example").encode(message_id) == expected


def test_individual_links_name_the_person() -> None:
    recipient, keys = make_recipient(attributes={"city": "Grodno", "vip": True}), settings().token_keys
    html = body_of(compose(make_composer(), recipient), "html")
    clicks = [ClickToken.parse(keys, token) for token in token_after(html, "/t/c/")]
    assert [(click.link_number, click.address) for click in clicks] == [
        (1, ""),
        (2, ""),
        (3, "https://shop.example/p/Grodno"),
    ]
    assert {click.contact_id for click in clicks} == {recipient.contact_id}
    opened = OpenToken.parse(keys, token_after(html, "/t/o/")[0])
    assert opened == OpenToken(ACCOUNT_ID, SOURCE_ID, recipient.contact_id)
    assert PreferencesToken.parse(keys, token_after(html, "/p/")[0]).contact_id == recipient.contact_id
    viewed = ViewToken.parse(keys, token_after(html, "/v/")[0])
    assert viewed == ViewToken(ACCOUNT_ID, SOURCE_ID, recipient.contact_id)


@pytest.mark.parametrize(("tracking", "allowed"), [("aggregate", True), ("individual", False)])
def test_without_permission_links_name_nobody(tracking: str, allowed: bool) -> None:
    recipient = make_recipient(tracking_allowed=allowed)
    html = body_of(compose(make_composer(tracking=tracking), recipient), "html")
    keys = settings().token_keys
    assert {ClickToken.parse(keys, token).contact_id for token in token_after(html, "/t/c/")} == {NOBODY}
    assert OpenToken.parse(keys, token_after(html, "/t/o/")[0]).contact_id == NOBODY
    assert LeaveToken.parse(keys, token_after(html, "/u/")[0]).contact_id == recipient.contact_id


def test_without_tracking_links_are_plain_and_there_is_no_pixel() -> None:
    html = body_of(compose(make_composer(tracking="none"), make_recipient()), "html")
    assert "/t/c/" not in html
    assert "/t/o/" not in html
    assert 'href="https://shop.example/a?x=1&amp;y=2"' in html
    assert 'href="https://shop.example/p/Grodno"' in html


@pytest.mark.parametrize("tracking", ["none", "aggregate", "individual"])
def test_the_fast_way_and_the_plain_way_say_the_same(tracking: str) -> None:
    composer = make_composer(tracking=tracking, preheader="Hello {{ contact.name }}")
    for recipient in (
        make_recipient(),
        make_recipient(name="", attributes={"vip": True}, email="x@example.com"),
    ):
        copy = composer.make_copy(recipient, now=NOW)
        envelope = compose(composer, recipient)
        assert body_of(envelope, "html").rstrip() == copy.html.rstrip()
        assert body_of(envelope, "plain").rstrip() == copy.text.rstrip()
        assert parse(envelope)["Subject"] == copy.subject


def test_a_plain_text_campaign_has_one_part() -> None:
    composer = make_composer(kind="text", body="Hello {{ contact.first_name }}, see https://shop.example/a\n")
    envelope = compose(composer, make_recipient())
    message = parse(envelope)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().startswith("Hello Ann, see http")
    assert "Unsubscribe" in message.get_content()


def test_a_value_cannot_break_out_of_the_subject() -> None:
    recipient = make_recipient(name="Ann\r\nBcc: everybody@example.com")
    message = parse(compose(make_composer(subject="For {{ contact.name }}"), recipient))
    assert message["Bcc"] is None
    assert message["Subject"] == "For Ann Bcc: everybody@example.com"
    assert message["To"].addresses[0].addr_spec == "ann@example.com"


@pytest.mark.parametrize(
    ("address", "envelope_address", "smtputf8"),
    [
        ("Ann.Lee+news@Example.COM", "Ann.Lee+news@example.com", False),
        ("ann@пример.бел", "ann@xn--e1afmkfd.xn--90ais", False),
        ("анна@пример.бел", "анна@xn--e1afmkfd.xn--90ais", True),
        ('"odd,name"@example.com', '"odd,name"@example.com', False),
    ],
)
def test_unusual_addresses_reach_the_envelope_as_they_are(
    address: str, envelope_address: str, smtputf8: bool
) -> None:
    envelope = compose(make_composer(), make_recipient(email=address))
    assert envelope.recipient == envelope_address
    assert envelope.smtputf8 is smtputf8
    if not smtputf8:
        assert isinstance(envelope.body, bytes)
        assert envelope.body.isascii()


text = st.text(max_size=120)


@given(
    name=text,
    city=text,
    subject=st.sampled_from(["{{ contact.name }}", "{{ contact.city }} for {{ contact.name }}", "Plain"]),
)
def test_whatever_contacts_contain_the_message_is_whole_and_safe(name: str, city: str, subject: str) -> None:
    composer = make_composer(subject=subject)
    recipient = make_recipient(name=name, attributes={"city": city})
    envelope = compose(composer, recipient)
    assert isinstance(envelope.body, bytes)
    assert is_wire_safe(envelope.body)
    assert max(map(len, envelope.body.split(b"\r\n"))) <= 998
    message = parse(envelope)
    assert message["Message-ID"] is not None
    assert message["List-Unsubscribe-Post"] is not None
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def single(identity: SigningIdentity | None = None, now: datetime = NOW, **values: Any) -> Envelope:
    content = {"from_email": "news@acme.example", "subject": "Hello", "text": "Hi"} | values
    return compose_single(
        Content(**content),
        message_id=new_id(NOW),
        recipient="ann@example.com",
        settings=settings(),
        now=now,
        identity=identity,
    )


def test_a_single_message_has_its_own_content_and_headers() -> None:
    envelope = single(
        html="<p>Hi</p>", reply_to="a@acme.example", headers=(("X-Order", "17"), ("Bcc", "x@example.com"))
    )
    message = parse(envelope)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert (message["X-Order"], message["Reply-To"], message["Bcc"]) == ("17", "a@acme.example", None)
    assert message["List-Unsubscribe"] is None


@given(subject=text, body=st.text(max_size=400), name=text)
def test_any_single_message_is_wire_safe(subject: str, body: str, name: str) -> None:
    for values in ({"text": body}, {"html": body, "text": ""}, {"html": body, "text": body}):
        envelope = single(subject=subject, from_name=name, **values)
        assert isinstance(envelope.body, bytes)
        assert b"\0" not in envelope.body or "\0" in body
        assert envelope.body.endswith(b"\r\n")
        assert b"\n." not in envelope.body


# --- signed ----------------------------------------------------------------------------------------------------------


def answer_dns(name: bytes, timeout: int = 5) -> bytes:
    return RECORDS[name.decode().partition("._domainkey.")[0]]


def assert_signed(envelope: Envelope) -> None:
    """dkimpy accepts both signatures."""
    assert isinstance(envelope.body, bytes)
    assert envelope.body.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
    oracle = dkim.DKIM(envelope.body)
    assert [oracle.verify(idx=index, dnsfunc=answer_dns) for index in range(2)] == [True, True]


@given(
    name=text,
    city=text,
    kind=st.sampled_from(["html", "text"]),
    ending=st.sampled_from(["", "\n", " \n\n \n"]),
)
@settings_of_hypothesis(deadline=None)
def test_both_signatures_hold_whatever_contacts_contain(name: str, city: str, kind: str, ending: str) -> None:
    body = f"Dear {{{{ contact.name }}}}  of\t{{{{ contact.city }}}}  https://shop.example/a {ending}"
    composer = make_composer(IDENTITY, kind=kind, body=HTML + ending if kind == "html" else body)
    recipient = make_recipient(name=name, attributes={"city": city})
    assert_signed(compose(composer, recipient, utc_now()))


@given(name=text, city=text, kind=st.sampled_from(["html", "text"]))
def test_a_campaigns_body_is_already_what_dkim_hashes(name: str, city: str, kind: str) -> None:
    body = "Dear  {{ contact.name }}\t{{ contact.city }}  \n\n"
    composer = make_composer(kind=kind, body=HTML if kind == "html" else body)
    envelope = compose(composer, make_recipient(name=name, attributes={"city": city}))
    assert isinstance(envelope.body, bytes)
    message_body = envelope.body.partition(b"\r\n\r\n")[2]
    assert canonicalize_body(message_body).rstrip(b"\r\n") == message_body.rstrip(b"\r\n")


@given(subject=text, body=st.text(max_size=400), name=text)
@settings_of_hypothesis(deadline=None)
def test_both_signatures_hold_for_any_single_message(subject: str, body: str, name: str) -> None:
    for values in ({"text": body}, {"html": body, "text": body}):
        assert_signed(single(IDENTITY, utc_now(), subject=subject, from_name=name, **values))


def test_bounces_and_clicks_go_to_the_senders_own_hosts_and_pages_stay_here() -> None:
    recipient = make_recipient()
    envelope = compose(make_composer(IDENTITY), recipient)
    html = body_of(envelope, "html")
    assert envelope.sender.endswith("@bounce.acme.example")
    assert html.count("https://click.acme.example/t/c/") == 2
    assert html.count("https://click.acme.example/t/o/") == 1
    assert f"{settings().public_url}/t/" not in html
    assert (
        len(token_after(html, "/u/")) == len(token_after(html, "/p/")) == len(token_after(html, "/v/")) == 1
    )
    assert single(IDENTITY).sender.endswith("@bounce.acme.example")


def test_a_composer_takes_new_keys_while_it_is_used() -> None:
    composer, recipient = make_composer(), make_recipient()
    unsigned = compose(composer, recipient)
    assert isinstance(unsigned.body, bytes)
    assert b"DKIM-Signature" not in unsigned.body
    composer.sign_as(IDENTITY)
    assert_signed(compose(composer, recipient, utc_now()))
    composer.sign_as(SigningIdentity("acme.example", SIGNERS[:1]))
    once = compose(composer, recipient).body
    assert isinstance(once, bytes)
    assert once.count(b"DKIM-Signature:") == 1
    composer.sign_as(None)
    assert compose(composer, recipient) == unsigned


def test_a_tenant_cannot_bring_a_signature() -> None:
    envelope = single(
        IDENTITY,
        utc_now(),
        headers=(("DKIM-Signature", "v=1; a=rsa-sha256"), ("dkim-signature", "x"), ("ARC-Seal", "i=1")),
    )
    assert len(parse(envelope).get_all("DKIM-Signature")) == 2
    assert parse(envelope)["ARC-Seal"] is None
    assert_signed(envelope)


def test_the_date_follows_the_clock() -> None:
    composer, recipient = make_composer(), make_recipient()
    later = NOW + timedelta(days=1, seconds=1)
    assert parse(compose(composer, recipient))["Date"].datetime == NOW
    assert parse(compose(composer, recipient, later))["Date"].datetime == later
