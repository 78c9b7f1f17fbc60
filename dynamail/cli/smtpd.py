from __future__ import annotations

import argparse
import asyncio
import sys

from dynamail.cli.setup import start_django

HELP = "receive mail: the Mailbox's listener on loopback, and the one for bounces and complaints"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="port of the Mailbox (default: DYNAMAIL_CAPTURE_PORT)")
    parser.add_argument(
        "--reports-port", type=int, help="port for reports (default: DYNAMAIL_REPORTS_PORT; 0: none)"
    )


def run(options: argparse.Namespace) -> int:
    start_django("dynamail_work")
    from django.conf import settings

    from dynamail.smtpd.listening import CannotListen, Listeners, listen

    reports_port = settings.REPORTS_PORT if options.reports_port is None else options.reports_port
    listeners = Listeners(
        "127.0.0.1", options.port or settings.CAPTURE_PORT, settings.REPORTS_HOST, reports_port
    )
    try:
        asyncio.run(listen(settings.DSN, listeners))
    except CannotListen as error:
        print(f"dynamail: {error}", file=sys.stderr)
        return 1
    return 0
