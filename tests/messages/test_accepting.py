from __future__ import annotations

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import connections, transaction

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.ids import new_id
from dynamail.messages.accepting import SYSTEM_ACCOUNT, Content, MessageRefused, accept_message
from dynamail.messages.models import Outbox, SourceKind
from dynamail.messages.system_mail import SystemMailBackend
from dynamail.protocols.address import AddressError
from dynamail.protocols.mime import HeaderError
from tests.support.personas import NOW

HELLO = Content("news@acme.example", "Hello", text="Hi", headers=(("X-Order", "17"),))


def accept(account: Account, **values: object) -> object:
    parameters = {
        "source_kind": SourceKind.TEST,
        "recipient": "ann@example.com",
        "content": HELLO,
        "now": NOW,
    }
    return accept_message(account.pk, **(parameters | values))


def waiting(account_id: int) -> list[Outbox]:
    return list(Outbox.objects.for_account(account_id).order_by("recipient"))


def test_an_accepted_message_waits_with_its_content(account: Account) -> None:
    message_id = accept(account)
    row = waiting(account.pk)[0]
    assert row.id == message_id
    assert (row.recipient, row.priority, row.payload["subject"]) == ("ann@example.com", 0, "Hello")
    assert row.payload["headers"] == [["X-Order", "17"]]


def test_the_same_id_makes_one_message(account: Account) -> None:
    message_id = new_id(NOW)
    accept(account, message_id=message_id)
    accept(account, message_id=message_id)
    assert len(waiting(account.pk)) == 1


def test_a_rolled_back_transaction_leaves_no_message(account: Account) -> None:
    with transaction.atomic():
        accept(account)
        transaction.set_rollback(True)
    assert waiting(account.pk) == []


def test_a_suppressed_address_is_refused_with_a_sentence(account: Account) -> None:
    suppress_address(account.pk, "ann@example.com", reason=SuppressionReason.COMPLAINT, now=NOW)
    with pytest.raises(MessageRefused, match="suppressed"):
        accept(account)


@pytest.mark.parametrize("recipient", ["", "ann", "ann@example.com\r\nBcc: x@example.com", "a b@example.com"])
def test_a_bad_address_is_refused(account: Account, recipient: str) -> None:
    with pytest.raises(AddressError):
        accept(account, recipient=recipient)


def test_a_line_break_in_a_header_is_refused(account: Account) -> None:
    with pytest.raises(HeaderError):
        accept(account, content=Content("news@acme.example", "Hello\r\nBcc: x@example.com"))


def test_system_mail_waits_under_account_zero(db: None) -> None:
    message = EmailMultiAlternatives(
        "Verify\n your address", "Text", "DynaMail <no-reply@example.com>", ["Ann <a@example.com>"]
    )
    message.attach_alternative("<p>HTML</p>", "text/html")
    assert SystemMailBackend().send_messages([message]) == 1
    row = waiting(SYSTEM_ACCOUNT)[0]
    assert (row.recipient, row.source_kind) == ("a@example.com", "system")
    assert (row.payload["subject"], row.payload["html"]) == ("Verify your address", "<p>HTML</p>")
    assert (row.payload["from_name"], row.payload["from_email"]) == ("DynaMail", "no-reply@example.com")


def test_system_mail_is_accepted_in_the_middle_of_an_accounts_work(account: Account) -> None:
    with account_scope(account):
        SystemMailBackend().send_messages(
            [EmailMessage("Hi", "Text", "no-reply@example.com", ["a@example.com"])]
        )
        assert waiting(account.pk) == []
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT current_setting('dynamail.account_id')")
            assert cursor.fetchone()[0] == str(account.pk)
    assert len(waiting(SYSTEM_ACCOUNT)) == 1


def test_system_mail_with_an_attachment_is_refused(db: None) -> None:
    message = EmailMessage("Hi", "Text", "no-reply@example.com", ["a@example.com"])
    message.attach("a.txt", "x")
    with pytest.raises(ValueError, match="no attachments"):
        SystemMailBackend().send_messages([message])
