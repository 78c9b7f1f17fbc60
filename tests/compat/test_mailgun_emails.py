from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from dynamail.api.compat.forms import Form, FormFile
from dynamail.api.compat.mailgun_emails import read_options, to_emails, to_raw_email
from dynamail.api.errors import Problem
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind
from tests.support.personas import NOW

DOMAIN = "acme.example"
LEAST = {"from": ["hello@acme.example"], "to": ["ann@mail.example"], "subject": ["Hi"], "text": ["Hi"]}
RAW = b"From: Acme <hello@acme.example>\r\nTo: ann@mail.example\r\nSubject: Hi\r\n\r\nHi\r\n"


def read(
    change: Mapping[str, list[str]], files: Mapping[str, list[FormFile]] | None = None
) -> list[NewEmail]:
    return to_emails(Form({**LEAST, **change}, files or {}), DOMAIN, NOW)


def test_a_request_does_not_grow_without_bounds() -> None:
    variables = json.dumps({"ann@mail.example": {"a": "x" * 10_000}})
    with pytest.raises(Problem, match="longer than"):
        read({"html": ["%recipient.a%" * 100_000], "recipient-variables": [variables]})
    people = [",".join(f"p{number}@mail.example" for number in range(1_000))]
    with pytest.raises(Problem, match="50 MB of text together"):
        read({"to": people, "html": ["x" * 300_000], "recipient-variables": ["{}"]})


def test_every_field_finds_its_place() -> None:
    change = {
        "from": ["Acme <hello@acme.example>"],
        "to": ["Ann <ann@mail.example>, bob@mail.example", "eve@mail.example"],
        "cc": ["carl@mail.example"],
        "bcc": ["dora@mail.example"],
        "html": ["<p>Hi</p>"],
        "o:tag": ["orders", "paid"],
        "o:deliverytime": ["Tue, 24 Nov 2026 10:00:00 -0000"],
        "o:tracking": ["yes"],
        "o:tracking-opens": ["no"],
        "h:X-Shop": ["17"],
        "h:Reply-To": ["help@acme.example"],
        "v:order": ["17"],
    }
    files = {
        "attachment": [FormFile("a.txt", "text/plain", b"hi")],
        "inline": [FormFile("logo.png", "image/png", b"png")],
    }
    assert read(change, files) == [
        NewEmail(
            sender="Acme <hello@acme.example>",
            recipients=(
                NewRecipient("Ann <ann@mail.example>"),
                NewRecipient("bob@mail.example"),
                NewRecipient("eve@mail.example"),
                NewRecipient("carl@mail.example", kind=RecipientKind.CC),
                NewRecipient("dora@mail.example", kind=RecipientKind.BCC),
            ),
            subject="Hi",
            html="<p>Hi</p>",
            text="Hi",
            reply_to=("help@acme.example",),
            headers=(("X-Shop", "17"),),
            attachments=(
                NewAttachment("a.txt", b"hi", "", "text/plain"),
                NewAttachment("logo.png", b"png", "", "image/png", "logo.png"),
            ),
            tags=("orders", "paid"),
            metadata={"order": "17"},
            track_opens=False,
            track_clicks=True,
            send_at=datetime(2026, 11, 24, 10, tzinfo=UTC),
        )
    ]


def test_with_variables_everybody_gets_a_copy_of_their_own() -> None:
    variables = {"ann@mail.example": {"n": 1}, "BOB@mail.example": {"n": "two"}}
    ann, bob = read(
        {
            "to": ["Ann Lee <ann@mail.example>, bob@mail.example"],
            "subject": ["%recipient.n% for %recipient_fname%"],
            "text": ["%recipient% %recipient_email% %recipient.lost%"],
            "h:X-Shop": ["%recipient.n%"],
            "v:n": ["%recipient.n%"],
            "recipient-variables": [json.dumps(variables)],
        }
    )
    assert [one.recipients for one in (ann, bob)] == [
        (NewRecipient("Ann Lee <ann@mail.example>"),),
        (NewRecipient("bob@mail.example"),),
    ]
    assert (ann.subject, ann.text) == (
        "1 for Ann",
        "Ann Lee <ann@mail.example> ann@mail.example %recipient.lost%",
    )
    assert (bob.subject, bob.headers, bob.metadata) == ("two for ", (("X-Shop", "two"),), {"n": "two"})


def test_a_template_has_the_values_of_all_three_places() -> None:
    change = {
        "text": [],
        "template": ["welcome"],
        "v:a": ["1"],
        "h:X-Mailgun-Variables": ['{"b": 2}'],
        "t:variables": ['{"c": [3]}'],
        "recipient-variables": ['{"ann@mail.example": {"d": 4}}'],
    }
    (email,) = read({name: values or [""] for name, values in change.items()})
    assert (email.template, email.data) == ("welcome", {"a": "1", "b": 2, "c": [3], "recipient": {"d": 4}})
    assert email.headers == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": [""]}, "from"),
        ({"from": ["hello@other.example"]}, "from"),
        ({"to": [""]}, "to"),
        ({"to": ["ann"]}, "to"),
        ({"to": [", ".join(f"p{number}@mail.example" for number in range(1_001))]}, "to"),
        ({"text": [""]}, "text"),
        ({"amp-html": ["x"]}, "amp-html"),
        ({"o:require-tls": ["yes"]}, "o:require-tls"),
        ({"o:time-zone-localize": ["10:00"]}, "o:time-zone-localize"),
        ({"o:deliverytime": ["soon"]}, "o:deliverytime"),
        ({"o:tracking": ["perhaps"]}, "o:tracking"),
        ({"recipient-variables": ["no"]}, "recipient-variables"),
        ({"recipient-variables": ['{"ann@mail.example": 1}']}, "recipient-variables"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_field(change: dict[str, list[str]], field: str) -> None:
    with pytest.raises(Problem) as refused:
        read(change)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize("sender", ["a@acme.example", "a@mail.acme.example"])
@pytest.mark.parametrize("domain", ["acme.example", "ACME.example", "mg.mail.acme.example"])
def test_the_domain_of_the_path_is_the_senders_or_near_it(sender: str, domain: str) -> None:
    form = Form({**LEAST, "from": [sender]})
    assert to_emails(form, domain, NOW)[0].sender == sender


def test_a_composed_message_goes_as_it_is() -> None:
    form = Form(
        {"to": ["ann@mail.example, bob@mail.example"], "o:tag": ["orders"]},
        {"message": [FormFile("m.eml", "message/rfc822", RAW)]},
    )
    email = to_raw_email(form, DOMAIN, NOW)
    assert (email.raw, email.tags, len(email.recipients)) == (RAW, ("orders",), 2)
    as_text = Form({"to": ["ann@mail.example"], "message": [RAW.decode()]})
    assert to_raw_email(as_text, DOMAIN, NOW).raw == RAW


@pytest.mark.parametrize("raw", [b"", b"Subject: Hi\r\n\r\nHi", RAW.replace(b"acme", b"other")])
def test_a_composed_message_needs_a_sender_of_the_domain(raw: bytes) -> None:
    form = Form({"to": ["ann@mail.example"]}, {"message": [FormFile("m", "", raw)]} if raw else {})
    with pytest.raises(Problem):
        to_raw_email(form, DOMAIN, NOW)


def test_a_test_is_known_by_its_option() -> None:
    assert read_options(Form({"o:testmode": ["true"]}), NOW).is_test
    assert not read_options(Form(), NOW).is_test
