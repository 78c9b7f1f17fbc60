from __future__ import annotations

import argparse

from dynamail.cli.setup import start_django

HELP = "send what waits: campaigns, single messages, retries"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--once", action="store_true", help="stop when nothing is due any more (tests, drills, benchmarks)"
    )


def run(options: argparse.Namespace) -> int:
    start_django("dynamail_work")
    from dynamail.delivery.worker import load_worker_settings, run_worker

    return run_worker(load_worker_settings(once=options.once))
