"""The demo account: realistic contacts and one campaign that really went out, into the Mailbox.

Everything is made by the same verbs that the pages use. The addresses end in `.example` (RFC 2606), so that no stranger gets
mail when somebody chooses a relay later. Opens and clicks are real requests to this installation's own tracking endpoints.
"""

from __future__ import annotations

import argparse
import secrets
import time
from pathlib import Path

from dynamail.cli.setup import start_django

HELP = "create the demo account in an empty database"
WAIT_SECONDS = 120
DEMO_EMAIL = "demo@acme.example"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for web and deliver, then let the demo's readers open and click",
    )


def run(options: argparse.Namespace) -> int:
    start_django("login")
    from django.conf import settings

    from dynamail.accounts.models import User
    from dynamail.cli.demo_story import make_demo_account, play_readers

    note = Path(settings.DYNAMAIL_HOME) / "demo_sign_in"
    if User.objects.exists():
        _greet(settings.PUBLIC_URL, note)
        return 0
    password = secrets.token_urlsafe(9)
    campaign = make_demo_account(DEMO_EMAIL, password)
    note.touch(mode=0o600)
    note.write_text(f"{DEMO_EMAIL}\n{password}\n", encoding="utf-8")
    _greet(settings.PUBLIC_URL, note)
    if options.wait:
        play_readers(campaign, deadline=time.monotonic() + WAIT_SECONDS)
    return 0


def _greet(url: str, note: Path) -> None:
    lines = [f"DynaMail answers at {url}"]
    if note.is_file():
        email, password = note.read_text(encoding="utf-8").split()
        lines += [f"Sign in as {email} with the password {password}"]
        lines += [f"Mail that this installation sends by itself: {url}/mailbox/system/"]
    print("\n".join(f"dynamail: {line}" for line in lines), flush=True)
