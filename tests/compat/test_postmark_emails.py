from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dynamail.api.compat.postmark_emails import Said, SaidTemplate, to_email
from dynamail.api.errors import Problem
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind

LEAST = {"From": "hello@acme.example", "To": "ann@mail.example", "TextBody": "Hi"}


def read(said: dict[str, Any], shape: type[Said] = Said) -> NewEmail:
    return to_email(msgspec.convert(said, shape))


def read_template(**said: Any) -> NewEmail:
    named = {"From": "hello@acme.example", "To": "ann@mail.example", **said}
    return read(named, SaidTemplate)


def test_every_field_finds_its_place() -> None:
    said = {
        "From": "Acme <hello@acme.example>",
        "To": 'Ann <ann@mail.example>, "Lee, Bob" <bob@mail.example>',
        "Cc": "carl@mail.example",
        "Bcc": "dora@mail.example",
        "Subject": "Your order",
        "Tag": "order",
        "HtmlBody": "<p>Hi</p>",
        "TextBody": "Hi",
        "ReplyTo": "help@acme.example, more@acme.example",
        "Metadata": {"order": "17", "paid": True},
        "Headers": [{"Name": "X-Shop", "Value": "17"}],
        "TrackOpens": True,
        "TrackLinks": "HtmlAndText",
        "Attachments": [
            {"Name": "logo.png", "Content": "iVBO", "ContentType": "image/png", "ContentID": "cid:logo.png"}
        ],
        "MessageStream": "outbound",
        "Unheard": "of",
    }
    assert read(said) == NewEmail(
        sender="Acme <hello@acme.example>",
        recipients=(
            NewRecipient("Ann <ann@mail.example>"),
            NewRecipient('"Lee, Bob" <bob@mail.example>'),
            NewRecipient("carl@mail.example", kind=RecipientKind.CC),
            NewRecipient("dora@mail.example", kind=RecipientKind.BCC),
        ),
        subject="Your order",
        html="<p>Hi</p>",
        text="Hi",
        reply_to=("help@acme.example", "more@acme.example"),
        headers=(("X-Shop", "17"),),
        attachments=(NewAttachment("logo.png", b"\x89PN"[:3], "", "image/png", "logo.png"),),
        tags=("order",),
        metadata={"order": "17", "paid": "true"},
        track_opens=True,
        track_clicks=True,
    )


def test_null_is_nothing_said() -> None:
    nulls = dict.fromkeys(
        ("Cc", "Bcc", "Tag", "HtmlBody", "Metadata", "Headers", "TrackOpens", "MessageStream")
    )
    assert read({**LEAST, **nulls}) == read(LEAST)


@pytest.mark.parametrize(
    ("name", "stream", "topic"),
    [
        ("outbound", "", ""),
        ("broadcast", "marketing", ""),
        ("receipts", "receipts", ""),
        ("top_01", "", "top_01"),
    ],
)
def test_a_stream_is_one_of_ours_or_a_topic(name: str, stream: str, topic: str) -> None:
    email = read({**LEAST, "MessageStream": name})
    assert (email.stream, email.topic) == (stream, topic)


def test_links_are_tracked_as_it_says_or_as_the_stream_says() -> None:
    assert read(LEAST).track_clicks is None
    assert read({**LEAST, "TrackLinks": "None"}).track_clicks is False
    with pytest.raises(Problem):
        read({**LEAST, "TrackLinks": "Some"})


def test_a_template_is_found_by_id_alias_or_a_number_that_is_its_name() -> None:
    model = {"name": "Ann"}
    email = read_template(TemplateAlias="welcome", TemplateModel=model)
    assert (email.template, email.data) == ("welcome", model)
    assert read_template(TemplateId="tpl_01").template == "tpl_01"
    assert read_template(TemplateId=1234).template == "1234"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"From": " "}, "required"),
        ({"To": None}, "required"),
        ({"To": "ann"}, "no_at"),
        ({"TextBody": ""}, "required"),
        ({"To": ",".join(f"p{number}@mail.example" for number in range(51))}, "too_many_recipients"),
        ({"TextBody": "x" * (10 * 2**20 + 1)}, "too_large"),
        ({"Attachments": [{"Name": "a", "Content": "?"}]}, "invalid_attachment"),
    ],
)
def test_what_postmark_refuses_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        read({**LEAST, **change})
    assert refused.value.code == code


def test_a_template_goes_without_content_of_its_own() -> None:
    with pytest.raises(Problem) as refused:
        read_template()
    assert refused.value.code == "required"
    with pytest.raises(Problem) as refused:
        read_template(TemplateId="tpl_01", HtmlBody="<p>")
    assert refused.value.code == "two_contents"
