from __future__ import annotations

import argparse
import asyncio
import sys

from dynamail.cli.setup import start_django

HELP = "receive mail: the Mailbox's listener on loopback"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="port of the Mailbox (default: DYNAMAIL_CAPTURE_PORT)")


def run(options: argparse.Namespace) -> int:
    start_django("dynamail_work")
    from django.conf import settings

    from dynamail.smtpd.capture import listen

    port = options.port or settings.CAPTURE_PORT
    try:
        asyncio.run(listen(settings.DSN, host="127.0.0.1", port=port))
    except OSError as error:
        print(
            f"dynamail: the Mailbox cannot listen on 127.0.0.1:{port} ({error}). Set DYNAMAIL_CAPTURE_PORT.",
            file=sys.stderr,
        )
        return 1
    return 0
