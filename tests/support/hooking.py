"""Webhooks in a workplace (delivering.py): an account with an endpoint, events that happen, the worker that tells them, and a sink.

with start_hook_sink() as sink, open_workplace(DYNAMAIL_EGRESS_ALLOWED=sink.address) as place:
    shop = make_shop(place, sink)
    happen(place, shop, 100)
    worker = start_work(place)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.delivering import ROOT, Worker, Workplace

PREPARE = """
import sys
from dynamail.cli.setup import start_django
start_django("login")
from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.clock import utc_now
from dynamail.webhooks.endpoints import EndpointSettings, create_endpoint
user, account = User.objects.create_user("ann@shop.example", "irrelevant here"), Account.objects.create(name="Shop")
with account_scope(account.pk):
    member = Member.objects.add(account.pk, user=user, role="owner")
    create_endpoint(account.pk, EndpointSettings(sys.argv[1], ("*",)), authorized=True, by=member, now=utc_now())
print(account.pk)
"""
HAPPEN = """
import sys
from dynamail.cli.setup import start_django
start_django("login")
from django.db import transaction
from dynamail.accounts.tenancy import account_scope
from dynamail.events.log import record_event
from dynamail.lib.clock import utc_now
account_id, count = int(sys.argv[1]), int(sys.argv[2])
with account_scope(account_id), transaction.atomic():
    for number in range(count):
        record_event(account_id, "campaign.launched", now=utc_now(), data={"recipients": number})
"""


@dataclass(frozen=True)
class Arrival:
    webhook_id: str
    at: float  # seconds of the monotonic clock


@dataclass(frozen=True)
class HookSinkProcess:
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/hook"

    def count(self) -> int:
        return self.log.read_bytes().count(b"\n")

    def list_arrivals(self) -> list[Arrival]:
        """In their order."""
        pairs = (line.split() for line in self.log.read_text().splitlines())
        return [Arrival(webhook_id, float(at)) for webhook_id, at in pairs]


@contextmanager
def start_hook_sink() -> Iterator[HookSinkProcess]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "arrivals"
        log.touch()
        command = [sys.executable, "-m", "tests.support.hook_sink", "--log", str(log)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                yield HookSinkProcess(int(process.stdout.readline()), log)
            finally:
                process.terminate()


def make_shop(place: Workplace, sink: HookSinkProcess) -> int:
    """An account whose endpoint gets all events. Returns its id."""
    return int(_run(place, PREPARE, sink.url).split()[-1])


def happen(place: Workplace, account_id: int, count: int) -> None:
    """So many events, in one transaction."""
    _run(place, HAPPEN, str(account_id), str(count))


def start_work(place: Workplace) -> Worker:
    """`dynamail work`."""
    log = place.home / f"work-{len(place.workers)}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dynamail", "work"],
            env=place.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    worker = Worker(process, log)
    place.workers.append(worker)
    return worker


def _run(place: Workplace, program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=place.environment | {"PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout
