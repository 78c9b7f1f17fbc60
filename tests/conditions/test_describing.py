from __future__ import annotations

import json
from gettext import NullTranslations
from random import Random
from typing import Any
from uuid import UUID

import pytest

from dynamail.conditions.catalog import Catalog, KnownAttribute, KnownCampaign, KnownRow, KnownSegment
from dynamail.conditions.describing import describe
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.tree import EVERYBODY
from tests.support.conditions import make_catalog, random_condition

TAG, TOPIC, SEGMENT, CAMPAIGN = (f"{prefix}_{'0' * 26}" for prefix in ("tag", "top", "seg", "cmp"))
REGULAR = f"tag_{'0' * 25}1"
CATALOG = Catalog(
    attributes={
        "city": KnownAttribute(1, "city", "City", "text"),
        "birthday": KnownAttribute(2, "birthday", "Birthday", "date"),
    },
    tags={TAG: KnownRow(1, "VIP"), REGULAR: KnownRow(2, "regular")},
    topics={TOPIC: KnownRow(1, "News")},
    campaigns={CAMPAIGN: KnownCampaign(UUID(int=1), "Spring")},
    segments={SEGMENT: KnownSegment(UUID(int=2), "Staff", EVERYBODY)},
)
MINSK = {"kind": "attribute", "attribute": "city", "op": "equals", "value": "Minsk"}
VIP = {"kind": "tag", "op": "has_any", "tags": [TAG]}
STAFF = {"kind": "segment", "segment": SEGMENT}
OPENED = {"kind": "activity", "act": "opened"}


def tell(document: dict[str, Any]) -> str:
    return describe(parse_condition(document), CATALOG)


def act(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "activity", "act": name, **more}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "Everybody"),
        (
            {
                "all": [
                    MINSK,
                    {
                        "any": [
                            VIP,
                            act(
                                "opened",
                                times={"op": "at_least", "n": 2, "messages": True},
                                period={"last_days": 30},
                            ),
                        ]
                    },
                    {"not": STAFF},
                ]
            },
            "City is Minsk and (tagged VIP or opened at least 2 messages in the last 30 days), but not in the segment Staff",
        ),
        ({"all": [STAFF | {"not": True}]}, "Not in the segment Staff"),
        ({"not": {"not": VIP}}, "Tagged VIP"),
        ({"not": VIP}, "Not tagged VIP"),
        ({"not": MINSK}, "City is not Minsk"),
        ({"not": {"all": [MINSK, VIP]}}, "Not (City is Minsk and tagged VIP)"),
        ({"all": [MINSK, VIP, OPENED]}, "City is Minsk, tagged VIP and opened any message"),
        ({"kind": "tag", "op": "has_all", "tags": [TAG, REGULAR]}, "Tagged VIP and regular"),
        ({"kind": "tag", "op": "has_none", "tags": [TAG, REGULAR]}, "Not tagged VIP or regular"),
        (
            {
                "kind": "attribute",
                "attribute": "birthday",
                "op": "anniversary",
                "value": [{"days": 0}, {"days": 7}],
            },
            "The anniversary of Birthday is today or in the next 7 days",
        ),
        (
            {"kind": "attribute", "attribute": "birthday", "op": "before", "value": {"days": -30}},
            "Birthday is before 30 days ago",
        ),
        (
            {
                "kind": "topic",
                "topic": TOPIC,
                "state": "subscribed",
                "basis": "consent",
                "period": {"from": "2026-01-01"},
            },
            "Subscribed to News by consent since 2026-01-01",
        ),
        ({"not": OPENED}, "Never opened any message"),
        (act("sent", times={"op": "equals", "n": 1}), "Was sent exactly 1 message"),
        (act("clicked", of={"campaign": CAMPAIGN, "link": 3}), "Clicked link 3 of the campaign Spring"),
        (act("opened", of={"last": 5, "topic": TOPIC}), "Opened any message of the last 5 campaigns on News"),
        (
            act("bounced", period={"from": "2026-01-01", "to": "2026-01-01"}),
            "Had any message bounce on 2026-01-01",
        ),
        (
            {
                "kind": "event",
                "event": "order.placed",
                "where": [{"property": "category", "op": "equals", "value": "shoes"}],
                "measures": [
                    {"measure": "count", "op": "at_least", "value": 2},
                    {"measure": "sum", "property": "total", "op": "more", "value": 100},
                ],
                "period": {"last_days": 90},
            },
            "Had the event order.placed where category is shoes at least 2 times in the last 90 days: the sum of total is more than 100",
        ),
        ({"kind": "random", "percent": 12.5}, "In a random share of 12.5 %"),
        (
            {"kind": "standing", "standing": "suppressed", "reason": "complaint"},
            "Suppressed because of a complaint",
        ),
        ({"kind": "tag", "op": "has_any", "tags": [f"tag_{'0' * 25}z"]}, f"Tagged tag_{'0' * 25}z"),
    ],
)
def test_a_condition_reads_as_a_sentence(document: dict[str, Any], sentence: str) -> None:
    assert tell(document) == sentence


def test_a_long_list_is_cut_short() -> None:
    values = [f"Town {number}" for number in range(400)]
    sentence = tell({"kind": "attribute", "attribute": "city", "op": "in", "value": values})
    assert sentence.endswith("Town 9 or 390 more")


def test_a_hostile_value_stays_a_value() -> None:
    sentence = tell(MINSK | {"value": "%(name)s %s \u202e<b>"})
    assert sentence == "City is %(name)s %s \ufffd<b>"


def test_every_condition_can_be_told() -> None:
    random, catalog = Random(4), make_catalog()
    for _ in range(1_000):
        condition = random_condition(random, catalog, 3)
        assert describe(condition, catalog).isprintable()
        assert describe(condition, Catalog())


class Shouting(NullTranslations):
    """A language of its own, to see what is translated."""

    def gettext(self, message: str) -> str:
        return message.upper().replace("(NAME)S", "(name)s").replace("(VALUE)S", "(value)s")


def test_the_words_come_from_the_language() -> None:
    assert (
        describe(parse_condition(json.loads(json.dumps(MINSK))), CATALOG, words=Shouting()) == "City IS Minsk"
    )
