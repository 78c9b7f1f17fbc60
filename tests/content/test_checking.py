from __future__ import annotations

import pytest

from dynamail.content.checking import contact_attributes_used, find_unknown_variables, review_email
from dynamail.content.compiling import EmailSource, Kind, Stream, compile_email
from dynamail.content.problems import Problem, Severity, Where

GOOD = (
    '<p>Hi {{ contact.first_name }}</p><a href="https://shop.dyna/">x</a><img src="https://shop.dyna/a.png" alt="a" width="9">'
    '<a href="{{ unsubscribe_url }}">u</a>'
)


def review(body: str = GOOD, *, subject: str = "Hello", preheader: str = "Read me", kind: Kind = Kind.HTML, attributes: tuple[str, ...] = (), stream: Stream = Stream.MARKETING) -> list[Problem]:  # fmt: skip
    return review_email(compile_email(EmailSource(kind, body, subject, preheader, stream=stream)), attributes)


def test_a_good_email_has_nothing_to_say() -> None:
    assert review() == []


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ('\n <a href="">x</a>', "empty_link", (2, 2)),
        ('<a href="#">x</a>', "empty_link", (1, 1)),
        ('<a href="http://shop.dyna/">x</a>', "insecure_link", (1, 1)),
        ('<a href="www.shop.dyna">x</a>', "bad_link", (1, 1)),
        ('<a href="https://shop">x</a>', "bad_link", (1, 1)),
        ('<a href="https:///x">x</a>', "bad_link", (1, 1)),
        ('<a href="https://[x">x</a>', "bad_link", (1, 1)),
        ('<a href="https://shop dyna.com/">x</a>', "bad_link", (1, 1)),
        ('<a href="https://www.example.com/">x</a>', "placeholder_link", (1, 1)),
        ('<img src="https://shop.dyna/a.png" width="9">', "no_alt", (1, 1)),
        ('<img src="https://shop.dyna/a.png" alt="">', "no_width", (1, 1)),
        ('<img src="a.png" alt="" width="9">', "bad_image", (1, 1)),
        ('<img alt="" width="9">', "no_src", (1, 1)),
        ("<p>Lorem ipsum dolor</p>", "placeholder", (1, 4)),
        ("<p>[Your company]</p>", "placeholder", (1, 4)),
        ("<p>*|FNAME|*</p>", "foreign_tag", (1, 4)),
        ("<script>x</script>", "removed", (1, 1)),
    ],
)
def test_a_weak_spot_is_found_with_its_place(body: str, code: str, place: tuple[int, int]) -> None:
    (problem,) = review(body, stream=Stream.TRANSACTIONAL)
    assert (problem.code, (problem.line, problem.column)) == (code, place)
    assert problem.severity is Severity.WARNING


@pytest.mark.parametrize(
    "href",
    ["mailto:a@b.dyna", "tel:+375", "#part", "{{ contact.site }}", "https://shop.dyna/{{ contact.id }}"],
)
def test_good_links_are_left_alone(href: str) -> None:
    problems = review(f'<a href="{href}">x</a>', stream=Stream.TRANSACTIONAL, attributes=("site", "id"))
    assert problems == []


def test_mjml_is_reviewed_where_its_author_wrote_it() -> None:
    body = '<mjml><mj-body><mj-section><mj-column>\n<mj-image src="https://shop.dyna/a.png" />\n<mj-button href="#">x</mj-button></mj-column></mj-section></mj-body></mjml>'
    problems = review(body, kind=Kind.MJML, stream=Stream.TRANSACTIONAL)
    assert [(problem.code, problem.line) for problem in problems] == [("no_alt", 2), ("empty_link", 3)]


def test_plain_text_links_are_reviewed() -> None:
    (problem,) = review("See\nhttp://shop.dyna/x", kind=Kind.TEXT, stream=Stream.TRANSACTIONAL)
    assert (problem.code, problem.line, problem.column) == ("insecure_link", 2, 1)


@pytest.mark.parametrize(
    ("subject", "code"),
    [("", "no_subject"), ("x" * 71, "long_subject"), ("BUY EVERYTHING NOW", "shouting")],
)
def test_the_subject_is_reviewed(subject: str, code: str) -> None:
    (problem,) = review(subject=subject)
    assert (problem.code, problem.where) == (code, Where.SUBJECT)


def test_an_email_without_subject_cannot_be_sent() -> None:
    assert review(subject=" ")[0].severity is Severity.ERROR


def test_a_missing_preheader_is_said() -> None:
    assert [problem.code for problem in review(preheader="")] == ["no_preheader"]


def test_the_added_footer_is_said() -> None:
    assert [problem.code for problem in review("<p>x</p>")] == ["footer_added"]


def test_the_size_is_compared_with_what_gmail_shows() -> None:
    (problem,) = review(GOOD + "<p>" + "x" * 103_000 + "</p>")
    assert problem.code == "too_long_for_gmail"
    assert "104 KB" in problem.sentence
    assert [p.code for p in review(GOOD + "<p>" + "x" * 88_000 + "</p>")] == ["nearly_clipped"]


@pytest.mark.parametrize(
    ("code", "suggestion"),
    [
        ("{{ first_name }}", "Write {{ contact.first_name }}."),
        ("{{ plan }}", "Write {{ contact.plan }}."),
        ("{{ contact.frist_name }}", "Did you mean contact.first_name?"),
        ("{{ contact.plam }}", "Did you mean contact.plan?"),
        ("{{ contacts.email }}", "Did you mean contact.email?"),
        ("{{ account.nam }}", "Did you mean account.name?"),
        ("{{ unsubscribe_link }}", "Did you mean unsubscribe_url?"),
        ("{{ zebra }}", ""),
    ],
)
def test_an_unknown_variable_is_found_and_its_meaning_guessed(code: str, suggestion: str) -> None:
    source = EmailSource(Kind.HTML, f"\n<p>{code}</p>", "s")
    (problem,) = find_unknown_variables(source, ("plan",))
    assert (problem.code, problem.line, problem.suggestion) == ("unknown_variable", 2, suggestion)


def test_known_variables_and_the_templates_own_are_no_problem() -> None:
    body = (
        "{{ contact.email }}{{ contact.plan }}{{ account.postal_address }}{{ campaign.subject }}{{ today }}{{ view_url }}"
        "{% for p in order.items %}{{ p.x }}{% endfor %}{% assign q = 1 %}{{ q }}{{ contact[key] }}{% increment n %}"
    )
    source = EmailSource(Kind.HTML, body, "{{ contact.name }}", "{{ preferences_url }}")
    assert find_unknown_variables(source, ("plan",), extra_roots=("order", "key")) == []


def test_the_attributes_that_an_email_reads_are_listed() -> None:
    source = EmailSource(
        Kind.HTML, "{{ contact.plan }}{% if contact.age &gt; 3 %}{% endif %}", "{{ contact.email }}"
    )
    assert contact_attributes_used(source) == {"plan", "age", "email"}
