"""A few hundred people of one account with all kinds of facts, and whatever is odd: zones far apart, values of other types, ends."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.conditions.parsing import parse_condition
from dynamail.consent.address_hash import hash_address
from dynamail.consent.models import Subscription, Suppression, Topic
from dynamail.contacts.models import Attribute, Contact, Tag
from dynamail.events.models import Activity, CustomEvent, Engagement, Event, EventName, Interaction
from dynamail.lib.ids import new_id
from dynamail.lib.partitions import ensure_partitions
from dynamail.messages.models import FrozenContent, Message
from dynamail.segments.models import Segment
from tests.support.conditions import EMAILS, IMPORTS, NUMBERS, TEXTS

REASON = "rows of a test name their account"
ZONES = (
    "", "", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Minsk", "America/New_York", "Asia/Kathmandu", "Mars/Base",
    "America/St_Johns", "Pacific/Chatham", "europe/minsk", "UTC", "../etc/passwd",
)  # fmt: skip
MORE_TEXTS = ("Berlin", "Straße", "ΟΔΟΣ", "οδος", "x'y\"z", "{}", "$1 %s %(a)s", "", "  ", "ǅ", "Ⅷ", "日本")
VALUES = (*TEXTS, *MORE_TEXTS)
ODD: tuple[Any, ...] = (
    None,
    5,
    "5",
    True,
    "true",
    [],
    ["x"],
    {},
    {"a": 1},
    "2026-13-45",
    "abcdefghij",
    "x" * 20,
    1.5,
    "",
)
MORE_NUMBERS = (18, 39, 40, 41, 2.5, 10**14, -0.0001)
PLANS = ("red", "green", "Blue", "pro")
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Population:
    account_id: int
    now: datetime
    ids: Sequence[UUID]


def make_population(account: Account, *, now: datetime, zone: str, size: int, seed: int = 1) -> Population:
    """Facts end at `now`; their sums stand in `engagement` and `interaction` as the product keeps them."""
    account.timezone = zone
    account.save(update_fields=["timezone"])
    with connections["default"].cursor() as cursor:
        ensure_partitions(cursor, now=now, months_back=14)
    maker = _Maker(account, now, random.Random(seed))
    maker.make_catalog()
    for number in range(size):
        maker.make_person(number)
    maker.save()
    return Population(account.pk, now, maker.ids)


class _Maker:
    """Collects rows of all tables, then writes each table once."""

    def __init__(self, account: Account, now: datetime, chance: random.Random) -> None:
        self.account, self.now, self.chance = account, now, chance
        self.rows: dict[type, list[Any]] = defaultdict(list)
        self.ids: list[UUID] = []

    def make_catalog(self) -> None:
        self.make_attributes()
        self.tags = [Tag.objects.add(self.account, name=name) for name in ("fair", "vip", "press")]
        self.topics = [Topic.objects.add(self.account, name=name) for name in ("News", "Offers", "Archive")]
        self.names = [
            EventName.objects.add(self.account, name=name)
            for name in ("order.placed", "page.seen", "never.seen")
        ]
        self.sources = [self.launch(days) for days in (400, 200, 90, 29, 10, 3, 1, 0)]
        self.make_segments()

    def make_attributes(self) -> None:
        kinds = ("text", "number", "boolean", "date", "time", "choice", "list", "text", "number")
        for number, kind in enumerate(kinds, start=1):
            choices = list(PLANS) if kind == "choice" else []
            Attribute.objects.add(
                self.account,
                number=number,
                key=f"{kind}_{number}",
                label=f"{kind} {number}",
                type=kind,
                choices=choices,
            )
        Attribute.objects.add(
            self.account, number=10, key="old", label="Old", type="text", archived_at=self.now
        )

    def make_segments(self) -> None:
        any_ten = {"kind": "random", "percent": 50}
        for name, definition in (
            ("Half", any_ten),
            (
                "Grown",
                {
                    "any": [
                        {"kind": "attribute", "attribute": "number_2", "op": "at_least", "value": 18},
                        any_ten,
                    ]
                },
            ),
            ("Unreadable", {"kind": "no such kind"}),
        ):
            Segment.objects.add(self.account, name=name, definition=definition, updated_at=self.now)
        inner = Segment.objects.for_account(self.account).get(name="Grown")
        outer = Segment.objects.add(
            self.account,
            name="Outer",
            definition={"all": [{"kind": "segment", "segment": inner.public_id, "not": True}]},
            updated_at=self.now,
        )
        circle = Segment.objects.add(self.account, name="Circle", definition={}, updated_at=self.now)
        circle.definition = {
            "any": [
                {"kind": "segment", "segment": circle.public_id},
                {"kind": "segment", "segment": outer.public_id},
            ]
        }
        parse_condition(circle.definition)
        circle.save()

    def launch(self, days: int) -> UUID:
        at = self.now - timedelta(days=days, hours=1)
        uid = new_id(at)
        topic = self.chance.choice(self.topics)
        self.rows[FrozenContent].append(
            FrozenContent(
                account_id=self.account.pk, id=uid, kind="text", source={}, sender={}, created_at=at,
                settings={"topic_id": topic.pk, "topic_name": topic.name, "campaign_name": f"{days} days ago"},
            )
        )  # fmt: skip
        return uid

    def make_person(self, number: int) -> None:
        chance, uid = self.chance, new_id(self.now - timedelta(minutes=number))
        self.ids.append(uid)
        email = f"{chance.choice(['', 'Person'])}{number}{chance.choice(EMAILS)}"
        self.rows[Contact].append(
            Contact(
                account_id=self.account.pk,
                id=uid,
                email=email,
                email_key=email.lower(),
                name=chance.choice(VALUES),
                language=chance.choice(("", "en", "be", "EN")),
                timezone=chance.choice(ZONES),
                attributes=self.make_values(),
                tags=sorted(tag.pk for tag in self.tags if chance.random() < 0.4),
                state=chance.choices(("active", "suppressed", "restricted"), (8, 1, 1))[0],
                sample=number % 1000,
                findings=chance.choice((0, 0, 1, 2, 4, 8, 5, 15)),
                source_kind=chance.choice(("form", "import", "api")),
                source_id=chance.choice(("", *IMPORTS)),
                created_at=self.choose_moment(),
                updated_at=self.now,
            )
        )
        self.make_standing(uid, email.lower())
        self.make_activity(uid)
        self.make_messages(uid)
        for _ in range(chance.choice((0, 0, 1, 2, 5))):
            self.make_event(uid)

    def make_values(self) -> dict[str, Any]:
        chance = self.chance
        makers: dict[int, Any] = {
            1: lambda: chance.choice(VALUES),
            2: lambda: chance.choice((*map(float, NUMBERS), *MORE_NUMBERS)),
            3: lambda: chance.random() < 0.5,
            4: lambda: self.choose_day().isoformat(),
            5: lambda: f"{self.choose_moment():%Y-%m-%dT%H:%M:%SZ}",
            6: lambda: chance.choice(PLANS),
            7: lambda: chance.sample(VALUES, chance.randint(0, 3)),
            8: lambda: chance.choice(VALUES),
            9: lambda: round(chance.uniform(-50, 150), 2),
            10: lambda: chance.choice(VALUES),
        }
        return {
            str(number): chance.choice(ODD) if chance.random() < 0.08 else make()
            for number, make in makers.items()
            if chance.random() < 0.8
        }

    def make_standing(self, uid: UUID, email_key: str) -> None:
        chance = self.chance
        for topic in self.topics[:2]:
            if chance.random() < 0.7:
                self.rows[Subscription].append(
                    Subscription(
                        account_id=self.account.pk,
                        topic_id=topic.pk,
                        contact_id=uid,
                        state=chance.choice(("subscribed", "pending", "unsubscribed")),
                        basis=chance.choice(("consent", "contract")),
                        changed_at=self.choose_moment(),
                    )
                )
        for scope in ("all", "marketing"):
            if chance.random() < 0.2:
                self.rows[Suppression].append(
                    Suppression(
                        account_id=self.account.pk,
                        address_hash=hash_address(self.account.pk, email_key),
                        scope=scope,
                        email=email_key,
                        reason=chance.choice(("complaint", "manual", "hard_bounce")),
                        at=self.now,
                        expires_at=chance.choice((None, self.now - QUARTER, self.now, self.now + QUARTER)),
                    )
                )

    def make_activity(self, uid: UUID) -> None:
        """Opens and clicks; a click is no open here."""
        chance = self.chance
        acts = [
            (kind, self.choose_quarter(), source, link, chance.randint(1, 3))
            for kind, links in (("opened", (-1,)), ("clicked", (1, 2, 3)))
            for source in chance.sample(self.sources, chance.choice((0, 0, 1, 3)))
            for link in links
            for _ in range(chance.choice((0, 1, 2)))
        ]
        unique = {act[:4]: act for act in acts}.values()
        self.rows[Activity] += [
            Activity(
                account_id=self.account.pk,
                kind=kind,
                at=at,
                contact_id=uid,
                source_id=source,
                link_number=link,
                n=n,
            )
            for kind, at, source, link, n in unique
        ]
        self.sum_interactions(uid, list(unique))
        self.engaged = {
            kind: [(at, n) for found, at, _source, _link, n in unique if found == kind]
            for kind in ("opened", "clicked")
        }

    def sum_interactions(self, uid: UUID, acts: Sequence[tuple[str, datetime, UUID, int, int]]) -> None:
        found: dict[tuple[str, UUID, int], list[tuple[datetime, int]]] = defaultdict(list)
        for kind, at, source, link, n in acts:
            for row in {-1, link}:
                found[kind, source, row].append((at, n))
        for (kind, source, link), facts in found.items():
            moments = [at for at, _n in facts]
            self.rows[Interaction].append(
                Interaction(
                    account_id=self.account.pk,
                    source_id=source,
                    kind=kind,
                    contact_id=uid,
                    link_number=link,
                    first_at=min(moments),
                    last_at=max(moments),
                    times=sum(n for _at, n in facts),
                )
            )

    def make_messages(self, uid: UUID) -> None:
        chance, delivered = self.chance, []
        for _ in range(chance.choice((0, 1, 2, 4))):
            at = self.choose_moment()
            state = chance.choices(
                ("delivered", "bounced", "unknown", "suppressed", "expired"), (6, 1, 1, 1, 1)
            )[0]
            source = chance.choice([*self.sources, None])
            message = Message(
                account_id=self.account.pk, id=new_id(at), at=at, source_kind="campaign" if source else "api",
                source_id=source, contact_id=uid, state=state,
            )  # fmt: skip
            self.rows[Message].append(message)
            if state == "delivered":
                delivered.append(at)
            self.make_feedback(uid, message)
        if delivered or any(self.engaged.values()):
            self.save_engagement(uid, delivered)

    def make_feedback(self, uid: UUID, message: Message) -> None:
        """Of one message in three; a refusal about the sender names nobody."""
        if self.chance.random() > 0.35:
            return
        kind = self.chance.choice(("message.bounced", "message.complained", "message.replied"))
        for _ in range(self.chance.choice((1, 1, 2))):
            nobody = kind == "message.bounced" and self.chance.random() < 0.3
            at = min(message.at + timedelta(days=self.chance.random() * 20), self.now)
            self.rows[Event].append(
                Event(
                    account_id=self.account.pk, id=new_id(at), at=at, kind=kind, contact_id=None if nobody else uid,
                    message_id=self.chance.choice((message.id, message.id, None)) if kind == "message.replied" else message.id,
                    source_kind=message.source_kind, source_id=message.source_id,
                )
            )  # fmt: skip

    def save_engagement(self, uid: UUID, delivered: Sequence[datetime]) -> None:
        last = {kind: max((at for at, _n in facts), default=None) for kind, facts in self.engaged.items()}
        self.rows[Engagement].append(
            Engagement(
                account_id=self.account.pk,
                contact_id=uid,
                last_sent_at=max(delivered, default=None),
                last_opened_at=last["opened"],
                last_clicked_at=last["clicked"],
                sent=len(delivered),
                opened=sum(n for _at, n in self.engaged["opened"]),
                clicked=sum(n for _at, n in self.engaged["clicked"]),
            )
        )

    def make_event(self, uid: UUID) -> None:
        chance, at = self.chance, self.choose_moment()
        properties = {
            "category": chance.choice((*TEXTS[:6], "", None, 7)),
            "total": chance.choice((*map(float, NUMBERS), "100", None, 0.1, 0.2)),
            "paid": chance.choice((True, False, "true")),
            "sizes": chance.choice((chance.sample(TEXTS, 2), [], "red", [5, "in"], {}, [True])),
        }
        kept = {name: value for name, value in properties.items() if chance.random() < 0.75}
        self.rows[CustomEvent].append(
            CustomEvent(
                account_id=self.account.pk, id=new_id(at), name_id=self.chance.choice(self.names[:2]).pk, contact_id=uid,
                at=at, properties=json.loads(json.dumps(kept)),
            )
        )  # fmt: skip

    def choose_moment(self) -> datetime:
        """Near now, near the ends of days, or long ago; whole seconds now and then."""
        chance = self.chance
        back = timedelta(
            days=chance.choice((0, 0, 1, 1, 2, 6, 7, 8, 29, 30, 31, 89, 90, 181, 365)),
            hours=chance.randint(0, 24),
            minutes=chance.randint(0, 60),
        )
        at = self.now - back
        return chance.choice((at, at.replace(minute=0, second=0, microsecond=0), self.now))

    def choose_quarter(self) -> datetime:
        at = self.choose_moment()
        return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)

    def choose_day(self) -> date:
        chance, today = self.chance, self.now.date()
        near = today + timedelta(days=chance.randint(-9, 9))
        years = chance.choice((0, 0, 1, 10, 30))
        odd = (date(2000, 2, 29), date(1996, 2, 29), date(1999, 12, 31), date(1, 1, 1), date(9999, 12, 31))
        shifted = near if (near.month, near.day) == (2, 29) else near.replace(year=near.year - years)
        return chance.choice((shifted, shifted, shifted, shifted, *odd))

    def save(self) -> None:
        for model, rows in self.rows.items():
            model.objects.across_accounts(reason=REASON).bulk_create(rows, batch_size=1000)  # type: ignore[attr-defined]
