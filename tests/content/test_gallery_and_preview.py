from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from dynamail.content.checking import review_email
from dynamail.content.compiling import EmailSource, Kind, compile_email
from dynamail.content.gallery import GalleryTemplate, UnknownTemplate, get_gallery_template, list_gallery
from dynamail.content.personalization import without_blanks
from dynamail.content.preview import render_email, render_preview, sample_context
from dynamail.content.problems import ContentError
from dynamail.content.programs import PlainResolver


def ids(template: GalleryTemplate) -> str:
    return template.slug


def test_there_are_six_templates_with_different_names() -> None:
    assert len({template.name for template in list_gallery()}) == 6


@pytest.mark.parametrize("template", list_gallery(), ids=ids)
def test_a_ready_template_passes_the_review_but_for_its_sample_addresses(template: GalleryTemplate) -> None:
    compiled = compile_email(template.as_email())
    assert {problem.code for problem in review_email(compiled)} <= {"placeholder_link"}
    assert compiled.has_own_unsubscribe
    assert template.description
    assert template.categories


@pytest.mark.parametrize("template", list_gallery(), ids=ids)
@pytest.mark.parametrize("contact", [None, {}, {"first_name": "", "name": ""}, {"first_name": "Ёлка <b>"}])
def test_a_ready_template_reads_well_for_anybody(
    template: GalleryTemplate, contact: dict[str, object]
) -> None:
    rendered = render_email(compile_email(template.as_email()), sample_context(contact))
    assert rendered.html is not None
    for text in (rendered.subject, rendered.html, rendered.text):
        assert "{{" not in text
        assert "{%" not in text
        assert "[contact.first_name" not in text
        assert not re.search(r"(Hello|Dear) +,", text)
    assert "<b>" not in rendered.html.replace("&lt;b&gt;", "")
    assert len(rendered.text) > 300


@pytest.mark.parametrize("template", list_gallery(), ids=ids)
def test_a_ready_template_loads_nothing_from_another_host(template: GalleryTemplate) -> None:
    html = render_preview(template.as_email(), sample_context())
    assert "<img" not in html
    assert "<link" not in html
    assert "@import" not in html
    assert "url(" not in html
    assert "color-scheme" in template.source
    assert "prefers-color-scheme: dark" in template.source


def test_an_unknown_template_is_said() -> None:
    with pytest.raises(UnknownTemplate):
        get_gallery_template("../../etc/passwd")


def test_missing_values_show_their_names_unless_they_have_a_default() -> None:
    body = (
        "<p>{{ contact.city }} {{ contact.deep.er }} {{ plan }} {{ contact.city | default: 'Town' }} {{ contact.city | upcase }}"
        "{% if contact.city %}yes{% else %}no{% endif %}{% for x in contact.city %}x{% endfor %}</p>"
    )
    html = render_preview(EmailSource(Kind.HTML, body, "s"), sample_context({"deep": {}}))
    assert "<p>[contact.city] [contact.deep.er] [plan] Town [CONTACT.CITY]no</p>" in html


def test_an_own_dark_style_decides_the_dark_preview() -> None:
    body = "<style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style><p>x</p>"
    dark = render_preview(EmailSource(Kind.HTML, body, "s"), sample_context(), dark=True)
    light = render_preview(EmailSource(Kind.HTML, body, "s"), sample_context())
    assert "@media all {" in dark
    assert "@media not all {" in light
    assert "invert(1)" not in dark


def test_without_a_dark_style_the_colors_are_turned_around() -> None:
    assert "invert(1)" in render_preview(EmailSource(Kind.HTML, "<p>x</p>", "s"), sample_context(), dark=True)


def test_plain_text_is_shown_as_text() -> None:
    html = render_preview(
        EmailSource(Kind.TEXT, "a < b {{ contact.name }}", "s"), sample_context({"name": "<script>"})
    )
    assert "a &lt; b &lt;script&gt;" in html
    assert "<script" not in html


def test_a_preview_of_broken_source_says_what_is_broken() -> None:
    with pytest.raises(ContentError):
        render_preview(EmailSource(Kind.HTML, "{{ a", "s"), sample_context())


def test_sample_data_is_of_the_chosen_contact_alone() -> None:
    context = sample_context({"first_name": "Ira"}, now=datetime(2026, 3, 12, 9, tzinfo=UTC))
    assert context["contact"] == {"first_name": "Ira"}
    assert context["today"] == date(2026, 3, 12)


def test_blank_values_are_left_out() -> None:
    fields = {"name": "Ada", "city": " ", "n": 0, "yes": False, "tags": [], "none": None, "map": {}}
    assert without_blanks(fields) == {"name": "Ada", "n": 0, "yes": False}


@pytest.mark.parametrize("template", list_gallery(), ids=ids)
def test_a_greeting_without_a_name_has_no_gap(template: GalleryTemplate) -> None:
    compiled = compile_email(template.as_email())
    for first_name in ("", None):
        data = {**sample_context(), "contact": {"email": "a@b.example", "first_name": first_name}}
        for program in (compiled.subject, compiled.text):
            text = program.render(data, PlainResolver())
            assert not re.search(r"(hello|dear|morning|welcome|you),? +[,.]|, *[-–]", text, re.IGNORECASE)
