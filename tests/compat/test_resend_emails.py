from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from dynamail.api.compat.resend_emails import Said, read_schedule, to_email
from dynamail.api.errors import Problem
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind
from tests.support.personas import NOW

LEAST: dict[str, Any] = {
    "from": "hello@acme.example",
    "to": "ann@mail.example",
    "subject": "Hi",
    "text": "Hi",
}


def read(said: dict[str, Any]) -> NewEmail:
    return to_email(msgspec.convert(said, Said), NOW)


def test_every_field_finds_its_place() -> None:
    said = {
        "from": "Acme <hello@acme.example>",
        "to": ["Ann <ann@mail.example>", "bob@mail.example"],
        "cc": "carl@mail.example",
        "bcc": ["dora@mail.example"],
        "reply_to": ["help@acme.example"],
        "subject": "Your order",
        "html": "<p>Hi</p>",
        "text": "Hi",
        "headers": {"X-Shop": "17"},
        "attachments": [
            {"filename": "a.txt", "content": "aGk=", "content_type": "text/plain", "content_id": "a"},
            {"filename": "b.txt", "content": [104, 105]},
            {"filename": "c.txt", "content": {"type": "Buffer", "data": [104, 105]}},
        ],
        "tags": [{"name": "category", "value": "order"}],
        "scheduled_at": "2026-12-01T10:00:00Z",
        "topic_id": "top_01",
    }
    assert read(said) == NewEmail(
        sender="Acme <hello@acme.example>",
        recipients=(
            NewRecipient("Ann <ann@mail.example>"),
            NewRecipient("bob@mail.example"),
            NewRecipient("carl@mail.example", kind=RecipientKind.CC),
            NewRecipient("dora@mail.example", kind=RecipientKind.BCC),
        ),
        subject="Your order",
        html="<p>Hi</p>",
        text="Hi",
        reply_to=("help@acme.example",),
        headers=(("X-Shop", "17"),),
        attachments=(
            NewAttachment("a.txt", b"hi", "", "text/plain", "a"),
            NewAttachment("b.txt", b"hi"),
            NewAttachment("c.txt", b"hi"),
        ),
        tags=("category:order",),
        metadata={"category": "order"},
        topic="top_01",
        send_at=datetime(2026, 12, 1, 10, tzinfo=UTC),
    )


def test_a_template_has_its_variables() -> None:
    email = read({**LEAST, "text": None, "template": {"id": "welcome", "variables": {"name": "Ann"}}})
    assert (email.template, email.data) == ("welcome", {"name": "Ann"})


@pytest.mark.parametrize(("text", "is_made"), [(None, True), ("", False), ("Hi", False)])
def test_a_text_is_made_from_the_html_unless_one_is_given_be_it_empty(
    text: str | None, is_made: bool
) -> None:
    assert read({**LEAST, "html": "<p>Hi</p>", "text": text}).text_from_html is is_made


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("in 1 min", timedelta(minutes=1)),
        ("In an hour", timedelta(hours=1)),
        ("in 90 minutes", timedelta(minutes=90)),
        ("in 3 days", timedelta(days=3)),
    ],
)
def test_some_words_for_times_are_understood(text: str, wait: timedelta) -> None:
    assert read_schedule(text, NOW) == NOW + wait


@pytest.mark.parametrize("text", ["tomorrow at 9am", "2026-12-01T10:00:00", "in a while", ""])
def test_others_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_schedule(text, NOW)
    assert "ISO 8601" in refused.value.detail


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"from": None}, "required"),
        ({"to": []}, "required"),
        ({"to": ["ann"]}, "no_at"),
        ({"to": [f"p{number}@mail.example" for number in range(51)]}, "too_many_recipients"),
        ({"attachments": [{"filename": "a", "path": "https://a.example/a"}]}, "invalid_attachment"),
        ({"attachments": [{"filename": "a"}]}, "invalid_attachment"),
        ({"attachments": [{"filename": "a", "content": [256]}]}, "invalid_attachment"),
    ],
)
def test_what_cannot_be_sent_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        read({**LEAST, **change})
    assert refused.value.code == code
