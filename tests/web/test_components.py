"""The design system: what its tags write, and that none of it breaks the content security policy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django import forms
from django.http import Http404
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory, override_settings
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

import dynamail.web
from dynamail.web.charts import Series, make_funnel_chart, make_heatmap_chart, make_line_chart
from dynamail.web.numbers import format_number, format_percent
from dynamail.web.sparklines import draw_sparkline
from dynamail.web.states import STATES, look_up_state
from dynamail.web.views.styleguide import show_styleguide

WEB = Path(dynamail.web.__file__).parent
HOSTILE = "<script>alert(1)</script>\"' onload="


def draw(source: str, **context: object) -> html.HtmlElement:
    return html.fromstring(f"<div>{Template('{% load ui %}' + source).render(Context(context))}</div>")


def text_of(element: html.HtmlElement) -> str:
    return re.sub(r"[ \n]+", " ", element.text_content()).strip(" \n")  # a thin space is kept


# ── The policy ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("template", sorted(WEB.glob("templates/**/*.html")), ids=lambda path: path.name)
def test_no_template_writes_what_the_content_security_policy_blocks(template: Path) -> None:
    source = template.read_text(encoding="utf-8")

    if not template.name.endswith(
        "_document.html"
    ):  # these are shown in a frame, under a policy of their own
        assert not re.search(r"\sstyle\s*=", source), "style attributes are blocked: use a class"
    assert not re.search(r"\son[a-z]+\s*=", source), "inline handlers are blocked"
    assert not re.search(r"hx-on[:-]", source), "hx-on evaluates code"
    assert not re.search(r"<script(?![^>]*type=\"application/json\")[^>]*>\s*[^\s<]", source), (
        "inline scripts are blocked"
    )
    assert "//cdn" not in source


def test_every_icon_that_templates_name_exists() -> None:
    named = {
        name
        for template in WEB.glob("templates/**/*.html")
        for name in re.findall(r'{%\s*icon "([^"]+)"', template.read_text(encoding="utf-8"))
    }
    stored = {file.stem for file in (WEB / "icons").glob("*.svg")}

    assert named <= stored


def test_an_icon_that_is_not_there_is_named_in_the_error() -> None:
    with pytest.raises(TemplateSyntaxError, match=r"\.\./settings"):
        draw('{% icon "../settings" %}')


# ── Words from outside stay words ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "source",
    [
        "{% badge word %}",
        "{% chip word %}",
        "{% avatar word %}",
        "{% copy word %}",
        "{% kbd word %}",
        '{% icon "home" label=word %}',
        "{% stat word word change=word hint=word href=word %}",
        "{% progress 1 2 word %}",
        "{% stepper words 1 %}",
        "{% pager word word word %}",
        "{% card title=word text=word link=word href=word css=word id=word %}x{% endcard %}",
        "{% empty word word %}{% endempty %}",
        "{% alert title=word %}{{ word }}{% endalert %}",
        "{% table caption=word %}<tbody><tr><td>{{ word }}</td></tr></tbody>{% endtable %}",
        "{% modal id=word title=word %}{{ word }}{% endmodal %}",
        "{% dropdown word %}{{ word }}{% enddropdown %}",
        "{% chart drawing %}",
        "{% diagnostics problems word %}",
    ],
)
def test_a_hostile_word_stays_text_in_every_component(source: str) -> None:
    drawing = make_line_chart(HOSTILE, axis=HOSTILE, points=[HOSTILE, "b"], series=[Series(HOSTILE, [1, 2])])
    problems = [Problem(line=1, column=1, message=HOSTILE, severity="error")]

    drawn = draw(source, word=HOSTILE, words=[HOSTILE], drawing=drawing, problems=problems)

    assert not drawn.xpath("//script[not(@type='application/json')]")
    assert not drawn.xpath("//@onload")


@dataclass(frozen=True)
class Problem:
    line: int
    column: int
    message: str
    severity: str


# ── Numbers and moments ──────────────────────────────────────────────────────────────────────────────────────────────
def test_numbers_are_grouped_by_a_thin_space_in_every_language() -> None:
    assert format_number(412806) == "412\u202f806"
    assert format_number(-1234.5) == "\u22121\u202f234.5"
    assert format_number(None) == "\u2014"
    assert format_number(3.14159, decimals=2) == "3.14"
    with translation.override("ru"):
        assert format_number(1234.5) == "1\u202f234,5"


def test_a_share_that_is_small_does_not_read_as_zero() -> None:
    assert format_percent(0.4312) == "43.1%"
    assert format_percent(0) == "0.0%"
    assert format_percent(0.0004) == "<0.1%"
    assert format_percent(0.0004, decimals=2) == "0.04%"
    assert format_percent(None) == "\u2014"


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_a_whole_number_keeps_all_its_digits(value: int) -> None:
    assert int(format_number(value).replace("\u202f", "").replace("\u2212", "-")) == value


def test_a_moment_of_today_is_told_by_its_age_and_an_older_one_by_its_date() -> None:
    now = timezone.now()

    assert text_of(draw("{% when at %}", at=now)) == "just now"
    assert "ago" in text_of(draw("{% when at %}", at=now - timedelta(hours=3)))
    assert "ago" not in text_of(draw("{% when at %}", at=now - timedelta(days=3)))
    assert text_of(draw("{% when at %}", at=None)) == "\u2014"


def test_a_moment_is_told_to_the_second_and_with_its_zone_on_pointing() -> None:
    at = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)

    with timezone.override("Europe/Minsk"):
        assert draw("{% when at %}", at=at).xpath("//time/@title") == ["3 Feb 2020, 07:05:06 Europe/Minsk"]
        assert text_of(draw("{% when at seconds=True %}", at=at)) == "3 Feb 2020, 07:05:06"
        assert text_of(draw("{% when at %}", at=at)) == "3 Feb 2020, 07:05"
        assert text_of(draw("{% time_zone %}")) == "Europe/Minsk"


# ── Pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=60))
def test_a_sparkline_stays_inside_its_box(values: list[int]) -> None:
    drawing = draw_sparkline(values, width=120, height=32)

    assert drawing is not None
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", drawing.line)]
    assert all(0 <= x <= 120 for x in numbers[::2])
    assert all(0 <= y <= 32 for y in numbers[1::2])


@pytest.mark.parametrize("values", [[], [7]])
def test_a_sparkline_of_fewer_than_two_values_is_left_out(values: list[int]) -> None:
    assert text_of(draw("{% sparkline values %}", values=values)) == ""
    assert not draw("{% sparkline values %}", values=values).xpath(".//svg")


def test_a_chart_carries_its_options_and_a_table_with_the_same_numbers() -> None:
    drawing = make_line_chart(
        "Sent", axis="Day", points=["Mon", "Tue"], series=[Series("Sent", [1000, None])]
    )

    drawn = draw('{% chart drawing id="sent" %}', drawing=drawing)

    props = json.loads(drawn.xpath("//script[@id='sent-props']")[0].text)
    assert props["options"]["series"][0]["data"] == [1000, None]
    assert drawn.xpath("//*[@data-island='chart']/@data-props") == ["sent-props"]
    rows = [[text_of(cell) for cell in row] for row in drawn.xpath("//tbody/tr")]
    assert rows == [["Mon", "1\u202f000"], ["Tue", "\u2014"]]


def test_two_charts_of_one_page_never_share_an_id() -> None:
    drawing = make_funnel_chart("Funnel", axis="Step", column="People", steps=[("Sent", 2), ("Read", 1)])

    ids = draw("{% chart drawing %}{% chart drawing %}", drawing=drawing).xpath("//@id")

    assert len(ids) == len(set(ids)) == 4


def test_a_heat_map_of_zeros_still_has_a_scale() -> None:
    drawing = make_heatmap_chart("Clicks", rows=["Mon"], columns=["00", "01"], values=[[0, 0]])

    assert drawing.options["visualMap"]["max"] == 1  # type: ignore[index]
    assert list(drawing.rows[0]) == ["Mon", 0, 0]


# ── States ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_each_state_has_a_word_and_a_color_and_an_unknown_one_is_shown_as_it_is() -> None:
    for state, look in STATES.items():
        assert text_of(draw("{% badge state %}", state=state)) == str(look.label)
    assert look_up_state("in_review").label == "In review"
    assert look_up_state("in_review").tone == "neutral"


def test_progress_of_unknown_size_is_indeterminate() -> None:
    known = draw("{% progress 3 12 'Import' %}").xpath("//progress")[0]
    unknown = draw("{% progress 0 0 'Import' %}").xpath("//progress")[0]

    assert (known.get("value"), known.get("max")) == ("3", "12")
    assert unknown.get("value") is None
    assert unknown.get("aria-label") == "Import"


# ── Forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────
class Sample(forms.Form):
    name = forms.CharField(help_text="Only you see it.")
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"class": "wide"}))
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    agree = forms.BooleanField()
    secret = forms.CharField(widget=forms.HiddenInput, initial="x")


def test_every_widget_gets_its_class_and_keeps_its_own() -> None:
    drawn = draw("{% fields form %}", form=Sample())

    assert drawn.xpath("//input[@name='name']/@class") == ["input"]
    assert drawn.xpath("//textarea/@class") == ["textarea wide"]
    assert drawn.xpath("//input[@type='radio']/@class") == ["radio", "radio"]
    assert drawn.xpath("//input[@type='checkbox']/@class") == ["checkbox"]
    assert drawn.xpath("//input[@type='hidden']/@value") == ["x"]


def test_rendering_a_form_twice_does_not_pile_up_classes() -> None:
    form = Sample()
    form.as_div()

    assert draw("{% fields form %}", form=form).xpath("//input[@name='name']/@class") == ["input"]


def test_every_input_has_a_label_and_only_optional_fields_are_marked() -> None:
    drawn = draw("{% fields form %}", form=Sample())

    labelled = set(drawn.xpath("//label/@for"))
    assert set(drawn.xpath("//input[not(@type='hidden')]/@id | //textarea/@id")) <= labelled
    assert [text_of(mark.getparent()) for mark in drawn.xpath("//*[@class='field-optional']")] == [
        "Note optional"
    ]


def test_an_error_is_tied_to_its_input_and_told_in_the_summary() -> None:
    drawn = draw("{% fields form %}", form=Sample({"secret": "x"}))

    wrong = drawn.xpath("//input[@name='name']")[0]
    assert wrong.get("aria-invalid") == "true"
    for described in wrong.get("aria-describedby").split():
        assert drawn.xpath(f"//*[@id='{described}']"), described
    summary = drawn.xpath("//*[@data-error-summary]")[0]
    assert "Name: This field is required." in text_of(summary)


def test_the_source_editor_is_a_plain_textarea_first() -> None:
    class Source(forms.Form):
        source = forms.CharField(widget=forms.Textarea, initial="<mjml></mjml>")

    drawn = draw('{% code_editor form.source language="mjml" %}', form=Source())

    assert drawn.xpath("//*[@data-island='code']/textarea/@name") == ["source"]
    props = json.loads(drawn.xpath("//script[@id='id_source-props']")[0].text)
    assert props == {"language": "mjml", "label": "Source", "variables": []}


def test_problems_of_a_source_are_data_for_the_editor_and_a_list_for_the_reader() -> None:
    drawn = draw(
        '{% diagnostics problems "id_source" %}', problems=[Problem(3, 7, "Close the tag.", "error")]
    )

    data = json.loads(drawn.xpath("//script[@data-diagnostics-for='id_source']")[0].text)
    assert data == [{"line": 3, "column": 7, "message": "Close the tag.", "severity": "error"}]
    assert "line 3, column 7" in text_of(drawn)


# ── The page that shows it all ───────────────────────────────────────────────────────────────────────────────────────
@override_settings(DEBUG=True)
def test_the_style_guide_shows_every_component() -> None:
    page = html.fromstring(show_styleguide(RequestFactory().get("/styleguide")).content)

    assert len(page.xpath("//*[@data-island='chart']")) == 5
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert not page.xpath("//@style")


def test_the_style_guide_is_for_development_only() -> None:
    with pytest.raises(Http404):
        show_styleguide(RequestFactory().get("/styleguide"))


def test_a_page_for_recipients_needs_no_script() -> None:
    source = '{% extends "web/public_base.html" %}{% block title %}Preferences{% endblock %}{% block content %}<p>Hello</p>{% endblock %}'
    page = html.fromstring(Template(source).render(Context({"brand_name": "Acme", "policy_url": "/policy"})))

    assert not page.xpath("//script")
    assert page.xpath("//a[@href='/policy']")
    assert page.findtext(".//title") == "Preferences · Acme"
