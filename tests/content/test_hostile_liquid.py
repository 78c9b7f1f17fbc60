from __future__ import annotations

import sys
import tracemalloc
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.content.liquid import HTML, TEXT, parse, render
from dynamail.content.problems import ContentError
from tests.content.hostile import BOMBS, INJECTIONS

DATA = {
    "contact": {
        "email": "alex@mail.example",
        "evil": "{{ contact.email }}<script>__class__",
        "tags": ["a", "b"],
        "age": 30,
    },
    "account": {"name": "Acme"},
    "today": date(2026, 3, 12),
}
GIVEAWAYS = (
    "<class",
    "object at 0x",
    "function",
    "built-in",
    "method",
    "module",
    "SECRET",
    "root:",
    "49",
    "<script",
)


def rendered(source: str, environment: object = HTML) -> str | None:
    """The output, or None when the template was refused."""
    try:
        return render(parse(source, environment=environment), DATA)  # type: ignore[arg-type]
    except ContentError as error:
        problems = error.problems
    assert problems
    assert all(problem.sentence for problem in problems)
    return None


@pytest.mark.parametrize("source", INJECTIONS)
def test_an_injection_renders_inert_or_is_refused(source: str) -> None:
    output = rendered(source)
    without_source = (output or "").replace(source, "")
    assert not [word for word in GIVEAWAYS if word in without_source]


@pytest.mark.parametrize("source", BOMBS, ids=lambda source: source[:40])
def test_a_bomb_is_refused_without_filling_the_memory(source: str) -> None:
    tracemalloc.start()
    try:
        assert rendered(source) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64_000_000


def test_rendering_touches_no_import_and_opens_no_file() -> None:
    seen: list[str] = []
    watching = [True]

    def hook(event: str, args: tuple[object, ...]) -> None:
        if watching[0] and event in (
            "open",
            "exec",
            "compile",
            "os.system",
            "subprocess.Popen",
            "socket.connect",
        ):
            seen.append(f"{event} {args[:1]}")

    templates = []
    for source in INJECTIONS:
        try:
            templates.append(parse(source))
        except ContentError:
            continue
    rendered("{{ 'March 3' | date: '%Y' }}")  # what the date parser loads once
    sys.addaudithook(hook)
    try:
        for template in templates:
            try:
                render(template, DATA)
            except ContentError:
                continue
    finally:
        watching[0] = False  # an audit hook cannot be removed
    assert seen == []


_WORDS = st.sampled_from(
    [
        "contact", "email", "tags", "for", "if", "in", "else", "endif", "endfor", "assign", "capture", "endcapture", "cycle",
        "|", ":", ",", ".", "..", "=", "==", "(", ")", "[", "]", "'", '"', "x", "1", "99999999", "-1", "1.5", "{{", "}}", "{%", "%}",
        "default", "upcase", "replace", "join", "split", "times", "date", "slice", "sort", "where", "size", "first", " ", "\n", "é",
        "raw", "endraw", "comment", "endcomment", "case", "when", "endcase", "unless", "endunless", "tablerow", "endtablerow",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_WORDS, max_size=40).map(" ".join))
def test_any_soup_of_words_renders_or_is_refused(source: str) -> None:
    for environment in (HTML, TEXT):
        rendered(source, environment)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}%|'\" \nabc.=#-", max_size=60))
def test_any_soup_of_characters_renders_or_is_refused(source: str) -> None:
    rendered(source)
