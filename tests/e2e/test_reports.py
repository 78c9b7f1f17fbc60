"""A bounce comes back by SMTP to the return-path of a message that was really sent."""

from __future__ import annotations

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.delivering import ROOT, Launchable, Order, Workplace, open_workplace
from tests.support.fake_mx import FakeMx
from tests.support.installation import find_free_port
from tests.support.reports import write_dsn

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

PEOPLE = [("ann@example.com", "Ann"), ("bob@example.com", "Bob")]


@contextmanager
def listening(place: Workplace) -> Iterator[int]:
    """The process `dynamail smtpd`; gives the port for reports."""
    port = find_free_port()
    settings = {
        "DYNAMAIL_CAPTURE_PORT": str(find_free_port()),
        "DYNAMAIL_REPORTS_PORT": str(port),
        "DYNAMAIL_SUBMISSION_PORT": "0",
        "DYNAMAIL_SUBMISSION_TLS_PORT": "0",
    }
    log = (place.home / "smtpd.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "dynamail", "smtpd"],
        env=place.environment | settings,
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
    )

    def answers() -> bool:
        try:
            smtplib.SMTP("127.0.0.1", port, timeout=5).quit()
        except OSError:
            assert process.poll() is None, (place.home / "smtpd.log").read_text()
            return False
        return True

    try:
        place.wait_until(answers)
        yield port
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def deliver(place: Workplace, mx: FakeMx) -> tuple[Launchable, dict[str, str]]:
    """Send a campaign; returns it with the return-path of each recipient."""
    campaign = place.prepare(Order(PEOPLE, relay=(mx.host, mx.port)))
    place.launch(campaign)
    place.run("dynamail", "deliver", "--once")
    assert place.count(campaign).delivered == len(PEOPLE)
    return campaign, {message.recipient: message.sender for message in mx.accepted}


def test_a_bounce_suppresses_its_recipient_and_a_forged_one_is_refused_at_once() -> None:
    with open_workplace() as place, FakeMx() as mx, listening(place) as port:
        campaign, return_paths = deliver(place, mx)
        to = return_paths["ann@example.com"]
        local, _, domain = to.partition("@")
        forged = f"{local[:-1]}{'b' if local[-1] == 'a' else 'a'}@{domain}"
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
                client.sendmail("", [forged], write_dsn(forged, "ann@example.com"))
            assert refusal.value.recipients[forged][0] == 550
            client.sendmail("", [to.upper()], write_dsn(to, "ann@example.com"))
            client.sendmail("", [to], write_dsn(to, "ann@example.com"))  # the sender did not see our answer
        suppressed = place.fetch("SELECT email, reason, source_kind FROM suppression")
        assert suppressed == [("ann@example.com", "hard_bounce", "message")]
        counted = dict(place.fetch("SELECT kind, n FROM rollup_hour WHERE kind LIKE 'returned%%'", []))
        assert counted == {"returned": 1, "returned_hard": 1}
        assert place.count(campaign).add_up
