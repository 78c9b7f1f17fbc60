"""A web process as it runs (granian, over a database of its own), and a shop that sends through it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from dynamail.accounts.api_keys import Scope
from dynamail.messages.models import Email, EmailBody, Outbox
from tests.api.conftest import Shop, committed_database, shop, shops
from tests.support.installation import find_free_port
from tests.support.scratch_database import process_environment, replace_database
from tests.support.sending_domains import add_verified_domain

__all__ = ["committed_database", "shop", "shops"]

PATIENCE_SECONDS = 60.0  # patience, not a measurement


@pytest.fixture(scope="session")
def server(committed_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running server."""
    home, port = tmp_path_factory.mktemp("server"), find_free_port()
    url = replace_database(os.environ["DATABASE_URL"], committed_database)
    environment = process_environment(
        url, DYNAMAIL_HOME=str(home), DYNAMAIL_SECRET_KEY=settings.SECRET_KEY, DYNAMAIL_LOG_LEVEL="info"
    )
    command = [sys.executable, "-m", "dynamail", "web", "--port", str(port)]
    with (home / "web.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{port}"
        _wait_for(f"{base}/readyz", process, home / "web.log")
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


@dataclass(frozen=True)
class Sent:
    """An email as it is kept, and who waits for it."""

    email: Email
    body: EmailBody
    waiting: list[Outbox]


@dataclass(frozen=True)
class Live:
    """A shop with a verified domain whose programs call a running server."""

    url: str
    shop: Shop
    key: str

    @property
    def sent(self) -> list[Sent]:
        """All emails of the account, the oldest first; those of one request in no order."""
        account = self.shop.account
        return [
            Sent(
                email,
                EmailBody.objects.for_account(account).get(id=email.id),
                list(Outbox.objects.for_account(account).filter(email_id=email.id).order_by("id")),
            )
            for email in Email.objects.for_account(account).order_by("id")
        ]


@pytest.fixture
def domain(shop: Shop) -> None:
    add_verified_domain(shop.account, with_keys=False)


@pytest.fixture
def live(server: str, shop: Shop, domain: None) -> Live:
    return Live(server, shop, shop.make_key(Scope.SEND_MESSAGES, Scope.READ_MESSAGES))


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError(f"The server did not start:\n{log.read_text()}")
