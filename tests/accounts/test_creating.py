from __future__ import annotations

import pytest

from dynamail.accounts.creating import create_account, suggest_account_name
from dynamail.accounts.members import find_member
from dynamail.accounts.models import AuditEntry, User
from dynamail.accounts.roles import Role
from dynamail.accounts.tenancy import user_scope
from tests.support.personas import NOW


def test_who_creates_an_account_owns_it(alice: User) -> None:
    account = create_account(alice, name="Acme", now=NOW)
    with user_scope(alice.pk):
        member = find_member(alice, account_id=account.pk)
    assert member is not None
    assert member.role == Role.OWNER
    assert AuditEntry.objects.for_account(account).get().action == "account.created"
    alice.refresh_from_db()
    assert alice.last_account_id == account.pk


@pytest.mark.parametrize(
    ("email", "company", "name"),
    [
        ("ann@acme.example", "", "Acme"),
        ("ann@mail.acme.example", "", "Acme"),
        ("ann@gmail.com", "", "ann"),
        ("ann@Mail.ru", "", "ann"),
        ("ann@localhost", "", "Localhost"),
        ("ann@acme.example", "  Flowers & Co ", "Flowers & Co"),
    ],
)
def test_an_account_is_named_by_the_company_else_by_the_address(email: str, company: str, name: str) -> None:
    assert suggest_account_name(email, company=company) == name
