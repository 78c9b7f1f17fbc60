from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.content.compiling import EmailSource, Kind, check_email, compile_email
from dynamail.content.mjml import check_mjml, compile_mjml
from dynamail.content.problems import ContentError, Problem, errors_of
from dynamail.content.programs import PlainResolver


def page(inside: str) -> str:
    return (
        f"<mjml>\n<mj-body>\n<mj-section><mj-column>\n{inside}\n</mj-column></mj-section>\n</mj-body></mjml>"
    )


def compiled(source: str) -> str:
    html, protected = compile_mjml(source)
    return protected.restore(html)


def first_problem(source: str) -> Problem:
    return check_mjml(source)[0]


@pytest.mark.parametrize(
    ("source", "code", "place", "suggestion"),
    [
        (page("<mj-txt>x</mj-txt>"), "unknown_element", (4, 1), "Did you mean <mj-text>?"),
        (page("<mj-text colr='red'>x</mj-text>"), "unknown_attribute", (4, 10), "Did you mean color?"),
        (page("<mj-text style='x'>x</mj-text>"), "unknown_attribute", (4, 10), "Use mj-style."),
        (page("<p>x</p>"), "unknown_element", (4, 1), "Put HTML into <mj-text> or <mj-raw>."),
        (page("words"), "text_outside", (4, 1), "Put it into <mj-text>."),
        (page("<mj-section></mj-section>"), "misplaced_element", (4, 1), "It belongs into <mj-body>, <mj-wrapper>."),
        (page("<mj-text>x"), "unclosed_element", (4, 1), "Add </mj-text>."),
        (page("<mj-image src='x'></mj-button>"), "stray_end", (4, 19), "Remove it."),
        (page("<mj-text"), "unclosed_tag", (4, 1), "Close it with >."),
        ("<html></html>", "no_mjml", (1, 1), "Begin with <mjml>, or choose HTML as the kind of this email."),
        ("", "no_mjml", (1, 1), "Begin with <mjml><mj-body>."),
        ("<mjml></mjml>", "no_body", (1, 1), "Put the content into <mj-body>…</mj-body>."),
        (page("<mj-include path='/etc/passwd' />"), "unknown_element", (4, 1), ""),
        (page("<mj-text {% if a %}align='left'{% endif %}>x</mj-text>"), "liquid_in_tag", (4, 10), "Put the condition around the whole element."),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_with_its_place(
    source: str, code: str, place: tuple[int, int], suggestion: str
) -> None:
    problem = first_problem(source)
    assert (problem.code, (problem.line, problem.column), problem.suggestion) == (code, place, suggestion)


def test_places_are_right_behind_liquid_of_another_length() -> None:
    problem = first_problem(page("{% if contact.first_name == 'somebody' %}<mj-txt />{% endif %}"))
    assert (problem.line, problem.column) == (4, 42)


@pytest.mark.parametrize(
    "source",
    [
        "<mjml>" + "<mj-wrapper>" * 80_000,
        "<mjml><mj-body>" + "<mj-section></mj-section>" * 30_000,
        "<a " * 300_000,
        "<!--" * 200_000,
        '<mjml a="' * 100_000,
        "</" * 400_000,
        "<mjml><mj-body><mj-raw>" * 40_000,
        "x" * 1_000_001,
        "\U0001f600" * 300_000,
        "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><mjml>&a;</mjml>",
    ],
    ids=lambda source: source[:30],
)
def test_huge_deep_and_foreign_input_is_refused_with_a_sentence(source: str) -> None:
    assert errors_of(check_mjml(source))
    with pytest.raises(ContentError):
        compile_mjml(source)


def test_no_font_and_no_icon_comes_from_another_host() -> None:
    html = compiled(page("<mj-text>x</mj-text>"))
    assert "fonts.googleapis" not in html
    assert "@import" not in html
    (problem,) = errors_of(
        check_mjml(page("<mj-social><mj-social-element name='facebook'>x</mj-social-element></mj-social>"))
    )
    assert problem.code == "icon_host"


def test_web_fonts_are_left_out_and_said() -> None:
    source = (
        "<mjml><mj-head><mj-font name='R' href='https://fonts.example/r.css' /></mj-head><mj-body>"
        "<mj-section><mj-column><mj-text font-family='R'>x</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    assert [problem.code for problem in check_mjml(source)] == ["web_font"]
    assert "fonts.example" not in compiled(source)


def test_html_inside_text_may_be_anything() -> None:
    inside = "a<br>b &nbsp; 1 < 2 <img src=x> <p>open <!--[if mso]><b>m</b><![endif]-->"
    assert inside in compiled(page(f"<mj-text>{inside}</mj-text>"))


@pytest.mark.parametrize(
    "code",
    [
        '{{ contact.name | default: "you & me" }}',
        "{{ contact.name | default: &quot;you&quot; }}",
        "{{&nbsp;contact.name&nbsp;}}",
        "{% if contact.count &gt; 5 %}x{% endif %}",
        "{% if contact.count < 5 %}x{% endif %}",
    ],
)
def test_liquid_survives_in_text_and_attributes(code: str) -> None:
    html = compiled(
        page(f"<mj-text>{code}</mj-text><mj-button href='https://x.example/?q={code}'>b</mj-button>")
    )
    wanted = code.replace("&quot;", '"').replace("&gt;", ">").replace("&nbsp;", " ")
    assert html.count(wanted) == 2


SECTION = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
REGIONS = [
    "{% if a %}" + SECTION.format("A") + "{% else %}" + SECTION.format("B") + "{% endif %}",
    "<mj-raw>{% if a %}</mj-raw>" + SECTION.format("A") + "<mj-raw>{% else %}</mj-raw>" + SECTION.format("B") + "<mj-raw>{% endif %}</mj-raw>",
    "<mj-wrapper>{% if a %}" + SECTION.format("A") + "{% else %}" + SECTION.format("B") + "{% endif %}</mj-wrapper>",
    "<mj-section>{% if a %}<mj-column><mj-text>A</mj-text></mj-column>{% else %}<mj-column><mj-text>B</mj-text></mj-column>{% endif %}</mj-section>",
    "<mj-section><mj-column>{% if a %}<mj-text>A</mj-text>{% else %}<mj-text>B</mj-text>{% endif %}</mj-column></mj-section>",
    "{% for x in two %}" + SECTION.format("A") + "{% endfor %}{% unless a %}" + SECTION.format("B") + "{% endunless %}",
]  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("a", [True, False])
@pytest.mark.parametrize("outlook", [True, False])
def test_html_stays_balanced_in_every_branch_for_outlook_and_for_others(
    region: str, a: bool, outlook: bool
) -> None:
    email = compile_email(EmailSource(Kind.MJML, f"<mjml><mj-body>{region}</mj-body></mjml>", "s"))
    assert email.html is not None
    html = email.html.render({"a": a, "two": [1, 2] if a else []}, PlainResolver())
    if outlook:
        html = re.sub(r"<!--\[if mso \| IE\]>(.*?)<!\[endif\]-->", r"\1", html, flags=re.DOTALL)
    html = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    for name in ("table", "tr", "td", "div", "tbody"):
        assert len(re.findall(rf"<{name}\b", html)) == len(re.findall(rf"</{name}>", html)), name
    assert (">A<" in html, ">B<" in html) == (a, not a)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<mjml>", "</mjml>", "<mj-body>", "</mj-body>", "<mj-section>", "</mj-section>", "<mj-column>", "</mj-column>", "<mj-text>",
             "</mj-text>", "<mj-image src='x' />", "<mj-raw>", "</mj-raw>", "<", ">", "{{ a }}", "{% if a %}", "{% endif %}", "text", "&", "<!--", "-->",
             "<mj-style>", "</mj-style>", "<p>", "\"", "'", " a='b'", "/>"]
        ),
        max_size=25,
    ).map("".join)
)  # fmt: skip
def test_any_soup_compiles_or_is_refused(source: str) -> None:
    compiled_or_refused = check_email(EmailSource(Kind.MJML, source, "s"))
    assert all(problem.sentence for problem in compiled_or_refused)
