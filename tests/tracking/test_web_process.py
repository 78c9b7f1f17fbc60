"""The web process as it runs: granian, one port, pages and hits beside each other, killed and started again."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Topic
from dynamail.consent.recording import find_subscriptions
from dynamail.contacts.models import Contact
from dynamail.events.models import Event
from dynamail.tracking.links import FrozenLink, freeze_links
from dynamail.tracking.tokens import ClickToken, LeaveToken, OpenToken, load_token_keys
from tests.support.people import make_contact, subscribe
from tests.tracking.conftest import counters

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
KEYS = load_token_keys(settings.SECRET_KEY)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36 Canary-7f3a/1.0"
PATIENCE_SECONDS = 60.0


class WebProcess:
    """`dynamail web` over the test database."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "web.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        self.port = find_free_port()
        environment = {
            **os.environ,
            "DATABASE_URL": database_dsn_url(),
            "DYNAMAIL_HOME": str(self.home),
            "DYNAMAIL_SECRET_KEY": settings.SECRET_KEY,
            "DYNAMAIL_LOG_LEVEL": "debug",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dynamail", "web", "--port", str(self.port)],
                env=environment,
                stdout=log,
                stderr=log,
            )
        wait_for(lambda: self.request("GET", "/readyz").status == 200, self)

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        wait_for(lambda: not is_port_open(self.port), self)  # the worker went with its parent
        return code

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
    ) -> http.client.HTTPResponse:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            client.request(method, path, body, {"User-Agent": CHROME, **(headers or {})})
            response = client.getresponse()
            response.read()
            return response
        finally:
            client.close()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_port_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def database_dsn_url() -> str:
    parameters = connection.get_connection_params()
    password = f":{parameters['password']}" if parameters.get("password") else ""
    host, port = parameters.get("host") or "127.0.0.1", parameters.get("port") or 5432
    if str(host).startswith("/"):
        return f"postgresql://{parameters['user']}{password}@/{parameters['dbname']}?host={host}&port={port}"
    return f"postgresql://{parameters['user']}{password}@{host}:{port}/{parameters['dbname']}"


def wait_for(fact: Callable[[], bool], web: WebProcess) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if fact():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"It did not happen. The process said:\n{web.log.read_text()[-4000:]}")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebProcess]:
    process = WebProcess(tmp_path)
    yield process
    if process.process is not None and process.process.poll() is None:
        process.end(signal.SIGKILL)


@pytest.fixture
def reader(account: Account, topic: Topic, campaign: Campaign) -> Contact:
    contact = make_contact(account)
    subscribe(contact, topic)
    freeze_links(account.pk, campaign.uid, [FrozenLink(1, "https://shop.example/spring", "Shop")])
    return contact


def count_text_in_database(text: str) -> int:
    """In how many rows, of all tables, does the text stand?"""
    found = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" AS row WHERE row::text LIKE %s', [f"%{text}%"])
            found += cursor.fetchone()[0]
    return found


@pytest.mark.promise("P2.1")
def test_clicks_pages_and_leaving_work_in_one_process_and_keep_no_trace_of_the_browser(
    web: WebProcess, account: Account, campaign: Campaign, topic: Topic, reader: Contact
) -> None:
    web.start()
    click = "/t/c/" + ClickToken(account.pk, campaign.uid, reader.id, 1).sign(KEYS)
    pixel = "/t/o/" + OpenToken(account.pk, campaign.uid, reader.id).sign(KEYS)
    leave = "/u/" + LeaveToken(account.pk, reader.id, topic.pk, campaign.uid).sign(KEYS)
    canary = {"X-Forwarded-For": "198.51.100.23", "Forwarded": "for=198.51.100.23"}

    answer = web.request("GET", click, canary)
    assert (answer.status, answer.headers["Location"]) == (302, "https://shop.example/spring")
    assert web.request("GET", pixel, canary).headers["Content-Type"] == "image/gif"
    assert web.request("GET", "/t/c/forged", canary).status == 404
    assert web.request("GET", leave, canary).status == 200
    assert web.request("GET", "/api/nothing", canary).status == 404
    wait_for(
        lambda: counters(account).get("unique_clicked") == 1 == counters(account).get("unique_opened"), web
    )

    form = {"Content-Type": "application/x-www-form-urlencoded", **canary}
    left = web.request("POST", leave, form, "List-Unsubscribe=One-Click")
    assert (left.status, left.headers["Set-Cookie"]) == (200, None)
    assert find_subscriptions(account.pk, reader.id)[topic.pk].state == "unsubscribed"
    web.request("GET", click, canary)
    assert web.end() == 0

    assert counters(account)["clicked"] == 1  # the last hit came after the person had left
    log = web.log.read_text()
    for trace in ("Canary-7f3a", "198.51.100.23"):
        assert trace not in log
        assert count_text_in_database(trace) == 0
    assert not list((web.home / "hits").iterdir())


def test_a_killed_process_loses_no_click_and_the_next_ships_it_once(
    web: WebProcess, account: Account, campaign: Campaign, reader: Contact
) -> None:
    web.start()
    click = "/t/c/" + ClickToken(account.pk, campaign.uid, reader.id, 1).sign(KEYS)
    assert web.request("GET", click).status == 302
    web.end(signal.SIGKILL)
    web.start()
    wait_for(lambda: counters(account).get("clicked", 0) >= 1, web)
    web.end()
    assert counters(account)["clicked"] == 1
    assert Event.objects.for_account(account).filter(kind="message.clicked").count() == 1
