from __future__ import annotations

import pytest

from dynamail.accounts.models import Account
from dynamail.messages.models import Email, EmailBody, Outbox
from dynamail.messages.new_email import AcceptedEmail
from tests.support.emails import accept, make_email
from tests.support.personas import NOW
from tests.support.sending_domains import add_verified_domain

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def domain(account: Account) -> None:
    add_verified_domain(account)


def test_an_email_waits_with_its_recipients_and_its_content(account: Account) -> None:
    accepted = accept(
        account, make_email("Ann Lee <ann@example.com>", subject="Your order", html="<p>Hi</p>", text="Hi")
    )
    assert isinstance(accepted, AcceptedEmail)
    email = Email.objects.for_account(account).get()
    body = EmailBody.objects.for_account(account).get()
    row = Outbox.objects.for_account(account).get()
    assert (email.id, body.id, row.email_id) == (accepted.id,) * 3
    assert row.id == accepted.id == accepted.recipients[0].message_id
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
    assert row.source_kind == "api"
