from __future__ import annotations

import argparse

from dynamail.cli.setup import start_django

HELP = "run a Django management command (developers)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="the command and its arguments")


def run(options: argparse.Namespace) -> int:
    start_django("login")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["dynamail django", *options.rest])
    return 0
