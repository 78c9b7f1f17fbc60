"""An account with a verified domain, a stream that tracks, and API keys; printed as JSON.

    python -m tests.support.developer       {"account_id", "secret", "test_secret"}

A process of its own, because the tests' process is bound to another database.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Developer:
    """Who was made: the account's number, a key that may do everything, and one for tests."""

    account_id: int
    secret: str
    test_secret: str


def make_developer(environment: Mapping[str, str], dsn: str) -> Developer:
    """In the installation with this environment and database."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.support.developer"],
        env={**environment, "DATABASE_URL": dsn, "DJANGO_SETTINGS_MODULE": "dynamail.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return Developer(**json.loads(made.stdout))


def main() -> None:
    import django

    django.setup()
    from dynamail.accounts.api_keys import Scope, create_api_key
    from dynamail.accounts.creating import create_account
    from dynamail.accounts.models import Member, User
    from dynamail.accounts.tenancy import account_scope
    from dynamail.lib.clock import utc_now
    from dynamail.privacy.acceptance import accept_policy, find_unaccepted
    from tests.support.sending_domains import add_verified_domain

    now = utc_now()
    user = User.objects.create_user(f"developer-{now.timestamp()}@shop.example", name="Developer")
    account = create_account(user, name="Shop", now=now)
    for document in find_unaccepted(user, now=now):
        accept_policy(user, document, language="en", now=now)
    with account_scope(account):
        by = Member.objects.for_account(account).get(user=user)
        add_verified_domain(account, "shop.example")
        everything = [scope.value for scope in Scope]
        _, secret = create_api_key(account.pk, name="Shop", scopes=everything, by=by, now=now)
        _, test_secret = create_api_key(
            account.pk, name="Test", scopes=everything, by=by, now=now, is_test=True
        )
    sys.stdout.write(json.dumps({"account_id": account.pk, "secret": secret, "test_secret": test_secret}))


if __name__ == "__main__":
    main()
