from __future__ import annotations

import argparse
import asyncio
import sys

from dynamail.cli.setup import start_django

HELP = "receive mail: from programs that send, for the Mailbox, and bounces, complaints and replies"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="port of the Mailbox (default: DYNAMAIL_CAPTURE_PORT)")
    parser.add_argument(
        "--reports-port", type=int, help="port for reports (default: DYNAMAIL_REPORTS_PORT; 0: none)"
    )


def run(options: argparse.Namespace) -> int:
    start_django("dynamail_work")
    from django.conf import settings

    from dynamail.smtpd.listening import CannotListen, Listeners, SubmissionPorts, listen

    reports_port = settings.REPORTS_PORT if options.reports_port is None else options.reports_port
    submission = SubmissionPorts(
        settings.SUBMISSION_HOST,
        settings.SUBMISSION_PORT,
        settings.SUBMISSION_TLS_PORT,
        settings.SUBMISSION_CERTIFICATE,
        settings.SUBMISSION_CERTIFICATE_KEY,
        settings.DYNAMAIL_HOME,
    )
    capture_port = options.port or settings.CAPTURE_PORT
    listeners = Listeners("127.0.0.1", capture_port, settings.REPORTS_HOST, reports_port, submission)
    try:
        asyncio.run(listen(settings.DSN, listeners))
    except CannotListen as error:
        print(f"dynamail: {error}", file=sys.stderr)
        return 1
    return 0
