"""Single emails for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from dynamail.accounts.models import Account, ApiKey
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.asking import run_inquiry
from dynamail.messages.emails import accept_emails
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import AcceptResult, NewEmail, NewRecipient
from tests.support.personas import NOW


def make_email(*recipients: str | NewRecipient, **values: Any) -> NewEmail:
    """A plain email from hello@acme.example; `values` replace its fields."""
    people = [
        NewRecipient(one) if isinstance(one, str) else one for one in recipients or ("ann@example.com",)
    ]
    content = {} if values.keys() & {"template", "raw"} else {"subject": "Hello", "text": "Hi"}
    return NewEmail(
        **{"sender": "Acme <hello@acme.example>", "recipients": tuple(people), **content, **values}
    )


def accept_all(
    account: Account,
    emails: Sequence[NewEmail],
    *,
    key: ApiKey | None = None,
    source_kind: SourceKind = SourceKind.API,
    now: datetime = NOW,
) -> list[AcceptResult]:
    """As a door does it: inside the account, in one transaction."""
    with account_scope(account), connection.cursor() as cursor:
        inquiry = accept_emails(account.pk, emails, source_kind=source_kind, key=key, now=now)
        return run_inquiry(inquiry, cursor)


def accept(account: Account, email: NewEmail, **values: Any) -> AcceptResult:
    (result,) = accept_all(account, [email], **values)
    return result
