"""What does not fit is said in the words of JSON, and at the place where it stands."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.api.email_shapes import EmailInput
from dynamail.api.misfits import name_fault
from tests.api.conftest import Shop, problem_of

Meta = msgspec.Meta


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    a: str


class Said(msgspec.Struct, forbid_unknown_fields=True):
    to: str | list[str] | Inner = ""
    texts: dict[str, str] = {}
    inner: dict[str, Inner] = {}
    many: Annotated[list[Annotated[str, Meta(max_length=2)]], Meta(min_length=1, max_length=2)] = []  # type: ignore[assignment]
    count: Annotated[int, Meta(ge=1, le=5)] = 1
    size: float = 1
    at: Annotated[datetime, Meta(tz=True)] | None = None
    day: date | None = None
    way: Literal["up", "down"] = "up"
    off: Literal[False] | None = None
    word: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    short: Annotated[dict[str, Annotated[str, Meta(max_length=2)]], Meta(max_length=2)] = {}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"to": 5}, "to", "must be a text, an object or a list, not a number"),
        ({"to": ["a", None]}, "to[1]", "must be a text, not null"),
        ({"texts": {"b": "x", "a.c": 1}}, "texts.a.c", "must be a text, not a number"),
        ({"inner": {"p": {"a": "x"}, "q": {"a": True}}}, "inner.q.a", "must be a text, not true or false"),
        ({"inner": {"p": {"a": "x"}, "q": {}}}, "inner.q.a", "is missing"),
        ({"inner": {"p": {"a": "x", "b": 1}}}, "inner.p.b", "is not known here"),
        ({"many": []}, "many", "must not be empty"),
        ({"many": ["abc"]}, "many[0]", "must have 2 characters at most"),
        ({"many": ["a", "b", "c"]}, "many", "must have 2 entries at most"),
        ({"short": {"x": "ab", "y": "abc"}}, "short.y", "must have 2 characters at most"),
        ({"short": {"x": "", "y": "", "z": ""}}, "short", "must have 2 keys at most"),
        ({"count": 0}, "count", "must be 1 or more"),
        ({"count": 9}, "count", "must be 5 or less"),
        ({"count": 1.5}, "count", "must be a whole number, not a fraction"),
        ({"count": "x"}, "count", "must be a whole number, not a text"),
        ({"size": []}, "size", "must be a number, not a list"),
        ({"at": "today"}, "at", "must be a moment such as 2026-03-31T14:30:00Z"),
        ({"at": "2026-03-31T14:30:00"}, "at", "must have an offset, such as 2026-03-31T14:30:00Z"),
        ({"at": 5}, "at", "must be a moment such as 2026-03-31T14:30:00Z or null, not a number"),
        ({"day": "x"}, "day", "must be a date such as 2026-03-31"),
        ({"way": "left"}, "way", "must be one of down, up"),
        ({"off": True}, "off", "must be false"),
        ({"word": "9"}, "word", "must fit the pattern ^[a-z]+$"),
        ({"zz": 1}, "zz", "is not known here"),
        ([1], "body", "must be an object, not a list"),
    ],
)
def test_what_does_not_fit_is_said_in_words_of_json(body: Any, field: str, message: str) -> None:
    raw = json.dumps(body).encode()
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(raw, type=Said)
    fault = name_fault(caught.value, raw, Said)
    assert (fault.field, fault.message) == (field, message)


Values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
Names = st.sampled_from([field.encode_name for field in msgspec.structs.fields(EmailInput)])


@given(st.dictionaries(Names, Values, max_size=4))
def test_no_python_is_left_in_any_sentence(body: dict[str, Any]) -> None:
    raw = msgspec.json.encode(body)
    try:
        msgspec.json.decode(raw, type=EmailInput)
    except msgspec.ValidationError as error:
        for fault in (name_fault(error, raw), name_fault(error)):
            assert "`" not in fault.message
            assert "[...]" not in fault.field
            assert fault.field


def test_the_routes_say_so(shop: Shop) -> None:
    email = {"from": "hello@acme.example", "to": 5, "subject": "x", "text": "y"}

    def errors(path: str, body: object, method: str = "POST") -> list[dict[str, str]]:
        return problem_of(shop.ask(method, f"/api/v1/{path}", body), 422)["errors"]  # type: ignore[no-any-return]

    assert errors("emails", email) == [
        {"field": "to", "message": "must be a text, an object or a list, not a number"}
    ]
    assert errors("emails", email | {"to": "ann@mail.example", "metadata": {"order": 7}}) == [
        {"field": "metadata.order", "message": "must be a text, not a number"}
    ]
    assert errors("attributes", {"label": "x", "type": "texts"})[0]["message"] == (
        "must be one of boolean, choice, date, list, number, text, time"
    )
    assert errors("topics?limit=ten", None, "GET") == [
        {"field": "limit", "message": "must be a whole number"}
    ]
