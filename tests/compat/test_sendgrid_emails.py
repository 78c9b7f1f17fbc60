from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from dynamail.api.compat.sendgrid_emails import to_emails
from dynamail.api.compat.sendgrid_shapes import Said
from dynamail.api.errors import Problem
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind
from tests.support.personas import NOW

ANN = {"email": "ann@mail.example", "name": "Ann"}
LATER = datetime(2026, 11, 24, 10, tzinfo=UTC)
LEAST: dict[str, Any] = {
    "personalizations": [{"to": [ANN]}],
    "from": {"email": "hello@acme.example"},
    "subject": "Hi",
    "content": [{"type": "text/plain", "value": "Hi"}],
}


def read(**change: Any) -> list[NewEmail]:
    return to_emails(msgspec.convert({**LEAST, **change}, Said), NOW)


def test_a_request_does_not_grow_without_bounds() -> None:
    long = [{"type": "text/html", "value": "-a-" * 100_000}]
    with pytest.raises(Problem, match="longer than"):
        read(personalizations=[{"to": [ANN], "substitutions": {"-a-": "x" * 10_000}}], content=long)
    people = [{"to": [ANN], "substitutions": {"-z-": "z"}}]
    with pytest.raises(Problem, match="longer than"):
        read(personalizations=people, content=long, sections={"-a-": "x" * 10_000})
    with pytest.raises(Problem, match="50 MB of text together"):
        read(personalizations=[{"to": [ANN]}] * 1_000, content=long)


def test_every_field_finds_its_place() -> None:
    (email,) = read(
        personalizations=[
            {
                "to": [ANN, {"email": "bob@mail.example"}],
                "cc": [{"email": "carl@mail.example"}],
                "bcc": [{"email": "dora@mail.example"}],
                "subject": "Your order",
                "headers": {"X-Shop": "18"},
                "custom_args": {"order": 17},
                "send_at": int(LATER.timestamp()),
            }
        ],
        **{"from": {"email": "hello@acme.example", "name": 'Acme "the" shop'}},
        reply_to={"email": "help@acme.example", "name": "Help"},
        content=[{"type": "text/plain", "value": "Hi"}, {"type": "text/html", "value": "<p>Hi</p>"}],
        headers={"X-Shop": "17", "X-More": "1"},
        categories=["orders", "orders"],
        custom_args={"shop": "a"},
        attachments=[
            {"content": "aGk=", "filename": "a.txt", "type": "text/plain"},
            {"content": "aGk=", "filename": "b.png", "disposition": "inline", "content_id": "b"},
        ],
        tracking_settings={"click_tracking": {"enable": True}, "open_tracking": {"enable": False}},
    )
    assert email == NewEmail(
        sender='"Acme \\"the\\" shop" <hello@acme.example>',
        recipients=(
            NewRecipient("ann@mail.example", "Ann"),
            NewRecipient("bob@mail.example"),
            NewRecipient("carl@mail.example", kind=RecipientKind.CC),
            NewRecipient("dora@mail.example", kind=RecipientKind.BCC),
        ),
        subject="Your order",
        html="<p>Hi</p>",
        text="Hi",
        reply_to=("Help <help@acme.example>",),
        headers=(("X-Shop", "18"), ("X-More", "1")),
        attachments=(
            NewAttachment("a.txt", b"hi", "", "text/plain"),
            NewAttachment("b.png", b"hi", "", "", "b"),
        ),
        tags=("orders",),
        metadata={"shop": "a", "order": "17"},
        track_opens=False,
        track_clicks=True,
        send_at=LATER,
    )


def test_each_personalization_is_an_email_with_values_of_its_own() -> None:
    first, second = read(
        personalizations=[
            {"to": [ANN], "substitutions": {"-name-": "Ann", "-bye-": "-end-"}, "subject": "For -name-"},
            {"to": [{"email": "bob@mail.example"}], "substitutions": {"-name-": "Bob & Co"}},
        ],
        content=[{"type": "text/html", "value": "<p>-name- -bye-</p>"}],
        sections={"-end-": "Goodbye"},
    )
    assert (first.subject, first.html) == ("For Ann", "<p>Ann Goodbye</p>")
    assert (second.subject, second.html) == ("Hi", "<p>Bob & Co -bye-</p>")


def test_a_template_has_its_data_and_no_content() -> None:
    (email,) = read(
        personalizations=[{"to": [ANN], "dynamic_template_data": {"name": "Ann"}}], template_id="d-123"
    )
    assert (email.template, email.data, email.html, email.text) == ("d-123", {"name": "Ann"}, "", "")


def test_the_footer_and_the_copy_of_mail_settings_are_kept() -> None:
    settings = {
        "footer": {"enable": True, "text": "\nBye", "html": "<b>Bye</b>"},
        "bcc": {"enable": True, "email": "archive@acme.example"},
    }
    (email,) = read(mail_settings=settings)
    assert (email.text, email.html) == ("Hi\nBye", "")
    assert email.recipients[-1] == NewRecipient("archive@acme.example", kind=RecipientKind.BCC)


def test_a_time_that_passed_is_now() -> None:
    assert read(send_at=0)[0].send_at == NOW


def test_a_topic_stands_for_a_group() -> None:
    assert read(asm={"group_id": "top_01"})[0].topic == "top_01"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": [ANN]}] * 1_001}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [ANN]}, {"to": [{"email": "no"}]}]}, "personalizations.1.to.0.email"),
        ({"from": None}, "from"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/x-amp-html", "value": "x"}]}, "content.0.type"),
        ({"attachments": [{"content": "?", "filename": "a"}]}, "attachments.0.content"),
        (
            {"attachments": [{"content": "", "filename": "a", "disposition": "up"}]},
            "attachments.0.disposition",
        ),
        ({"asm": {"group_id": 12}}, "asm.group_id"),
        ({"asm": {"group_id": "top_01", "groups_to_display": [1]}}, "asm.groups_to_display"),
        ({"batch_id": "x"}, "batch_id"),
        ({"categories": [str(number) for number in range(11)]}, "categories"),
        (
            {"mail_settings": {"bypass_list_management": {"enable": True}}},
            "mail_settings.bypass_list_management",
        ),
        (
            {"tracking_settings": {"subscription_tracking": {"enable": True}}},
            "tracking_settings.subscription_tracking",
        ),
        ({"tracking_settings": {"ganalytics": {"enable": True}}}, "tracking_settings.ganalytics"),
        ({"reply_to": ANN, "reply_to_list": [ANN]}, "reply_to"),
        ({"send_at": 2**60}, "send_at"),
        (
            {"template_id": "d", "personalizations": [{"to": [ANN], "substitutions": {"a": "b"}}]},
            "personalizations.0.substitutions",
        ),
    ],
)
def test_what_would_be_lost_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Problem) as refused:
        read(**change)
    assert refused.value.errors[0].field == field


def test_settings_that_are_off_or_null_say_nothing() -> None:
    off = {"enable": False}
    change = {
        "mail_settings": {"bypass_list_management": off, "footer": off, "bcc": None},
        "tracking_settings": None,
    }
    assert read(**change) == read()
