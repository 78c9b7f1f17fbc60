"""The product's own verbs for drills, in a process of their own because drills are not bound to one database.

python -m benchmarks.verbs schedule SECONDS 1:1 2:2    account:campaign; `work` launches them when their time has come
python -m benchmarks.verbs resend 1:1                  "send again" those in doubt; prints how many
python -m benchmarks.verbs check 1:1                   where counters and message log differ; prints {} when nowhere
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynamail.accounts.models import Member
    from dynamail.campaigns.models import Campaign


@contextmanager
def open_campaign(pair: str) -> Iterator[tuple[Campaign, Member]]:
    """A campaign and the member who owns its account."""
    from dynamail.accounts.models import Member
    from dynamail.accounts.tenancy import account_scope
    from dynamail.campaigns.models import Campaign

    account_id, campaign_id = map(int, pair.split(":"))
    with account_scope(account_id):
        member = Member.objects.for_account(account_id).get()
        yield Campaign.objects.for_account(account_id).get(pk=campaign_id), member


def schedule(seconds: str, *pairs: str) -> int:
    from dynamail.campaigns.launching import schedule_campaign
    from dynamail.lib.clock import utc_now

    for pair in pairs:
        with open_campaign(pair) as (campaign, member):
            at = utc_now() + timedelta(seconds=float(seconds))
            schedule_campaign(campaign, at=at, by=member, now=utc_now())
    return len(pairs)


def resend(*pairs: str) -> int:
    """Campaigns without anything in doubt are left alone."""
    from dynamail.campaigns.errors import WrongMoment
    from dynamail.campaigns.launching import resend_doubtful
    from dynamail.lib.clock import utc_now

    resent = 0
    for pair in pairs:
        with open_campaign(pair) as (campaign, member):
            try:
                resent += resend_doubtful(campaign, by=member, now=utc_now())
            except WrongMoment:
                continue
    return resent


def check(*pairs: str) -> dict[str, dict[str, tuple[int, int]]]:
    from dynamail.messages.accounting import find_miscounts

    miscounts = {}
    for pair in pairs:
        with open_campaign(pair) as (campaign, _):
            miscounts[pair] = find_miscounts(campaign.account_id, campaign.uid)
    return {pair: found for pair, found in miscounts.items() if found}


def main() -> None:
    from dynamail.cli.setup import start_django

    start_django("login")
    action, *arguments = sys.argv[1:]
    answer = {"schedule": schedule, "resend": resend, "check": check}[action](*arguments)
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
