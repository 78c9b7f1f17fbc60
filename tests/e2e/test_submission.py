"""Mail programs hand over messages by SMTP, workers deliver them, and the simulator plays those who receive."""

from __future__ import annotations

import shutil
import smtplib
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.developer import make_developer
from tests.support.installation import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]
PATIENCE = 60.0  # seconds; a test that waits longer has failed
NODE = Path(__file__).parents[1] / "interop" / "node"


@dataclass
class Shop:
    """An installation with one account, whose program sends."""

    installation: Installation
    account_id: int
    secret: str
    connection: psycopg.Connection[Any]

    def port(self, way: str) -> int:
        name = "DYNAMAIL_SUBMISSION_TLS_PORT" if way == "tls" else "DYNAMAIL_SUBMISSION_PORT"
        return int(self.installation.environment[name])

    def fetch(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement.encode(), parameters or None).fetchall()

    def wait_for(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows, as soon as there are any."""
        deadline = time.monotonic() + PATIENCE
        while not (rows := self.fetch(statement, *parameters)):
            assert time.monotonic() < deadline, (
                f"no rows: {statement}\n{self.installation.log.read_text()[-3000:]}"
            )
            time.sleep(0.05)
        return rows

    def send(self, *recipients: str, html: str = "", **headers: str) -> str:
        """By Python's own client; returns the id of the email."""
        message = EmailMessage()
        message["From"], message["Subject"] = "Shop <hello@shop.example>", "Your order"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content("Thank you")
        if html:
            message.add_alternative(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.port("starttls"), timeout=30) as client:
            client.starttls(context=trust_nobody())
            client.login("dynamail", self.secret)
            client.mail("app@shop.example")
            for recipient in recipients:
                client.rcpt(recipient)
            code, words = client.data(message.as_bytes(policy=SMTP))
        assert code == 250, words
        return words.decode().split()[-1]

    def state_of(self, recipient: str) -> str:
        return str(self.wait_for("SELECT state FROM message WHERE recipient = %s", recipient)[0][0])

    def wait_for_event(self, kind: str, recipient: str) -> dict[str, Any]:
        rows = self.wait_for(
            "SELECT data FROM event WHERE kind = %s AND message_id IN (SELECT id FROM message WHERE recipient = %s)",
            kind,
            recipient,
        )
        return dict(rows[0][0])


def trust_nobody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def shop(installation: Installation) -> Iterator[Shop]:
    dsn = installation.dsn
    developer = make_developer(installation.environment, dsn)
    with psycopg.connect(dsn, options="-c role=dynamail_work", autocommit=True) as connection:
        yield Shop(installation, developer.account_id, developer.secret, connection)


# ── Mail programs ────────────────────────────────────────────────────────────────────────────────────────────────────
def run(*command: str | Path, given: str = "", cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], input=given, capture_output=True, text=True, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def send_by_smtplib(shop: Shop, way: str, recipient: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Магазин <hello@shop.example>", recipient, "Заказ"
    message.set_content(".dot\n..dots\nТекст")
    if way == "tls":
        with smtplib.SMTP_SSL("127.0.0.1", shop.port(way), context=trust_nobody(), timeout=30) as client:
            client.login("dynamail", shop.secret)
            client.send_message(message)
    else:
        with smtplib.SMTP("127.0.0.1", shop.port(way), timeout=30) as client:
            client.starttls(context=trust_nobody())
            client.login("dynamail", shop.secret)
            client.send_message(message)


def send_by_swaks(shop: Shop, way: str, recipient: str) -> None:
    told = run(
        *("swaks", "--server", "127.0.0.1", "--port", str(shop.port(way))),
        *("--tls-on-connect" if way == "tls" else "--tls", "--auth", "LOGIN", "--auth-user", "any"),
        *("--auth-password", shop.secret, "--from", "hello@shop.example", "--to", recipient),
        *("--header", "X-DynaMail-Tag: swaks", "--body", "Hello"),
    )
    assert "250 2.0.0 OK eml_" in told


def send_by_msmtp(shop: Shop, way: str, recipient: str) -> None:
    run(
        *("msmtp", "--host=127.0.0.1", f"--port={shop.port(way)}", "--auth=plain", "--user=any", "--tls=on"),
        *(f"--tls-starttls={'off' if way == 'tls' else 'on'}", "--tls-certcheck=off"),
        *(f"--passwordeval=echo {shop.secret}", "--from=hello@shop.example", recipient),
        given=f"From: hello@shop.example\nTo: {recipient}\nSubject: Hi\n\n.dot\nHello\n",
    )


def send_by_nodemailer(shop: Shop, way: str, recipient: str) -> None:
    told = run("node", NODE / "submit.cjs", str(shop.port(way)), way, shop.secret, recipient)
    assert "250 2.0.0 OK eml_" in told


CLIENTS: dict[str, tuple[Callable[[Shop, str, str], None], bool]] = {
    "smtplib": (send_by_smtplib, True),
    "swaks": (send_by_swaks, shutil.which("swaks") is not None),
    "msmtp": (send_by_msmtp, shutil.which("msmtp") is not None),
    "nodemailer": (
        send_by_nodemailer,
        shutil.which("node") is not None and (NODE / "node_modules" / "nodemailer").exists(),
    ),
}


@pytest.mark.parametrize("way", ["starttls", "tls"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_mail_program_sends(shop: Shop, client: str, way: str) -> None:
    send, is_installed = CLIENTS[client]
    if not is_installed:
        pytest.skip(f"{client} is not installed")
    recipient = f"delivered+{client}-{way}@simulator.invalid"
    send(shop, way, recipient)
    assert shop.state_of(recipient) == "delivered"
    ((raw,),) = shop.fetch("SELECT raw FROM captured_message WHERE envelope_to = %s", recipient)
    assert b"X-DynaMail-Tag" not in bytes(raw)


# ── The simulator ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_bounce_is_told_and_the_address_goes_on_working(shop: Shop) -> None:
    recipient = "bounce-5.2.2+shop@simulator.invalid"
    shop.send(recipient)
    assert shop.state_of(recipient) == "bounced"
    told = shop.wait_for_event("message.bounced", recipient)
    assert told["code"] == 552
    shop.send(recipient)
    assert not shop.fetch("SELECT 1 FROM suppression WHERE email LIKE %s", "%simulator.invalid")


def test_a_deferred_message_is_delivered_at_the_next_attempt(shop: Shop) -> None:
    recipient = "defer-4.2.1@simulator.invalid"
    shop.send(recipient)
    shop.wait_for("SELECT 1 FROM outbox WHERE recipient = %s AND attempts = 1 AND worker IS NULL", recipient)
    shop.fetch(
        "WITH due AS (UPDATE outbox SET run_at = now() WHERE recipient = %s RETURNING 1)"
        " SELECT pg_notify('dynamail_outbox', '') FROM due",
        recipient,
    )
    assert shop.state_of(recipient) == "delivered"


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [
        ("late-bounce-5.1.1@simulator.invalid", "message.bounced"),
        ("complaint@simulator.invalid", "message.complained"),
    ],
)
def test_a_report_comes_back_and_suppresses_nobody(shop: Shop, recipient: str, kind: str) -> None:
    shop.send(recipient)
    assert shop.state_of(recipient) == "delivered"
    assert shop.wait_for_event(kind, recipient)
    assert not shop.fetch("SELECT 1 FROM suppression WHERE email LIKE %s", "%simulator.invalid")


@pytest.mark.parametrize(("player", "kind"), [("open", "message.opened"), ("click", "message.clicked")])
def test_a_tracked_message_is_opened_and_clicked(shop: Shop, player: str, kind: str) -> None:
    recipient = f"{player}+{kind}@simulator.invalid"
    answer = httpx.post(
        f"{shop.installation.url}/api/v1/emails",
        headers={"authorization": f"Bearer {shop.secret}"},
        json={
            "from": "hello@shop.example",
            "to": [recipient],
            "subject": "Look",
            "html": '<p><a href="https://shop.example/sale">Sale</a></p>',
            "track_opens": True,
            "track_clicks": True,
        },
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    assert shop.state_of(recipient) == "delivered"
    assert shop.wait_for_event(kind, recipient) is not None


@pytest.mark.parametrize(("player", "kind"), [("open", "message.opened"), ("click", "message.clicked")])
def test_a_message_of_a_mail_program_is_tracked_where_it_asks(shop: Shop, player: str, kind: str) -> None:
    recipient = f"{player}+raw@simulator.invalid"
    wanted = {f"X_DynaMail_Track_{what}": "yes" for what in ("Opens", "Clicks")}
    shop.send(recipient, html='<p><a href="https://shop.example/sale">Sale</a></p>', **wanted)
    assert shop.state_of(recipient) == "delivered"
    assert shop.wait_for_event(kind, recipient) is not None


def test_what_a_program_sent_is_in_the_log_of_requests(shop: Shop) -> None:
    shop.send("delivered+log@simulator.invalid")
    assert shop.wait_for(
        "SELECT 1 FROM api_request WHERE door = 'smtp' AND status = 250 AND (method, path) = ('SMTP', 'submission')"
    )


# ── Incoming mail ────────────────────────────────────────────────────────────────────────────────────────────────────
def make_address(shop: Shop, name: str) -> str:
    answer = httpx.post(
        f"{shop.installation.url}/api/v1/inbound/addresses",
        headers={"authorization": f"Bearer {shop.secret}"},
        json={"name": name},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["address"])


def test_a_played_answer_is_matched_with_the_message_that_it_answers(shop: Shop) -> None:
    address = make_address(shop, "answers")
    recipient = "reply+7@simulator.invalid"
    shop.send(recipient, Reply_To=f"Help <{address}>")
    told = shop.wait_for_event("message.replied", recipient)
    assert (told["from"], told["to"], told["subject"]) == (recipient, address, "Re: Your order")


def test_a_strangers_letter_is_taken_by_smtp_and_a_wrong_address_is_refused(shop: Shop) -> None:
    address = make_address(shop, "letters")
    port = int(shop.installation.environment["DYNAMAIL_REPORTS_PORT"])
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(
                "ann@example.com", ["nobody@" + address.partition("@")[2]], "Subject: x\r\n\r\nHi"
            )
        client.sendmail("ann@example.com", [address], "From: ann@example.com\r\nSubject: Hello\r\n\r\nHi")
    rows = shop.wait_for(
        "SELECT from_email, subject, size_bytes FROM received_message WHERE envelope_to = %s", address
    )
    assert rows[0][:2] == ("ann@example.com", "Hello")
