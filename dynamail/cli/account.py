"""Accounts, for who operates this installation."""

from __future__ import annotations

import argparse
import sys

from dynamail.cli.setup import start_django

HELP = "list accounts and limit how many messages they may send"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="print every account with its limits")
    limit = actions.add_parser(
        "limit", help="set how many messages an account may send over all its transports"
    )
    limit.add_argument("account", help="its id, such as acc_…, as `dynamail account list` prints it")
    limit.add_argument("--per-hour", type=_read_limit, required=True, metavar="N", help="a number, or none")
    limit.add_argument("--per-day", type=_read_limit, required=True, metavar="N", help="a number, or none")


def run(options: argparse.Namespace) -> int:
    start_django("login")
    return {"list": _list, "limit": _limit}[options.action](options)


def _list(_: argparse.Namespace) -> int:
    from dynamail.accounts.models import Account

    for account in Account.objects.order_by("name", "pk"):
        limits = f"{_write(account.messages_per_hour)} per hour, {_write(account.messages_per_day)} per day"
        print(f"{account.public_id}  {account.name}: {limits}")
    return 0


def _limit(options: argparse.Namespace) -> int:
    from dynamail.accounts.message_limits import limit_messages
    from dynamail.accounts.models import Account
    from dynamail.accounts.tenancy import account_scope
    from dynamail.lib.ids import UnknownId

    try:
        account = Account.objects.get(uid=Account.uid_from(options.account))
    except (UnknownId, Account.DoesNotExist):
        print(
            f"dynamail: there is no account {options.account}. `dynamail account list` prints all.",
            file=sys.stderr,
        )
        return 1
    with account_scope(account):
        limit_messages(account, per_hour=options.per_hour, per_day=options.per_day, by=None)
    print(f"{account.name}: {_write(options.per_hour)} per hour, {_write(options.per_day)} per day.")
    return 0


def _read_limit(text: str) -> int | None:
    if text.lower() == "none":
        return None
    limit = int(text)
    if limit < 0:
        raise argparse.ArgumentTypeError("a limit cannot be negative")
    return limit


def _write(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)
