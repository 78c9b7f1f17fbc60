from __future__ import annotations

from typing import Any

import pytest

from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.referring import References, find_references
from dynamail.conditions.tree import Act, Field

TAG, TOPIC, SEGMENT, CAMPAIGN = (f"{prefix}_{'0' * 26}" for prefix in ("tag", "top", "seg", "cmp"))


def refer(document: dict[str, Any]) -> References:
    return find_references(parse_condition(document))


def test_all_names_are_found_however_deep() -> None:
    found = refer(
        {
            "all": [
                {"kind": "attribute", "attribute": "city", "op": "filled"},
                {
                    "not": {
                        "any": [
                            {"kind": "tag", "op": "has_any", "tags": [TAG]},
                            {"kind": "segment", "segment": SEGMENT},
                        ]
                    }
                },
                {"kind": "topic", "topic": TOPIC, "state": "pending"},
                {"kind": "activity", "act": "opened", "of": {"campaign": CAMPAIGN}},
                {"kind": "activity", "act": "sent", "of": {"topic": TOPIC}},
                {"kind": "event", "event": "order.placed"},
                {"kind": "field", "field": "name", "op": "empty"},
                {"kind": "source", "source": "api"},
                {"kind": "address", "finding": "typo"},
            ]
        }
    )
    assert found == References(
        attributes=frozenset({"city"}),
        fields=frozenset({Field.NAME}),
        tags=frozenset({TAG}),
        has_tag_test=True,
        topics=frozenset({TOPIC}),
        topic_states=frozenset({TOPIC}),
        segments=frozenset({SEGMENT}),
        campaigns=frozenset({CAMPAIGN}),
        events=frozenset({"order.placed"}),
        acts=frozenset({Act.OPENED, Act.SENT}),
        launches=True,
        source=True,
        address=True,
    )


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"kind": "engagement", "op": "at_least", "value": 1}, True),
        ({"kind": "standing", "standing": "mailable"}, True),
        ({"kind": "standing", "standing": "restricted"}, False),
        ({"kind": "activity", "act": "sent", "period": {"last_days": 3}}, True),
        ({"kind": "activity", "act": "sent", "period": {"from": "2026-01-01"}}, False),
        ({"kind": "attribute", "attribute": "a", "op": "equals", "value": {"days": 0}}, True),
        ({"kind": "attribute", "attribute": "a", "op": "equals", "value": "2026-01-01"}, False),
        (
            {"kind": "attribute", "attribute": "a", "op": "between", "value": ["2026-01-01", {"days": 0}]},
            True,
        ),
        (
            {
                "kind": "event",
                "event": "a",
                "measures": [{"measure": "last", "op": "before", "value": {"days": -9}}],
            },
            True,
        ),
        ({"kind": "event", "event": "a"}, False),
        ({"kind": "random", "percent": 5}, False),
    ],
)
def test_a_condition_depends_on_time_when_its_answer_may_change_by_itself(
    document: dict[str, Any], answer: bool
) -> None:
    assert refer({"not": {"any": [document]}}).depends_on_time is answer
