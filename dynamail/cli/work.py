from __future__ import annotations

import argparse

from dynamail.cli.setup import start_django

HELP = "run background tasks and schedules"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--concurrency", type=int, default=5, help="tasks at once (default: 5)")
    parser.add_argument("--once", action="store_true", help="stop when no task is left")


def run(options: argparse.Namespace) -> int:
    start_django("dynamail_work")
    from procrastinate.contrib.django import app

    connector = app.connector.get_worker_connector()  # type: ignore[attr-defined]  # Django's connector has it
    with app.replace_connector(connector) as worker_app:
        worker_app.run_worker(
            concurrency=options.concurrency,
            wait=not options.once,
            delete_jobs="successful",
            install_signal_handlers=True,
        )
    return 0
