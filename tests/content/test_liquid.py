from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.content.liquid import HTML, TEXT, check_liquid, find_variables, parse, render
from dynamail.content.liquid_source import Kind, scan_liquid
from dynamail.content.problems import ContentError, Problem, Where


def only_problem(source: str) -> Problem:
    (problem,) = check_liquid(source)
    return problem


@pytest.mark.parametrize(
    ("source", "code", "place", "suggestion"),
    [
        ("Hi {{ contact.name | uppercase }}", "unknown_filter", (1, 22), "Write | upcase."),
        ("{{ contact.name | upcas }}", "unknown_filter", (1, 19), "Write | upcase."),
        ("a\n{% if a = 1 %}{% endif %}", "single_equals", (2, 9), "Write {% if a == 1 %}."),
        (
            "{{ contact.name | default: “you” }}",
            "smart_quotes",
            (1, 1),
            'Write {{ contact.name | default: "you" }}.',
        ),
        ("{% if a %}{% elseif b %}{% endif %}", "unknown_tag", (1, 11), "Write {% elsif b %}."),
        ("{% if a %}{% else if b %}{% endif %}", "unknown_tag", (1, 11), "Write {% elsif b %}."),
        ("x\n\n  {% if a %}y", "unclosed_block", (3, 3), "Add {% endif %} after it."),
        ("{{ contact.name", "unclosed", (1, 1), "Close it with }}."),
        ("{{ contact.name } and more", "unclosed", (1, 1), "Close it with }}."),
        ("{% raw %}x", "unclosed", (1, 1), "Close it with {% endraw %}."),
        ("{% endif %}", "stray_tag", (1, 1), "Remove it, or add {% if … %} before it."),
        ("{% forr x in y %}", "unknown_tag", (1, 1), "Write {% for x in y %}."),
        ('{{ a | date: "%Y }}', "open_quote", (1, 1), "Add the missing quote."),
        ("ab {{ a | }}", "syntax", (1, 4), ""),
        ("{{ }}", "empty_output", (1, 1), "Write a name, such as {{ contact.first_name }}."),
        ("{% break %}", "syntax", (1, 4), ""),
    ],
)
def test_a_mistake_is_explained_with_its_place(
    source: str, code: str, place: tuple[int, int], suggestion: str
) -> None:
    problem = only_problem(source)
    assert (problem.code, (problem.line, problem.column), problem.suggestion) == (code, place, suggestion)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("*|FNAME|*", "{{ contact.first_name }}"),
        ("%%EmailAddr%%", "{{ contact.email }}"),
        ("*|UNSUB|*", "{{ unsubscribe_url }}"),
        ("%FIRSTNAME%", "{{ contact.first_name }}"),
    ],
)
def test_a_placeholder_of_another_system_is_translated(source: str, code: str) -> None:
    problem = only_problem(source)
    assert problem.code == "foreign_tag"
    assert problem.suggestion == f"Write {code}."


def test_handlebars_is_recognized() -> None:
    assert {problem.code for problem in check_liquid("{{#if x}}a{{/if}}")} == {"foreign_tag"}


def test_a_percentage_is_not_a_placeholder() -> None:
    assert check_liquid("From 20% to 30% off, 100%") == []


def test_an_apostrophe_inside_quotes_is_no_smart_quote() -> None:
    assert check_liquid('{{ contact.name | default: "it’s you" }}') == []


def test_parse_raises_with_every_error_and_the_field() -> None:
    with pytest.raises(ContentError) as caught:
        parse("{% if a = 1 %}{{ “b” }}", where=Where.SUBJECT)
    assert {problem.code for problem in caught.value.problems} == {
        "single_equals",
        "smart_quotes",
        "unclosed_block",
    }
    assert {problem.where for problem in caught.value.problems} == {Where.SUBJECT}


def test_the_same_source_is_parsed_once() -> None:
    assert parse("{{ a }} once") is parse("{{ a }} once")
    assert parse("{{ a }} once") is not parse("{{ a }} once", environment=HTML)


def test_html_escapes_data_and_literals_and_text_does_not() -> None:
    source, data = "{{ a }}{{ b | default: '<i>' }}", {"a": "<b>&"}
    assert render(parse(source, environment=HTML), data) == "&lt;b&gt;&amp;&lt;i&gt;"
    assert render(parse(source, environment=TEXT), data) == "<b>&<i>"


def test_escape_does_not_escape_twice() -> None:
    assert render(parse("{{ a | escape }}", environment=HTML), {"a": "<b>"}) == "&lt;b&gt;"
    assert render(parse("{{ a | escape }}", environment=TEXT), {"a": "<b>"}) == "<b>"


def test_newlines_become_breaks_only_in_html() -> None:
    data = {"a": "x <\ny"}
    assert render(parse("{{ a | newline_to_br }}", environment=HTML), data) == "x &lt;<br />\ny"
    assert render(parse("{{ a | newline_to_br }}", environment=TEXT), data) == "x <\ny"


@pytest.mark.parametrize("value", [None, "abc", [], {}, True])
def test_a_comparison_that_makes_no_sense_is_false(value: object) -> None:
    assert render(parse("{% if a > 18 %}yes{% else %}no{% endif %}"), {"a": value}) == "no"


def test_dates_are_formatted_whatever_form_they_have() -> None:
    template = parse("{{ a | date: '%d.%m.%Y' }}")
    for value in ("2026-03-12", "12 March 2026", "2026-03-12T08:00:00Z", 1773302400):
        assert render(template, {"a": value}) == "12.03.2026"
    assert render(template, {"a": "soon"}) == "soon"
    assert render(template, {}) == ""


def test_variables_are_found_without_the_templates_own() -> None:
    source = (
        "{{ contact.a }}{% for p in shop.items %}{{ p.x }}{% endfor %}{% assign q = contact['b c'] %}{{ q }}"
    )
    assert find_variables(source) == ["contact.a", "contact['b c']", "shop.items"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%# rawendcomt-\n'\"", max_size=80))
def test_the_pieces_joined_are_the_source(source: str) -> None:
    pieces = list(scan_liquid(source))
    assert "".join(piece.text for piece in pieces) == source
    assert all(source[piece.start : piece.end] == piece.text for piece in pieces)


def test_comments_nest_and_raw_hides_liquid() -> None:
    source = (
        "a{% comment %}{% comment %}x{% endcomment %}{{ y }}{% endcomment %}b{% raw %}{{ z }}{% endraw %}"
    )
    kinds = [(piece.kind, piece.name) for piece in scan_liquid(source)]
    assert kinds == [(Kind.TEXT, ""), (Kind.VERBATIM, "comment"), (Kind.TEXT, ""), (Kind.VERBATIM, "raw")]
    assert render(parse(source), {}) == "ab{{ z }}"
