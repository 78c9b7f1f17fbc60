"""A new account and its first owner."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.roles import Role
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.mailbox_providers import OTHER, find_lane


@transaction.atomic
def create_account(user: User, *, name: str, now: datetime, timezone: str = "UTC") -> Account:
    """An account of that name with the user as its owner, chosen at the user's next page."""
    account = Account.objects.create(
        name=name[:150], timezone=timezone, language=user.language, created_at=now
    )
    with account_scope(account):
        owner = Member.objects.add(account, user=user, role=Role.OWNER, created_at=now)
        record_audit(account.pk, by=owner, action="account.created", subject=account)
    User.objects.filter(pk=user.pk).update(last_account_id=account.pk)
    user.last_account_id = account.pk
    return account


def suggest_account_name(email: str, *, company: str = "") -> str:
    """The company, else what the address says: "acme" of ann@mail.acme.example, "ann" at a public mailbox provider."""
    if company.strip():
        return company.strip()[:150]
    local, _, domain = email.rpartition("@")
    if is_public_mailbox(domain):
        return local[:150]
    labels = domain.split(".")
    return (labels[-2] if len(labels) > 1 else domain).capitalize()[:150]


def is_public_mailbox(domain: str) -> bool:
    """Does the domain belong to a provider where anyone gets a mailbox?"""
    return find_lane(domain.lower()) != OTHER
