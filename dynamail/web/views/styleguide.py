"""Every component of the design system on one page, for those who build pages. In development only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from dynamail.web.access import public_page
from dynamail.web.charts import (
    Chart,
    Series,
    Slice,
    make_bar_chart,
    make_funnel_chart,
    make_heatmap_chart,
    make_line_chart,
    make_ring_chart,
)
from dynamail.web.states import STATES
from dynamail.web.templatetags.ui import ICONS

SOURCE = """<mjml>
  <mj-body background-color="#f6f7f9">
    <mj-section padding="32px 24px">
      <mj-column>
        <mj-text font-size="20px">Hello {{ contact.first_name | default: "friend" }},</mj-text>
        {% if contact.plan = "pro" %}<mj-button href="https://shop.example/">Show me</mj-button>{% endif %}
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
SENT = (9, 11, 14, 15, 15, 14, 13, 12, 11, 11, 12, 14, 16, 17, 17, 16, 15, 13, 12, 12, 14, 16, 17, 18, 18, 17)


@dataclass(frozen=True)
class Place:
    """A link of the navigation, the tabs or the crumbs."""

    title: str
    url: str
    icon: str = ""
    active: bool = False
    key: str = ""
    count: int | None = None


@dataclass(frozen=True)
class Variable:
    path: str
    label: str


@dataclass(frozen=True)
class Problem:
    line: int
    column: int
    message: str
    severity: str


@dataclass(frozen=True)
class Row:
    name: str
    state: str
    at: datetime
    sent: int
    opened: float | None
    clicked: float | None
    trend: tuple[int, ...]


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(help_text="Only you see it.")
    email = forms.EmailField(label="Email", initial="anna@example.org")
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), required=False
    )
    topic = forms.ChoiceField(choices=[("news", "Product news"), ("tips", "Weekly tips")])
    send_at = forms.DateTimeField(
        label="Send at", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    file = forms.FileField(required=False, help_text="CSV, TSV or XLSX.")
    basis = forms.ChoiceField(
        label="Consent",
        widget=forms.RadioSelect,
        choices=[
            ("form", "They signed up with a form"),
            ("import", "They agreed elsewhere; I keep the proof"),
        ],
        initial="form",
    )
    tags = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        required=False,
        choices=[("vip", "VIP"), ("store", "Store"), ("eu", "EU")],
    )
    agree = forms.BooleanField(
        label="I have the consent of these people", help_text="You are asked for it again."
    )


class SourceForm(forms.Form):
    source = forms.CharField(widget=forms.Textarea(attrs={"spellcheck": "false"}), initial=SOURCE)


@public_page
def show_styleguide(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    return render(request, "web/styleguide.html", _make_context(str(request.GET.get("theme", ""))))


def _make_context(theme: str) -> dict[str, object]:
    return {
        "page_title": "Style guide",
        "crumbs": [Place("Home", "/"), Place("Style guide", "")],
        "tabs": [
            Place("Overview", "#overview", "layout-grid", active=True),
            Place("Recipients", "#recipients", count=48_210),
            Place("Links", "#links"),
        ],
        "theme": theme,
        "states": STATES,
        "icons": sorted(file.stem for file in ICONS.glob("*.svg")),
        "rows": _make_rows(),
        "trend": SENT,
        "steps": ["File", "Columns", "Consent", "Check", "Import"],
        "form": SampleForm(),
        "wrong_form": SampleForm({"email": "anna@", "topic": "news", "basis": "form"}, auto_id="wrong_%s"),
        "source_form": SourceForm(),
        "variables": [Variable("contact.first_name", "First name"), Variable("contact.plan", "Plan")],
        "problems": [Problem(6, 28, 'Use == to compare: {% if contact.plan == "pro" %}', "error")],
        **{f"{name}_chart": chart for name, chart in _make_charts().items()},
    }


def _make_rows() -> list[Row]:
    at = datetime(2026, 11, 12, 10, 0, tzinfo=UTC)
    return [
        Row("Spring drop: new arrivals", "sent", at, 48_210, 0.412, 0.068, (3, 9, 22, 14, 8, 5, 4)),
        Row("Black Friday early access", "sending", at, 122_904, None, None, (1, 4, 9, 15)),
        Row("Weekly digest 47", "scheduled", at, 18_022, None, None, ()),
        Row("Новинки недели", "paused", at, 9_870, 0.52, 0.091, (2, 12, 9, 6, 6, 3, 2)),
        Row("Win-back after 90 days", "draft", at, 0, None, None, ()),
    ]


def _make_charts() -> dict[str, Chart]:
    days = [f"{day} Nov" for day in range(1, len(SENT) + 1)]
    hours = [f"{hour:02}" for hour in range(0, 24, 2)]
    return {
        "line": make_line_chart(
            "Messages sent and opened per day in November",
            axis="Day",
            points=days,
            series=[Series("Sent", [n * 1000 for n in SENT]), Series("Opened", [n * 430 for n in SENT])],
        ),
        "bar": make_bar_chart(
            "Bounces per day by cause",
            axis="Day",
            points=days[:12],
            series=[Series("Unknown address", SENT[:12]), Series("Mailbox full", SENT[12:24])],
            stacked=True,
        ),
        "funnel": make_funnel_chart(
            "From sent to bought",
            axis="Step",
            column="Contacts",
            steps=[("Sent", 48_210), ("Delivered", 47_590), ("Opened", 19_610), ("Clicked", 3_240)],
        ),
        "ring": make_ring_chart(
            "Where messages were read",
            axis="Device",
            column="Opens",
            slices=[Slice("Phone", 11_900), Slice("Computer", 6_200), Slice("Tablet", 1_500)],
        ),
        "heatmap": make_heatmap_chart(
            "Clicks by weekday and hour",
            rows=["Mon", "Tue", "Wed", "Thu", "Fri"],
            columns=hours,
            values=[[(row * 7 + column * 5) % 23 for column in range(12)] for row in range(5)],
        ),
    }


urlpatterns: list[URLPattern] = [path("styleguide", show_styleguide, name="styleguide")]
