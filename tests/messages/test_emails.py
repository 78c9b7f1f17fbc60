from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from dynamail.accounts.models import Account, ApiKey, Member
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.models import ContactAlias, ContactState
from dynamail.content.models import Blob, Media, Template
from dynamail.events.models import Event, RollupHour
from dynamail.lib.asking import run_inquiry
from dynamail.lib.ids import id_time, new_id
from dynamail.messages import emails
from dynamail.messages.email_acts import resend_email
from dynamail.messages.emails import accept_emails
from dynamail.messages.models import Email, EmailBody, Message, Outbox, SourceKind
from dynamail.messages.new_email import (
    AcceptedEmail,
    NewAttachment,
    NewRecipient,
    OneTime,
    RecipientKind,
    RefusedEmail,
)
from dynamail.messages.one_time import PLACEHOLDER, open_content
from dynamail.messages.stored_emails import convert_texts
from dynamail.protocols.address import Mailbox, parse_address, split_mailbox, write_mailbox
from dynamail.senders.models import Sender, Stream, Transport
from tests.support.database_text import find_everywhere
from tests.support.emails import accept, accept_all, make_email
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW
from tests.support.sending_domains import add_verified_domain

pytestmark = pytest.mark.django_db
SECRET = "48151623"


@pytest.fixture(autouse=True)
def domain(account: Account) -> None:
    add_verified_domain(account, with_keys=False)


def taken(result: object) -> AcceptedEmail:
    assert isinstance(result, AcceptedEmail), result
    return result


def faults(result: object) -> list[tuple[str, str]]:
    assert isinstance(result, RefusedEmail), result
    assert all(fault.text.endswith((".", ")")) or ": " in fault.text for fault in result.faults)
    return [(fault.code, fault.field) for fault in result.faults]


def waiting(account: Account) -> list[Outbox]:
    return list(Outbox.objects.for_account(account).order_by("id"))


def body_of(account: Account) -> dict[str, Any]:
    content: dict[str, Any] = EmailBody.objects.for_account(account).get().content
    return content


def make_template(account: Account, **values: Any) -> Template:
    template: Template = Template.objects.add(
        account,
        **{
            "name": "Welcome",
            "kind": "text",
            "subject": "Hello {{ name }}",
            "source": "Your code is {{ code }}.",
            "updated_at": NOW,
            **values,
        },
    )
    return template


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_email_waits_with_its_recipients_and_its_content(account: Account) -> None:
    result = taken(
        accept(account, make_email("Ann Lee <ann@example.com>", subject="Your order", html="<p>Hi</p>"))
    )
    email = Email.objects.for_account(account).get()
    body = EmailBody.objects.for_account(account).get()
    (row,) = waiting(account)
    assert (email.id, body.id, row.email_id, row.id) == (result.id,) * 4
    assert result.recipients[0].message_id == result.id
    assert (email.subject, email.from_email, email.from_name) == ("Your order", "hello@acme.example", "Acme")
    assert email.recipients == [
        {"id": str(row.id), "email": "ann@example.com", "name": "Ann Lee", "kind": "to"}
    ]
    assert (body.kind, body.content["html"], body.content["text"]) == ("parts", "<p>Hi</p>", "Hi")
    assert (row.recipient, row.priority, row.stream, row.run_at) == (
        "ann@example.com",
        0,
        "transactional",
        NOW,
    )
    assert (row.source_kind, row.payload, row.to_mailbox) == ("api", None, False)
    assert row.source_id == Stream.objects.for_account(account).get(key="transactional").uid


def test_each_recipient_has_a_copy_and_an_address_that_comes_twice_has_one(account: Account) -> None:
    people = (
        NewRecipient("ann@example.com"),
        NewRecipient("bo@example.com", name="Bo", kind=RecipientKind.CC),
        NewRecipient("ANN@example.com", kind=RecipientKind.BCC),
        NewRecipient("cy@example.com", kind=RecipientKind.BCC),
    )
    result = taken(accept(account, make_email(*people)))
    assert [(one.email, one.kind.value) for one in result.recipients] == [
        ("ann@example.com", "to"),
        ("bo@example.com", "cc"),
        ("cy@example.com", "bcc"),
    ]
    assert {row.id for row in waiting(account)} == {one.message_id for one in result.recipients}
    assert {id_time(row.id) for row in waiting(account)} == {id_time(result.id)}


def test_a_batch_takes_as_many_statements_as_one_email(
    account: Account, django_assert_max_num_queries: Any
) -> None:
    accept(account, make_email())  # the stream is there from now on
    emails = [make_email(f"p{n}@example.com") for n in range(200)]
    with django_assert_max_num_queries(14):
        results = accept_all(account, emails)
    assert all(isinstance(one, AcceptedEmail) for one in results)
    assert len(waiting(account)) == 201


def test_what_is_wrong_with_one_keeps_no_other_out_unless_they_stand_together(account: Account) -> None:
    emails = [make_email(), make_email("nonsense"), make_email("bo@example.com")]
    first, second, third = accept_all(account, emails)
    assert isinstance(first, AcceptedEmail)
    assert isinstance(third, AcceptedEmail)
    assert faults(second) == [("no_at", "to[0]")]
    assert len(waiting(account)) == 2
    together = run(account, [make_email(), make_email("nonsense")], together=True)
    assert [faults(one) for one in together] == [[], [("no_at", "to[0]")]]
    assert len(waiting(account)) == 2


def run(account: Account, emails: list[Any], **values: Any) -> list[Any]:
    with account_scope(account), connection.cursor() as cursor:
        inquiry = accept_emails(account.pk, emails, source_kind=SourceKind.API, key=None, now=NOW, **values)
        return run_inquiry(inquiry, cursor)


def test_a_retry_counts_from_the_moment_that_was_asked_for(account: Account) -> None:
    at = NOW + timedelta(days=29)
    result = taken(accept(account, make_email(send_at=at)))
    (row,) = waiting(account)
    assert (result.send_at, row.run_at, row.created_at) == (at, at, at)
    past = taken(accept(account, make_email("bo@example.com", send_at=NOW - timedelta(days=1))))
    assert past.send_at == NOW


def test_labels_headers_and_the_senders_own_message_id_are_kept(account: Account) -> None:
    headers = (
        ("X-Order", "17"),
        ("Message-ID", "<a.1@shop.acme.example>"),
        ("MIME-Version", "1.0"),
        ("References", "<x@y.example>"),
    )
    email = make_email(
        headers=headers,
        tags=("order", "order"),
        metadata={"order": "17"},
        reply_to=("Help <help@acme.example>",),
    )
    taken(accept(account, email))
    row = Email.objects.for_account(account).get()
    assert (row.header_id, row.tags, row.metadata) == ("a.1@shop.acme.example", ["order"], {"order": "17"})
    assert row.reply_to == ["Help <help@acme.example>"]
    assert body_of(account)["headers"] == [["X-Order", "17"], ["References", "<x@y.example>"]]


def test_a_malformed_message_id_gives_way_to_ours(account: Account) -> None:
    taken(accept(account, make_email(headers=(("Message-ID", "<a b@c>\x01"),))))
    assert Email.objects.for_account(account).get().header_id == ""


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"sender": "nonsense"}, ("no_at", "from")),
        ({"sender": "a\r\nBcc: x@y.example <hello@acme.example>"}, ("control_character", "from")),
        ({"sender": "hello@other.example"}, ("sender_unverified", "from")),
        ({"reply_to": ("help",)}, ("no_at", "reply_to[0]")),
        ({"reply_to": ("help@acme.example",) * 11}, ("too_many", "reply_to")),
        ({"subject": ""}, ("subject_missing", "subject")),
        ({"subject": "x" * 999}, ("too_long", "subject")),
        ({"subject": "Hi\r\nBcc: x@y.example"}, ("bad_header", "subject")),
        ({"subject": "a\x00b"}, ("bad_header", "subject")),
        ({"text": ""}, ("content_missing", "html")),
        ({"text": "a\x00b"}, ("bad_character", "text")),
        ({"html": "x" * 5_000_001}, ("too_large", "html")),
        ({"template": "Welcome", "text": "Hi"}, ("two_contents", "template")),
        ({"data": {"a": 1}}, ("data_without_template", "data")),
        ({"headers": (("Bcc", "x@y.example"),)}, ("header_not_allowed", "headers.Bcc")),
        ({"headers": (("X-A", "1\r\nBcc: x@y.example"),)}, ("bad_header", "headers.X-A")),
        ({"headers": (("X A", "1"),)}, ("bad_header", "headers.X A")),
        ({"headers": (("X-A", "x" * 4_001),)}, ("too_long", "headers.X-A")),
        ({"headers": (("X-A", "1"),) * 51}, ("too_many", "headers")),
        ({"tags": ("a",) * 11}, ("too_many", "tags")),
        ({"tags": ("x" * 101,)}, ("bad_tag", "tags[0]")),
        ({"tags": ("a\nb",)}, ("bad_tag", "tags[0]")),
        ({"metadata": {str(n): "" for n in range(51)}}, ("too_many", "metadata")),
        ({"metadata": {"a": "x" * 1_001}}, ("bad_metadata", "metadata.a")),
        ({"metadata": {"a": "\x00"}}, ("bad_metadata", "metadata.a")),
        ({"send_at": NOW + timedelta(days=30, seconds=1)}, ("too_far_ahead", "send_at")),
        ({"stream": "receipts"}, ("unknown_stream", "stream")),
        ({"stream": "marketing"}, ("topic_missing", "topic")),
        ({"topic": "tpl_x"}, ("unknown_topic", "topic")),
        ({"attachments": (NewAttachment("a"),)}, ("content_missing", "attachments[0].content")),
        ({"attachments": (NewAttachment("", b"x"),)}, ("bad_filename", "attachments[0].filename")),
        ({"attachments": (NewAttachment("a\nb", b"x"),)}, ("bad_filename", "attachments[0].filename")),
        (
            {"attachments": (NewAttachment("a", b"x", content_id="<a b>"),)},
            ("bad_content_id", "attachments[0].content_id"),
        ),
        ({"attachments": (NewAttachment("a", media="med_x"),)}, ("unknown_media", "attachments[0].media")),
        ({"attachments": (NewAttachment("a", b"x"),) * 101}, ("too_many", "attachments")),
        (
            {"attachments": (NewAttachment("a", bytes(13 * 2**20)),) * 2},
            ("too_large", "attachments"),
        ),
    ],
)
def test_each_fault_is_named_and_nothing_is_kept(
    account: Account, values: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert faults(accept(account, make_email(**values))) == [fault]
    assert not Email.objects.for_account(account).exists()
    assert waiting(account) == []


def test_recipients_are_one_to_fifty(account: Account) -> None:
    assert faults(accept(account, make_email(recipients=()))) == [("no_recipient", "to")]
    many = [f"p{n}@example.com" for n in range(51)]
    assert faults(accept(account, make_email(*many))) == [("too_many_recipients", "to")]
    taken(accept(account, make_email(*many[:50])))


def test_several_faults_are_told_at_once(account: Account) -> None:
    email = make_email("a@", NewRecipient("b\n@c.example", kind=RecipientKind.CC), subject="")
    assert faults(accept(account, email)) == [
        ("subject_missing", "subject"),
        ("missing_domain", "to[0]"),
        ("control_character", "cc[0]"),
    ]


def test_nothing_is_accepted_for_an_account_that_is_stopped(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(state=Account.State.SUSPENDED)
    assert faults(accept(account, make_email())) == [("account_stopped", "")]


# ── From ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def make_key(account: Account, *, is_test: bool) -> ApiKey:
    key: ApiKey = ApiKey.objects.add(account, name="Shop", key_hash=new_id().hex, is_test=is_test)
    return key


def test_mail_that_leaves_needs_a_verified_domain_and_what_stays_a_verified_sender(account: Account) -> None:
    Sender.objects.add(account, email="Ann@mail.example", verified_at=NOW)
    Sender.objects.add(account, email="bo@mail.example")
    taken(accept(account, make_email(sender="ann@mail.example")))
    assert faults(accept(account, make_email(sender="bo@mail.example"))) == [("sender_unverified", "from")]
    Transport.objects.add(account, name="Relay", host="relay.example", is_default=True)
    assert faults(accept(account, make_email(sender="ann@mail.example"))) == [("domain_unverified", "from")]
    assert faults(accept(account, make_email(sender="ann@gmail.com"))) == [("from_free_mail", "from")]
    test_key, live_key = make_key(account, is_test=True), make_key(account, is_test=False)
    taken(accept(account, make_email(sender="ann@mail.example"), key=test_key))
    assert faults(accept(account, make_email(sender="ann@mail.example"), key=live_key)) == [
        ("domain_unverified", "from")
    ]
    taken(accept(account, make_email("bounce@simulator.invalid", sender="ann@mail.example")))
    taken(accept(account, make_email(sender="x@sub.acme.example")))


def test_mail_of_a_test_key_and_to_the_simulator_stays_in_the_mailbox(account: Account) -> None:
    taken(accept(account, make_email("ann@example.com"), key=make_key(account, is_test=True)))
    taken(accept(account, make_email("bounce+7@simulator.invalid", "bo@example.com")))
    stays = {row.recipient: row.to_mailbox for row in waiting(account)}
    assert stays == {"ann@example.com": True, "bounce+7@simulator.invalid": True, "bo@example.com": False}
    assert sorted(row.is_test for row in Email.objects.for_account(account)) == [False, True]


# ── The gate ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def suppress(account: Account, email: str, scope: str = "all") -> None:
    suppress_address(account.pk, email, reason=SuppressionReason.MANUAL, scope=scope, now=NOW)


@pytest.mark.parametrize(("scope", "stops"), [("all", True), ("transactional", True), ("marketing", False)])
def test_a_suppression_stops_what_it_is_for(account: Account, scope: str, stops: bool) -> None:
    suppress(account, "ann@example.com", scope)
    result = accept(account, make_email("Ann@example.com"))
    if stops:
        assert faults(result) == [("suppressed", "to[0]")]
    else:
        taken(result)


def test_a_refused_recipient_is_told_and_the_others_get_the_email(account: Account) -> None:
    suppress(account, "bo@example.com")
    contact = make_contact(account, "bo@example.com")
    result = taken(
        accept(account, make_email("bo@example.com", "ann@example.com", "suppressed+1@simulator.invalid"))
    )
    assert [(one.email, str(one.refused)) for one in result.recipients] == [
        ("bo@example.com", "suppressed"),
        ("ann@example.com", ""),
        ("suppressed+1@simulator.invalid", "suppressed"),
    ]
    assert [row.recipient for row in waiting(account)] == ["ann@example.com"]
    gone = Message.objects.for_account(account).get(recipient="bo@example.com")
    assert (gone.state, gone.id, gone.email_id, gone.stream) == (
        "suppressed",
        result.id,
        result.id,
        "transactional",
    )
    event = Event.objects.for_account(account).get(kind="message.suppressed", message_id=gone.id)
    assert (event.contact_id, event.data, event.source_kind) == (contact.id, {"reason": "suppressed"}, "api")
    assert sum(row.n for row in RollupHour.objects.for_account(account).filter(kind="suppressed")) == 2


def test_a_restricted_person_gets_nothing_also_under_an_address_that_was_merged(account: Account) -> None:
    kept = make_contact(account, "ann@example.com", state=ContactState.RESTRICTED)
    ContactAlias.objects.add(
        account,
        id=new_id(),
        contact_id=kept.id,
        email="old@example.com",
        email_key="old@example.com",
        merged_at=NOW,
    )
    assert faults(accept(account, make_email("ann@example.com"))) == [("suppressed", "to[0]")]
    assert faults(accept(account, make_email("old@example.com"))) == [("suppressed", "to[0]")]


def test_a_recipient_who_is_a_contact_is_known_by_it(account: Account) -> None:
    contact = make_contact(account, "dana@mail.example")
    taken(accept(account, make_email("Dana@mail.example", "ann@example.com")))
    assert {row.recipient: row.contact_id for row in waiting(account)} == {
        "Dana@mail.example": contact.id,
        "ann@example.com": None,
    }


def test_mail_on_a_topic_goes_to_those_alone_who_agreed(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account, "dana@mail.example")
    email = make_email("dana@mail.example", topic=topic.public_id)
    assert faults(accept(account, email)) == [("suppressed", "to[0]")]
    subscribe(contact, topic)
    taken(accept(account, email))
    (row,) = waiting(account)
    assert (row.topic_id, row.stream, row.priority) == (topic.pk, "marketing", 2)
    suppress(account, "dana@mail.example", "marketing")
    assert faults(accept(account, email)) == [("suppressed", "to[0]")]
    assert faults(accept(account, make_email("ann@example.com", topic=topic.public_id))) == [
        ("suppressed", "to[0]")
    ]
    two = make_email("dana@mail.example", "ann@example.com", topic=topic.public_id)
    assert faults(accept(account, two)) == [("topic_one_recipient", "to")]


def test_topics_and_streams_of_others_are_unknown(account: Account, other_account: Account) -> None:
    topic = make_topic(other_account)
    assert faults(accept(account, make_email(topic=topic.public_id))) == [("unknown_topic", "topic")]
    Stream.objects.add(other_account, key="receipts", name="Receipts")
    assert faults(accept(account, make_email(stream="receipts"))) == [("unknown_stream", "stream")]


def test_an_archived_stream_sends_nothing(account: Account) -> None:
    stream = Stream.objects.add(account, key="receipts", name="Receipts", tracks_opens=True)
    taken(accept(account, make_email(stream="receipts")))
    row = Email.objects.for_account(account).get()
    assert (row.stream, row.track_opens, row.track_clicks) == ("receipts", True, False)
    Stream.objects.for_account(account).filter(pk=stream.pk).update(archived_at=NOW)
    assert faults(accept(account, make_email(stream="receipts"))) == [("stream_archived", "stream")]


# ── Templates ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_template_is_filled_with_data_and_the_contact(account: Account) -> None:
    make_contact(account, "dana@mail.example", name="Dana Lee")
    template = make_template(
        account, kind="html", source="<p>Hi {{ contact.first_name }}, {{ order.total }} &amp; {{ note }}</p>"
    )
    data = {"name": "you", "order": {"total": 99}, "note": "<b>"}
    taken(accept(account, make_email("dana@mail.example", template=template.public_id, data=data)))
    assert "<p>Hi Dana, 99 &amp; &lt;b&gt;</p>" in body_of(account)["html"]
    row = Email.objects.for_account(account).get()
    assert (row.subject, row.template_uid) == ("Hello you", template.uid)


def test_a_template_is_found_by_its_name_and_used_as_it_is_now(account: Account) -> None:
    template = make_template(account)
    for _again in range(2):
        taken(accept(account, make_email(template="Welcome", data={"code": 1})))
    Template.objects.for_account(account).filter(pk=template.pk).update(source="New {{ code }}", version=2)
    result = taken(accept(account, make_email(template="Welcome", subject="Mine", data={"code": 2})))
    latest = Email.objects.for_account(account).get(id=result.id)
    assert latest.subject == "Mine"
    assert EmailBody.objects.for_account(account).get(id=latest.id).content["text"].strip() == "New 2"


def test_a_template_that_cannot_be_used_is_named(account: Account, other_account: Account) -> None:
    theirs = make_template(other_account, name="Theirs")
    assert faults(accept(account, make_email(template=theirs.public_id))) == [
        ("unknown_template", "template")
    ]
    assert faults(accept(account, make_email(template="Theirs"))) == [("unknown_template", "template")]
    old = make_template(account, archived_at=NOW)
    assert faults(accept(account, make_email(template=old.public_id))) == [("template_archived", "template")]
    make_template(account, name="Twice"), make_template(account, name="Twice")
    assert faults(accept(account, make_email(template="Twice"))) == [("template_ambiguous", "template")]
    make_template(account, name="Broken", source="{{ a | nothing_like_it }}")
    assert faults(accept(account, make_email(template="Broken"))) == [("template_failed", "template")]


def test_an_email_on_a_topic_always_has_a_way_out(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account, "dana@mail.example")
    subscribe(contact, topic)
    template = make_template(account, kind="html", source="<p>News</p>")
    taken(
        accept(
            account,
            make_email("dana@mail.example", template=template.public_id, topic=topic.public_id),
        )
    )
    assert "/u/" in body_of(account)["html"]


# ── One-time values ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_one_time_value_leaves_and_stays_nowhere(account: Account) -> None:
    make_template(account)
    data = {"name": "you", "code": OneTime(SECRET)}
    result = taken(
        accept(account, make_email("ann@example.com", "bo@example.com", template="Welcome", data=data))
    )
    assert PLACEHOLDER in body_of(account)["text"]
    assert Email.objects.for_account(account).get().one_time
    for row in waiting(account):
        assert SECRET in open_content(account.pk, row.id, bytes(row.one_time_sealed)).text
    assert len({bytes(row.one_time_sealed) for row in waiting(account)}) == 2
    assert result.recipients
    assert find_everywhere(SECRET) == []


def test_the_text_of_a_one_time_value_is_that_of_the_copy_that_leaves(account: Account) -> None:
    make_template(account, kind="html", source="<p>Your code is <b>{{ code }}</b>.</p>")
    taken(accept(account, make_email(template="Welcome", data={"code": OneTime(SECRET)})))
    (row,) = waiting(account)
    content = open_content(account.pk, row.id, bytes(row.one_time_sealed))
    assert (content.text, SECRET in content.html) == (f"Your code is {SECRET}.\n", True)
    assert body_of(account)["text"] == f"Your code is {PLACEHOLDER}.\n"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"text": "", "text_from_html": True}, "Hi {{ you }}\n"),
        ({"text": "Own", "text_from_html": True}, "Own"),
        ({"text": ""}, ""),
    ],
)
def test_a_text_is_made_from_the_html_where_that_was_asked_and_is_not_kept(
    account: Account, values: dict[str, Any], text: str
) -> None:
    taken(accept(account, make_email(html="<p>Hi {{ you }}</p>", **values)))
    content = body_of(account)
    assert content["text"] == values["text"]
    assert convert_texts(content).text == text
    (again,) = [resend_email(account.pk, row.email_id, by=None, now=NOW) for row in waiting(account)]
    kept = EmailBody.objects.for_account(account).get(id=taken(again).id)
    assert convert_texts(kept.content).text == text


def test_the_words_of_a_failing_template_do_not_tell_a_one_time_value(account: Account) -> None:
    make_template(
        account, source="{% if code == '[one-time value]' %}x{% else %}{{ code | divided_by: 0 }}{% endif %}"
    )
    result = accept(account, make_email(template="Welcome", data={"code": OneTime(SECRET)}))
    assert faults(result) == [("template_failed", "data")]
    assert SECRET not in repr(result)


def test_what_the_templates_of_a_batch_say_is_bounded(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "MOST_RENDERED", 25_000)
    make_template(account, source="{{ code }}" * 100)
    large = make_email(template="Welcome", data={"code": "x" * 100})
    plain = make_email(text="y" * 50_000)
    results = accept_all(account, [large, large, large, plain, large])
    assert [isinstance(one, AcceptedEmail) for one in results] == [True, True, False, True, False]
    assert faults(results[2]) == [("batch_too_large", "template")]
    assert "another request" in results[2].faults[0].text  # type: ignore[union-attr]
    assert Email.objects.for_account(account).count() == 3


def test_one_time_content_counts_for_each_recipient(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "MOST_RENDERED", 25_000)
    make_template(account, source="{{ code }}" * 100)
    data = {"code": OneTime("x" * 100)}
    one, two = (
        make_email(*names, template="Welcome", data=data)
        for names in (("a@m.example",), ("a@m.example", "b@m.example", "c@m.example"))
    )
    assert isinstance(accept(account, one), AcceptedEmail)
    assert faults(accept(account, two)) == [("batch_too_large", "template")]


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_file_is_kept_once_however_often_it_is_sent(account: Account) -> None:
    files = (
        NewAttachment("../logo.png", b"png", content_id="<logo>"),
        NewAttachment("letter.eml", b"eml", content_type="message/rfc822"),
    )
    for _again in range(2):
        taken(accept(account, make_email(attachments=files)))
    blobs = {bytes(one.data): one for one in Blob.objects.for_account(account)}
    assert blobs.keys() == {b"png", b"eml"}
    first = EmailBody.objects.for_account(account).order_by("id")[0].content["attachments"]
    assert first == [
        {
            "blob": str(blobs[b"png"].id),
            "filename": "logo.png",
            "content_type": "image/png",
            "content_id": "logo",
            "size": 3,
        },
        {
            "blob": str(blobs[b"eml"].id),
            "filename": "letter.eml",
            "content_type": "application/octet-stream",
            "content_id": "",
            "size": 3,
        },
    ]


def test_a_file_of_the_media_is_attached_by_its_id(account: Account, other_account: Account) -> None:
    blob = Blob.objects.add(
        account, id=new_id(), sha256=b"x" * 32, size_bytes=3, data=b"pdf", last_used_at=NOW
    )
    media = Media.objects.add(
        account, filename="Terms.pdf", content_type="application/pdf", size_bytes=3, blob_id=blob.id
    )
    email = make_email(attachments=(NewAttachment("", media=media.public_id),))
    taken(accept(account, email))
    (kept,) = body_of(account)["attachments"]
    assert (kept["blob"], kept["filename"], kept["content_type"]) == (
        str(blob.id),
        "Terms.pdf",
        "application/pdf",
    )
    add_verified_domain(other_account, with_keys=False)
    assert faults(accept(other_account, email)) == [("unknown_media", "attachments[0].media")]


# ── Whole messages ───────────────────────────────────────────────────────────────────────────────────────────────────
RAW = (
    b"From: =?utf-8?q?=C3=84nne?= <hello@acme.example>\r\nTo: Ann <ann@example.com>\r\nCc: bo@example.com\r\n"
    b"Subject: =?utf-8?b?SGVsbMO2?=\r\n there\r\nMessage-ID: <m1@acme.example>\r\n\r\nHi\r\n"
)


@pytest.mark.parametrize("asked", [True, False, None])
def test_a_whole_message_is_counted_where_it_or_its_stream_asks(account: Account, asked: bool | None) -> None:
    email = make_email("ann@example.com", raw=RAW, track_opens=asked, track_clicks=asked)
    taken(accept(account, email, source_kind=SourceKind.SMTP))
    row = Email.objects.for_account(account).get()
    assert (row.track_opens, row.track_clicks) == (bool(asked), bool(asked)), "the stream counts nothing"


def test_a_whole_message_is_kept_octet_by_octet(account: Account) -> None:
    email = make_email("ann@example.com", "bo@example.com", "cy@example.com", raw=RAW)
    result = taken(accept(account, email, source_kind=SourceKind.SMTP))
    assert [one.kind.value for one in result.recipients] == ["to", "cc", "bcc"]
    row = Email.objects.for_account(account).get()
    assert (row.from_name, row.subject, row.header_id) == ("Änne", "Hellö there", "m1@acme.example")
    assert (row.source_kind, row.recipients[0]["name"], row.size_bytes) == ("smtp", "Ann", len(RAW))
    body = EmailBody.objects.for_account(account).get()
    assert (body.kind, bytes(body.raw), body.content["separate"]) == ("raw", RAW, False)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"Subject: x\r\n\r\nHi", "bad_from"),
        (b"From: hello@acme.example\r\nFrom: x@y.example\r\n\r\nHi", "bad_from"),
        (b"From: hello@acme.example, x@y.example\r\n\r\nHi", "bad_from"),
        (b"From: " + b"(" * 5_000 + b"hello@acme.example\r\n\r\nHi", "bad_from"),
        (b"From: nobody\r\n\r\nHi", "bad_from"),
        (b"X: a\rFrom: x@y.example\r\nFrom: hello@acme.example\r\n\r\nHi", "bad_from"),
        (b"From: ceo@localhost, hello@acme.example\r\n\r\nHi", "bad_from"),
        (b"From: x@other.example\r\n\r\nHi", "sender_unverified"),
        (b"X: " + b"x" * 300_000, "bad_message"),
        (bytes(25 * 2**20 + 1), "too_large"),
    ],
)
def test_a_whole_message_that_cannot_be_sent_is_refused(account: Account, raw: bytes, code: str) -> None:
    assert [one for one, _field in faults(accept(account, make_email(raw=raw)))] == [code]


def test_a_whole_message_has_no_parts_beside_it(account: Account, alice: Member) -> None:
    assert faults(accept(account, make_email(raw=RAW, text="Hi"))) == [("two_contents", "raw")]


@pytest.mark.parametrize(
    "name", ["Smith, John", "a <b", 'the "best"', "back\\slash", "a@b", "(x)", "Ann Lee"]
)
def test_any_name_of_a_reply_address_is_read_back(account: Account, name: str) -> None:
    written = write_mailbox(name, "help@acme.example")
    taken(accept(account, make_email(reply_to=(written,))))
    (kept,) = Email.objects.for_account(account).get().reply_to
    assert split_mailbox(kept) == Mailbox(name, parse_address("help@acme.example"))
