"""Puts accounts with many contacts and a campaign into the database of this environment, with the product's own verbs.

    python -m tests.support.seeding prepare < ORDERS     ORDERS: a JSON list of `delivering.Order`; prints account, campaign and source of each
    python -m tests.support.seeding launch 1:1 2:2       account:campaign; prints {"committed_at"}, CLOCK_MONOTONIC of this machine

A process of its own, because the tests' process is bound to another database.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamail.accounts.models import Account, Member
    from dynamail.campaigns.models import Campaign
    from dynamail.consent.models import Topic
    from dynamail.messages.freezing import FrozenSource

Person = tuple[str, str]  # email, name
CITIES = ("Grodno", "Brest", "Minsk", "Vitebsk", "Gomel")


def generate_people(count: int) -> Iterator[Person]:
    return ((f"person{number}@inbox{number % 40}.example", f"Person {number}") for number in range(count))


def prepare(orders: list[dict[str, Any]]) -> list[dict[str, object]]:
    made = [prepare_one(number, order) for number, order in enumerate(orders)]
    analyze()
    return made


def prepare_one(number: int, order: dict[str, Any]) -> dict[str, object]:
    """Everything up to the launch. The audience is the people given, the message that of the benchmarks."""
    from dynamail.accounts.creating import create_account
    from dynamail.accounts.models import Member, User
    from dynamail.accounts.tenancy import account_scope
    from dynamail.lib.clock import utc_now
    from tests.support.sending_domains import add_verified_domain

    now = utc_now()
    user = User.objects.create_user(f"owner-{number}-{time.monotonic_ns()}@roastery.example", name="Owner")
    account = create_account(user, name="Roastery", now=now)
    people = generate_people(order["generate"]) if order["generate"] else iter(order["people"])
    with account_scope(account):
        by = Member.objects.for_account(account).get(user=user)
        topic = make_topic(account, order["tracking"])
        if order["relay"]:
            use_relay(account, order["relay"], order["connections"], by=by, now=now)
            add_verified_domain(account, "roastery.example", with_keys=order["signed"])
        copy_people(account, topic, people, now=now)
        source = make_source(order)
        campaign = make_campaign(account, topic, source, by=by, now=now)
    return {"account_id": account.pk, "campaign_id": campaign.pk, "source_id": str(campaign.uid)}


def make_topic(account: Account, tracking: str) -> Topic:
    from dynamail.consent.models import Topic

    return Topic.objects.add(account, name="Product news", tracking=tracking)


def use_relay(
    account: Account, address: tuple[str, int], connections: int, *, by: Member, now: datetime
) -> None:
    from dynamail.senders.relays import RelaySettings, save_relay
    from dynamail.senders.transports import use_transport

    host, port = address
    settings = RelaySettings("Relay", host, port, "none", False, "", None, connections, None)
    use_transport(account, save_relay(account, settings, relay=None, by=by, now=now), by=by)


def copy_people(account: Account, topic: Topic, people: Iterator[Person], *, now: datetime) -> None:
    """Contacts with their attributes, all of them subscribed and willing to be tracked."""
    from django.db import connections

    from dynamail.contacts.models import Attribute
    from dynamail.lib.ids import new_id
    from dynamail.lib.mailbox_providers import find_lane

    keys = ["1", "2", "3"]
    for number, key in zip(keys, ("city", "card", "points"), strict=True):
        Attribute.objects.add(account, number=number, key=key, label=key)
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
            {"account": account.pk, "now": now, "cities": list(CITIES)}  # type: ignore[arg-type]
            | dict(zip(("city", "card", "points"), keys, strict=True)),
        )
        cursor.execute(
            "INSERT INTO subscription (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)"
            " SELECT %s, %s, id, 'subscribed', 'consent', true, %s FROM person",
            [account.pk, topic.pk, now],
        )


def make_source(order: dict[str, Any]) -> FrozenSource:
    """What the order says, else the benchmarks' message."""
    from benchmarks import sample_email

    source = sample_email.make_source(order["kilobytes"])
    return replace(source, subject=order["subject"] or source.subject, body=order["body"] or source.body)


def make_campaign(
    account: Account, topic: Topic, source: FrozenSource, *, by: Member, now: datetime
) -> Campaign:
    from dynamail.campaigns.drafting import create_campaign
    from dynamail.senders.models import Sender

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


def launch(pairs: list[str]) -> dict[str, float]:
    from dynamail.accounts.models import Member
    from dynamail.accounts.tenancy import account_scope
    from dynamail.campaigns.launching import launch_campaign
    from dynamail.campaigns.models import Campaign
    from dynamail.lib.clock import utc_now

    for pair in pairs:
        account_id, campaign_id = map(int, pair.split(":"))
        with account_scope(account_id):
            by = Member.objects.for_account(account_id).get()
            campaign = Campaign.objects.for_account(account_id).get(pk=campaign_id)
            launch_campaign(campaign, by=by, now=utc_now())
    return {"committed_at": time.monotonic()}


def main() -> None:
    from dynamail.cli.setup import start_django

    start_django("login")
    action, *arguments = sys.argv[1:]
    answer = launch(arguments) if action == "launch" else prepare(json.load(sys.stdin))
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
