"""The `dynamail` command. Each subcommand is a module in `cli/` with `HELP`, `add_arguments(parser)` and `run(options)`."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from dynamail.lib.environment import BadSetting

COMMANDS = ("up", "web", "work", "deliver", "smtpd", "db", "demo", "doctor", "account", "openapi", "django")


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit code. A wrong setting is printed as one sentence and a hint."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    parser = argparse.ArgumentParser(prog="dynamail", description="Email campaigns and transactional email.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules = {name: import_module(f"dynamail.cli.{name}") for name in COMMANDS}
    for name, module in modules.items():
        module.add_arguments(subparsers.add_parser(name, help=module.HELP, description=module.HELP))
    options = parser.parse_args(arguments)
    try:
        return modules[options.command].run(options)
    except BadSetting as problem:
        print(f"dynamail: {problem}", file=sys.stderr)  # noqa: T201 - the command's own output
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
