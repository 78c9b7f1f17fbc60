from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dynamail.api.compat.forms import FormFile
from dynamail.api.compat.listmonk_emails import Said, Subscribers, read_subscribers, to_email
from dynamail.api.errors import Problem
from dynamail.messages.new_email import NewAttachment, NewEmail


def read(**said: Any) -> Said:
    return msgspec.convert(said, Said)


def test_every_field_finds_its_place() -> None:
    said = read(
        subscriber_email="ann@mail.example",
        template_id="welcome",
        from_email="Acme <hello@acme.example>",
        subject="Hi",
        data={"order": 17},
        headers=[{"X-Shop": "17"}, {"X-More": "1"}],
        content_type="html",
        messenger="email",
    )
    file = FormFile("a.txt", "text/plain", b"hi")
    assert to_email(said, (file,), "default@acme.example") == NewEmail(
        sender="Acme <hello@acme.example>",
        recipients=(),
        subject="Hi",
        template="welcome",
        data={"order": 17, "Tx": {"Data": {"order": 17}}},
        headers=(("X-Shop", "17"), ("X-More", "1")),
        attachments=(NewAttachment("a.txt", b"hi", "", "text/plain"),),
    )


def test_a_number_is_the_name_of_a_template_and_the_default_sender_signs() -> None:
    email = to_email(read(template_id=3), (), "default@acme.example")
    assert (email.template, email.sender) == ("3", "default@acme.example")


def test_subscribers_are_named_by_email_or_id() -> None:
    one = read_subscribers(read(subscriber_email="a@m.example", subscriber_emails=["b@m.example"]))
    assert one == Subscribers(("a@m.example", "b@m.example"), (), must_exist=True)
    by_id = read_subscribers(read(subscriber_ids=["con_01", 7]))
    assert by_id == Subscribers((), ("con_01", "7"), must_exist=True)
    assert not read_subscribers(read(subscriber_email="a@m.example", subscriber_mode="external")).must_exist


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"subscriber_email": "no"},
        {"subscriber_email": "a@m.example", "subscriber_id": 1},
        {"subscriber_id": 1, "subscriber_mode": "external"},
        {"subscriber_email": "a@m.example", "subscriber_mode": "all"},
        {"subscriber_emails": ["a@m.example"] * 501},
    ],
)
def test_who_gets_it_must_be_clear(said: dict[str, Any]) -> None:
    with pytest.raises(Problem):
        read_subscribers(read(**said))


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "template_id"),
        ({"template_id": 1, "messenger": "sms"}, "messenger"),
        ({"template_id": 1, "content_type": "plain"}, "content_type"),
        ({"template_id": 1, "altbody": "Hi"}, "altbody"),
    ],
)
def test_what_cannot_be_sent_is_refused(said: dict[str, Any], field: str) -> None:
    with pytest.raises(Problem) as refused:
        to_email(read(**said), (), "a@b.example")
    assert refused.value.errors[0].field == field
