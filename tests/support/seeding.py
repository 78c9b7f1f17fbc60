"""Puts an account, many contacts and a campaign into the database of this environment, with the product's own verbs.

    python -m tests.support.seeding prepare --people FILE --relay 127.0.0.1:2525     prints {"account_id", "campaign_id", "source_id"}
    python -m tests.support.seeding launch --account 1 --campaign 1                  prints {"frozen", "committed_at"}

FILE has one `email TAB name` a line; `--generate 100000` makes them instead. `committed_at` is CLOCK_MONOTONIC of this machine.
A process of its own, because the tests' process is bound to another database.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynamail.accounts.models import Account, Member
    from dynamail.consent.models import Topic

Person = tuple[str, str]  # email, name
CITIES = ("Grodno", "Brest", "Minsk", "Vitebsk", "Gomel")


def generate_people(count: int) -> Iterator[Person]:
    return ((f"person{number}@inbox{number % 40}.example", f"Person {number}") for number in range(count))


def read_people(file: Path) -> Iterator[Person]:
    for line in file.read_text(encoding="utf-8").splitlines():
        email, _, name = line.partition("\t")
        yield email, name


def prepare(options: argparse.Namespace) -> dict[str, object]:
    """Everything up to the launch. The audience is the people given, the message that of the benchmarks."""
    from dynamail.accounts.creating import create_account
    from dynamail.accounts.models import Member, User
    from dynamail.accounts.tenancy import account_scope
    from dynamail.lib.clock import utc_now

    now = utc_now()
    user = User.objects.create_user(f"owner-{time.monotonic_ns()}@roastery.example", name="Owner")
    account = create_account(user, name="Roastery", now=now)
    people = generate_people(options.generate) if options.generate else read_people(options.people)
    with account_scope(account):
        by = Member.objects.for_account(account).get(user=user)
        account.postal_address = "Main street 1, Grodno"
        topic = make_topic(account, options.tracking)
        if options.relay:
            use_relay(account, options.relay, options.connections, by=by, now=now)
        copy_people(account, topic, people, now=now)
        campaign = make_campaign(account, topic, by=by, now=now)
    analyze()
    return {"account_id": account.pk, "campaign_id": campaign.pk, "source_id": str(campaign.uid)}


def make_topic(account: Account, tracking: str) -> Topic:
    from dynamail.consent.models import Topic

    return Topic.objects.add(account, name="Product news", tracking=tracking)


def use_relay(account: Account, address: str, connections: int, *, by: Member, now: datetime) -> None:
    from dynamail.senders.relays import RelaySettings, save_relay, use_transport

    host, _, port = address.rpartition(":")
    settings = RelaySettings("Relay", host, int(port), "none", False, "", None, connections, None)
    use_transport(account, save_relay(account, settings, relay=None, by=by, now=now), by=by)


def copy_people(account: Account, topic: Topic, people: Iterator[Person], *, now: datetime) -> None:
    """Contacts with their attributes, all of them subscribed and willing to be tracked."""
    from django.db import connections

    from dynamail.contacts.models import Attribute
    from dynamail.lib.ids import new_id
    from dynamail.lib.mailbox_providers import find_lane

    keys = [str(Attribute.objects.add(account, key=key, label=key).pk) for key in ("city", "card", "points")]
    with connections["default"].cursor() as cursor:
        # COPY does not go into a table with row-level security.
        cursor.execute(
            "CREATE TEMPORARY TABLE person (id uuid, email text, name text, lane int, number int) ON COMMIT DROP"
        )
        with cursor.copy("COPY person FROM STDIN") as copy:
            for number, (email, name) in enumerate(people):
                copy.write_row((new_id(now), email, name, find_lane(email.rpartition("@")[2]), number))
        cursor.execute(
            "INSERT INTO contact (account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane,"
            " sample, source_kind, source_id, source_label, created_at, updated_at)"
            " SELECT %(account)s, id, email, lower(email), name, jsonb_build_object(%(city)s::text, (%(cities)s::text[])[number %% 5 + 1],"
            " %(card)s::text, lpad(number::text, 8, '0'), %(points)s::text, number %% 1000), '{}', 'active', '', '', lane,"
            " number %% 1000, 'import', '', '', %(now)s, %(now)s FROM person",
            {"account": account.pk, "now": now, "cities": list(CITIES)}
            | dict(zip(("city", "card", "points"), keys, strict=True)),
        )
        cursor.execute(
            "INSERT INTO subscription (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)"
            " SELECT %s, %s, id, 'subscribed', 'consent', true, %s FROM person",
            [account.pk, topic.pk, now],
        )


def make_campaign(account: Account, topic: Topic, *, by: Member, now: datetime):
    from benchmarks.sample_email import make_source
    from dynamail.campaigns.drafting import create_campaign
    from dynamail.senders.models import Sender

    source = make_source()
    sender = Sender.objects.add(account, email="news@roastery.example", name="The Roastery", verified_at=now)
    return create_campaign(
        account,
        name="November",
        by=by,
        now=now,
        topic_id=topic.pk,
        sender_id=sender.pk,
        subject=source.subject,
        kind=source.kind,
        body=source.body,
    )


def analyze() -> None:
    """As autovacuum would have done on a database that has been in use."""
    from django.db import connections

    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE contact; ANALYZE subscription")


def launch(options: argparse.Namespace) -> dict[str, object]:
    from dynamail.accounts.models import Member
    from dynamail.accounts.tenancy import account_scope
    from dynamail.campaigns.launching import launch_campaign
    from dynamail.campaigns.models import Campaign
    from dynamail.lib.clock import utc_now

    with account_scope(options.account):
        by = Member.objects.for_account(options.account).get()
        campaign = Campaign.objects.for_account(options.account).get(pk=options.campaign)
        frozen = launch_campaign(campaign, by=by, now=utc_now())
    return {"frozen": frozen, "committed_at": time.monotonic()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(required=True)
    first = actions.add_parser("prepare")
    first.set_defaults(run=prepare)
    first.add_argument("--people", type=Path)
    first.add_argument("--generate", type=int, default=0)
    first.add_argument("--relay", default="")
    first.add_argument("--connections", type=int, default=10)
    first.add_argument("--tracking", default="individual")
    second = actions.add_parser("launch")
    second.set_defaults(run=launch)
    second.add_argument("--account", type=int, required=True)
    second.add_argument("--campaign", type=int, required=True)
    options = parser.parse_args()

    from dynamail.cli.setup import start_django

    start_django("login")
    sys.stdout.write(json.dumps(options.run(options)) + "\n")


if __name__ == "__main__":
    main()
