from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.roles import Role
from dynamail.lib.clock import utc_now
from dynamail.privacy.acceptance import accept_policy, find_unaccepted

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


def make_user(email: str, **values: object) -> User:
    return User.objects.create_user(email, PASSWORD, **values)


def make_account(name: str = "Acme store", *, owner: User | None = None) -> Account:
    account = Account.objects.create(name=name, postal_address="Main street 1, Grodno")
    if owner is not None:
        make_member(account, owner, Role.OWNER)
    return account


def make_member(account: Account, user: User, role: str) -> Member:
    return Member.objects.add(account, user=user, role=role)


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice@acme.example", name="Alice")


@pytest.fixture
def account(alice: User) -> Account:
    return make_account("Acme store", owner=alice)


@pytest.fixture
def bob(account: Account) -> User:
    user = make_user("bob@acme.example", name="Bob")
    make_member(account, user, Role.MARKETER)
    return user


@pytest.fixture
def charlie(db: None) -> User:
    return make_user("charlie@other.example", name="Charlie")


@pytest.fixture
def other_account(charlie: User) -> Account:
    return make_account("Other shop", owner=charlie)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A client signed in as the user, who has accepted the policy in force."""

    def as_user(user: User) -> Client:
        for document in find_unaccepted(user, now=utc_now()):
            accept_policy(user, document, language="en", now=utc_now())
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return as_user
