"""Every code that a route of the API answers says what to do, in words of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dynamail.api import hints
from dynamail.api.domains import CONFLICTS
from dynamail.messages.emails import TOO_MUCH
from dynamail.protocols import address
from dynamail.senders.from_rules import FromFault

ROOT = Path(hints.__file__).parents[1]


@dataclass(frozen=True)
class Maker:
    """A call that makes a problem: where its code stands among the arguments. `most` arguments at most, without a `field`."""

    name: str
    place: int = 0
    most: int = 9


# Which calls of a module make codes of problems; with a field named they become `invalid`.
MAKERS = {
    "api/*.py": (Maker("Problem", 1), Maker("Refused")),
    "messages/*.py": (
        Maker("_fault"),
        Maker("_FileFault"),
        Maker("EmailFault"),
        Maker("add_fault"),
        Maker("EmailActError"),
    ),
    "messages/raw_messages.py": (Maker("RawMessageError"),),
    "events/own_*.py": (Maker("OwnEventFault", 1), Maker("_refuse")),
    "contacts/own_events.py": (Maker("OwnEventFault", 1),),
    "segments/*.py": (Maker("SegmentError"),),
    "senders/streams.py": (Maker("StreamRefused", most=2),),
    "webhooks/endpoints.py": (Maker("WebhookError", most=2),),
    "webhooks/errors.py": (Maker("WebhookError", most=2),),
    "webhooks/replaying.py": (Maker("WebhookError", most=2),),
}
INVALID = {"name_missing", "cycle", "too_deep", "name_taken"}  # of segments: told as a field's error
FURTHER = {
    *address._SENTENCES,
    *FromFault,
    *CONFLICTS,
    TOO_MUCH,
    *("not_editable", "changed_meanwhile", "not_ready", "wrong_moment", "in_the_past", "too_far_ahead"),
    *("test_refused", "erased", "own_word", "changed", "external_id_taken", "bad_external_id"),
    *("name_taken", "domain_exists", "domain_taken", "too_many"),
}


def find_codes() -> Iterator[str]:
    for pattern, makers in MAKERS.items():
        for path in ROOT.glob(pattern):
            found = set(_list_codes(ast.parse(path.read_text()), makers))
            yield from found - INVALID if pattern.startswith("segments") else found
    yield from FURTHER


def _list_codes(tree: ast.AST, makers: tuple[Maker, ...]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or any(word.arg == "field" for word in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for maker in makers:
            if maker.name == name and maker.place < len(node.args) <= maker.most:
                code = node.args[maker.place]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value


def test_every_code_of_the_api_has_a_hint_of_its_own() -> None:
    codes = set(find_codes())
    assert len(codes) > 100
    assert codes - hints.HINTS.keys() == set()


def test_no_hint_is_left_of_a_code_that_is_gone() -> None:
    assert hints.HINTS.keys() - set(find_codes()) == set()


def test_every_hint_is_a_sentence() -> None:
    for hint in (*hints.HINTS.values(), *hints.STATUS_HINTS.values(), *hints.HINTS_OF.values()):
        assert hint[0].isupper() or hint.startswith("GET ") or hint.startswith("POST "), hint
        assert hint.endswith((".", "?")), hint


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (400, "bad_idempotency_key", "printable ASCII"),
        (403, "test_key", "live key"),
        (403, "ip_not_allowed", "create a key"),
        (409, "name_taken", "another name"),
        (422, "suppressed", "/api/v1/suppressions/"),
        (422, "too_large", "Send less of"),
        (413, "too_large", "in one request"),
        (409, "some_new_code", "detail"),
    ],
)
def test_a_hint_fits_its_code(status: int, code: str, word: str) -> None:
    assert word in hints.find_hint(status, code)
