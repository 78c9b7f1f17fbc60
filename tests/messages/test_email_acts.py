from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dynamail.accounts.models import Account, AuditEntry, Member, User
from dynamail.accounts.tenancy import account_scope
from dynamail.content.models import Blob, Template
from dynamail.events.models import Event, RollupHour
from dynamail.lib.ids import new_id
from dynamail.messages.email_acts import EmailActError, cancel_email, reschedule_email, resend_email
from dynamail.messages.models import Email, EmailBody, Message, Outbox, SourceKind
from dynamail.messages.new_email import AcceptedEmail, NewAttachment, NewRecipient, OneTime, RecipientKind
from tests.support.emails import accept, make_email
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW
from tests.support.sending_domains import add_verified_domain
from tests.support.single_mail import WAITING, Copy, add_email

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def domain(account: Account) -> None:
    add_verified_domain(account, with_keys=False)


@pytest.fixture
def owner(account: Account, alice: User) -> Member:
    member: Member = Member.objects.for_account(account).get(user=alice)
    return member


def send(account: Account, *people: Any, **values: Any) -> AcceptedEmail:
    result = accept(account, make_email(*people, **values))
    assert isinstance(result, AcceptedEmail), result
    return result


def waiting(account: Account) -> list[Outbox]:
    return list(Outbox.objects.for_account(account).order_by("recipient"))


def fails(code: str) -> Any:
    return pytest.raises(EmailActError, check=lambda error: error.code == code)


def test_copies_that_wait_are_canceled_and_those_that_a_worker_holds_are_sent(
    account: Account, owner: Member
) -> None:
    email = send(account, "ann@example.com", "bo@example.com", send_at=LATER)
    held = Outbox.objects.for_account(account).get(recipient="bo@example.com")
    Outbox.objects.for_account(account).filter(id=held.id).update(worker=new_id())
    with account_scope(account):
        assert cancel_email(account.pk, email.id, by=owner, now=NOW) == 1
    assert [row.id for row in waiting(account)] == [held.id]
    gone = Message.objects.for_account(account).get()
    assert (gone.state, gone.recipient, gone.email_id) == ("canceled", "ann@example.com", email.id)
    assert Event.objects.for_account(account).get(kind="message.canceled").message_id == gone.id
    assert RollupHour.objects.for_account(account).get(kind="canceled").n == 1
    assert AuditEntry.objects.for_account(account).filter(action="email.canceled").exists()
    assert cancel_email(account.pk, email.id, by=owner, now=NOW) == 0
    assert AuditEntry.objects.for_account(account).filter(action="email.canceled").count() == 1


def test_an_email_of_another_account_cannot_be_touched(
    account: Account, other_account: Account, owner: Member
) -> None:
    email = send(account)
    with fails("unknown_email"):
        cancel_email(other_account.pk, email.id, by=None, now=NOW)
    with fails("unknown_email"):
        reschedule_email(other_account.pk, email.id, send_at=LATER, by=None, now=NOW)
    with fails("unknown_email"):
        resend_email(other_account.pk, email.id, by=None, now=NOW)
    assert len(waiting(account)) == 1


def test_copies_that_wait_are_moved(account: Account, owner: Member) -> None:
    email = send(account, send_at=LATER)
    with account_scope(account):
        assert reschedule_email(account.pk, email.id, send_at=LATER, by=owner, now=NOW) == 1
        at = LATER + timedelta(days=3)
        assert reschedule_email(account.pk, email.id, send_at=at, by=owner, now=NOW) == 1
    (row,) = waiting(account)
    assert (row.run_at, row.created_at) == (at, at)
    reschedule_email(account.pk, email.id, send_at=NOW - timedelta(days=1), by=owner, now=NOW)
    assert waiting(account)[0].run_at == NOW
    with fails("too_far_ahead"):
        reschedule_email(account.pk, email.id, send_at=NOW + timedelta(days=31), by=owner, now=NOW)
    Outbox.objects.for_account(account).delete()
    with fails("nothing_waits"):
        reschedule_email(account.pk, email.id, send_at=LATER, by=owner, now=NOW)


@pytest.mark.parametrize(
    ("states", "word"),
    [
        (["delivered"], "was delivered already"),
        (["bounced"], "refused by the other server"),
        (["expired"], "time of this email is up"),
        (["unknown"], "connection ended"),
        (["suppressed", "suppressed"], "must not be mailed"),
        (["delivered", "suppressed"], "Its log tells"),
        ([WAITING], "is being sent at this moment"),
        ([WAITING, "delivered"], "is being sent at this moment"),
    ],
)
def test_what_ended_says_how_when_it_is_to_be_changed(
    account: Account, owner: Member, states: list[str], word: str
) -> None:
    copies = [Copy(f"{number}@example.com", state) for number, state in enumerate(states)]
    email = add_email(account.pk, *copies, at=NOW)
    Outbox.objects.for_account(account).update(worker=new_id())
    with pytest.raises(EmailActError, match=word, check=lambda error: error.code == "nothing_waits"):
        cancel_email(account.pk, email.id, by=owner, now=NOW)
    with pytest.raises(EmailActError, match=word, check=lambda error: error.code == "nothing_waits"):
        reschedule_email(account.pk, email.id, send_at=LATER, by=owner, now=NOW)


def test_a_canceled_email_is_canceled_again_without_error_and_cannot_be_moved(
    account: Account, owner: Member
) -> None:
    gone = add_email(account.pk, Copy("ann@example.com", "canceled"), at=NOW)
    half = add_email(
        account.pk, Copy("bo@example.com", "canceled"), Copy("cy@example.com", "delivered"), at=NOW
    )
    for email, word in ((gone, "was canceled already"), (half, "Its log tells")):
        assert cancel_email(account.pk, email.id, by=owner, now=NOW) == 0
        with pytest.raises(EmailActError, match=word):
            reschedule_email(account.pk, email.id, send_at=LATER, by=owner, now=NOW)
    assert not AuditEntry.objects.for_account(account).exists()


def test_an_email_is_sent_again_as_it_was(account: Account, owner: Member) -> None:
    people = (
        NewRecipient('"Lee, Ann" <ann@example.com>'),
        NewRecipient("bo@example.com", kind=RecipientKind.BCC),
    )
    first = send(
        account,
        *people,
        sender='"Acme, Inc." <hello@acme.example>',
        html="<p>Hi</p>",
        headers=(("X-Order", "17"),),
        attachments=(NewAttachment("a.txt", b"text", content_id="a"),),
        tags=("order",),
        metadata={"order": "17"},
        reply_to=("Help <help@acme.example>",),
        separate=True,
    )
    with account_scope(account):
        again = resend_email(account.pk, first.id, by=owner, now=LATER)
    assert isinstance(again, AcceptedEmail)
    old, new = (Email.objects.for_account(account).get(id=one.id) for one in (first, again))
    same = ("from_email", "from_name", "reply_to", "subject", "tags", "metadata", "stream", "size_bytes")
    assert [getattr(old, name) for name in same] == [getattr(new, name) for name in same]
    assert [one["email"] for one in new.recipients] == ["ann@example.com", "bo@example.com"]
    assert new.recipients[0]["name"] == "Lee, Ann"
    bodies = [EmailBody.objects.for_account(account).get(id=one.id).content for one in (first, again)]
    assert bodies[0] == bodies[1]


def test_a_whole_message_and_mail_on_a_topic_are_sent_again(account: Account, owner: Member) -> None:
    raw = b"From: hello@acme.example\r\nTo: ann@example.com\r\nSubject: x\r\n\r\nHi\r\n"
    first = send(account, raw=raw)
    topic, dana = make_topic(account), make_contact(account, "dana@mail.example")
    subscribe(dana, topic)
    second = send(account, "dana@mail.example", topic=topic.public_id)
    for email in (first, second):
        assert isinstance(resend_email(account.pk, email.id, by=owner, now=LATER), AcceptedEmail)
    assert [row.topic_id for row in waiting(account)] == [None, None, topic.pk, topic.pk]
    assert {bytes(body.raw) for body in EmailBody.objects.for_account(account).filter(kind="raw")} == {raw}


def test_mail_of_a_test_key_stays_mail_of_a_test(account: Account, owner: Member) -> None:
    email = send(account)
    Email.objects.for_account(account).update(is_test=True)
    resend_email(account.pk, email.id, by=owner, now=LATER)
    assert sorted(row.to_mailbox for row in waiting(account)) == [False, True]


def test_what_is_not_kept_is_not_sent_again(account: Account, owner: Member) -> None:
    Template.objects.add(account, name="Code", kind="text", subject="x", source="{{ code }}", updated_at=NOW)
    secret = send(account, template="Code", data={"code": OneTime("48151623")})
    with fails("had_one_time_values"):
        resend_email(account.pk, secret.id, by=owner, now=LATER)
    email = send(account, attachments=(NewAttachment("a.txt", b"text"),))
    Blob.objects.for_account(account).delete()
    with fails("body_gone"):
        resend_email(account.pk, email.id, by=owner, now=LATER)
    EmailBody.objects.for_account(account).delete()
    with fails("body_gone"):
        resend_email(account.pk, email.id, by=owner, now=LATER)


def test_a_whole_message_is_sent_again_under_an_id_of_its_own(account: Account, owner: Member) -> None:
    raw = b"From: hello@acme.example\r\nMessage-ID:\r\n <order-17@acme.example>\r\nSubject: x\r\n\r\nHi\r\n"
    first = accept(account, make_email(raw=raw), source_kind=SourceKind.SMTP)
    assert isinstance(first, AcceptedEmail)
    with account_scope(account):
        again = resend_email(account.pk, first.id, by=owner, now=NOW)
    assert isinstance(again, AcceptedEmail)
    ids = dict(Email.objects.for_account(account).values_list("id", "header_id"))
    assert ids == {first.id: "order-17@acme.example", again.id: ""}
    kept = EmailBody.objects.for_account(account).get(id=again.id)
    assert bytes(kept.raw) == b"From: hello@acme.example\r\nSubject: x\r\n\r\nHi\r\n"
