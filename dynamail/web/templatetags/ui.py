"""The design system as template tags; `/styleguide` shows each one. Markup lives in `templates/components/`.

Block tags (`{% card %}…{% endcard %}`) take their inside as content. No tag writes a style attribute: the content security
policy blocks it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from django import template
from django.forms import BaseForm
from django.forms.boundfield import BoundField
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from dynamail.web.charts import Chart
from dynamail.web.forms_look import is_choice_list, is_single_check
from dynamail.web.numbers import Number, format_number, format_percent
from dynamail.web.sparklines import draw_sparkline
from dynamail.web.states import look_up_state

register = template.Library()

ICONS = Path(__file__).resolve().parent.parent / "icons"
TONE_ICONS = {
    "neutral": "info-circle",
    "info": "info-circle",
    "primary": "sparkles",
    "success": "circle-check",
    "warning": "alert-triangle",
    "error": "alert-circle",
}
MESSAGE_TONES = {"debug": "neutral"}
HUES = 6


# ── Icons and small words ────────────────────────────────────────────────────────────────────────────────────────────
@cache
def _read_icon(name: str) -> str:
    path = ICONS / f"{name}.svg"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise template.TemplateSyntaxError(f"There is no icon {name!r} in dynamail/web/icons.")
    return re.sub(r"^<svg[^>]*>|</svg>\s*$", "", path.read_text(encoding="utf-8"))


@register.simple_tag
def icon(name: str, size: int = 18, label: str = "", css: str = "") -> SafeString:
    """An inlined icon of `size` pixels. Without `label` it is decoration and hidden from screen readers."""
    role = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon {}" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>',
        css,
        size,
        size,
        role,
        mark_safe(_read_icon(name)),  # noqa: S308 — our own files
    )


@register.simple_tag
def logo(size: int = 28) -> str:
    return render_to_string("components/logo.html", {"size": size})


@register.simple_tag
def badge(state: object, label: str = "", tone: str = "") -> SafeString:
    """A state in its color: `{% badge campaign.state %}`. `label` and `tone` replace what the table of states says."""
    look = look_up_state(str(getattr(state, "value", state)))
    live = "state-live" if look.live and not tone else ""
    return format_html(
        '<span class="state tone-{} {}">{}</span>', tone or look.tone, live, label or look.label
    )


@register.simple_tag
def chip(text: str, icon_name: str = "") -> SafeString:
    """A tag, a topic or another word in a box."""
    return format_html('<span class="chip">{}{}</span>', icon(icon_name, 14) if icon_name else "", text)


@register.simple_tag
def kbd(*keys: str) -> SafeString:
    """Keys of the keyboard: `{% kbd "Ctrl" "K" %}`."""
    return format_html(
        '<span class="keys">{}</span>',
        format_html_join("", '<kbd class="key">{}</kbd>', ((key,) for key in keys)),
    )


@register.simple_tag
def avatar(name: str, size: str = "", shape: str = "") -> SafeString:
    """Initials on a color of their own; `size` is empty, `sm` or `lg`, `shape` empty or `round`."""
    words = re.findall(r"[^\W_]+", str(name))
    initials = "".join(word[0] for word in (words[:2] if len(words) > 1 else words)).upper() or "?"
    classes = " ".join(f"avatar-{word}" for word in (size, shape) if word)
    hue = crc32(str(name).encode()) % HUES + 1
    return format_html(
        '<span class="avatar-tile hue-{} {}" aria-hidden="true">{}</span>', hue, classes, initials
    )


@register.simple_tag
def copy(text: str, shown: str = "", bare: bool = False) -> str:
    """A value with a button that copies it; `bare` leaves the button alone, `shown` is what the eye sees."""
    return render_to_string("components/copy.html", {"text": text, "shown": shown or text, "bare": bare})


# ── Numbers and time ─────────────────────────────────────────────────────────────────────────────────────────────────
@register.filter
def number(value: Number | None, decimals: int | None = None) -> str:
    """`{{ 412806|number }}`: 412 806. `{{ 3.14159|number:2 }}`: 3.14."""
    return format_number(value, decimals=decimals)


@register.filter
def percent(share: Number | None, decimals: int = 1) -> str:
    """`{{ 0.4312|percent }}`: 43.1%. The value is a share between 0 and 1."""
    return format_percent(share, decimals=decimals)


@register.filter
def tone_of(level: str) -> str:
    """The tone of a Django message's level tag."""
    return MESSAGE_TONES.get(level, level) or "info"


@register.simple_tag
def when(moment: datetime | date | None, relative: bool = True, seconds: bool = False) -> SafeString:
    """A moment: "5 minutes ago" within a day, else date and time; to the second and with its zone on pointing."""
    if moment is None:
        return mark_safe('<span class="muted">—</span>')
    shown = _write_moment(moment, seconds=seconds)
    if relative and isinstance(moment, datetime):
        age = timezone.now() - moment
        if 0 <= age.total_seconds() < 60:
            shown = _("just now")
        elif 0 <= age.total_seconds() < 86_400:
            shown = _("%(time)s ago") % {"time": timesince(moment, depth=1)}
    exact = _write_exact(moment)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, shown)


@register.simple_tag
def time_zone() -> str:
    """The zone that the moments of this page are told in: Europe/Minsk."""
    return timezone.get_current_timezone_name()


def _write_moment(moment: datetime | date, *, seconds: bool = False) -> str:
    if not isinstance(moment, datetime):
        return formats.date_format(moment, "DATE_FORMAT")
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    day = formats.date_format(local, "j M" if local.year == timezone.localdate().year else "j M Y")
    return f"{day}, {local:%H:%M:%S}" if seconds else f"{day}, {local:%H:%M}"


def _write_exact(moment: datetime | date) -> str:
    """Such as `23 Nov 2026, 16:20:36 Europe/Minsk`."""
    if not isinstance(moment, datetime):
        return formats.date_format(moment, "DATE_FORMAT")
    if not timezone.is_aware(moment):
        return _write_moment(moment, seconds=True)
    local = timezone.localtime(moment)
    return f"{formats.date_format(local, 'j M Y')}, {local:%H:%M:%S} {time_zone()}"


# ── Numbers as pictures ──────────────────────────────────────────────────────────────────────────────────────────────
@register.simple_tag
def sparkline(values: Sequence[float | int], label: str = "", width: int = 120, height: int = 32) -> str:
    """A small line as SVG; with a `label` it is a picture with a name, without it decoration."""
    drawing = draw_sparkline(list(values or []), width=width, height=height)
    return (
        render_to_string("components/sparkline.html", {"drawing": drawing, "label": label}) if drawing else ""
    )


@register.simple_tag
def stat(
    label: str,
    value: object,
    change: str = "",
    tone: str = "",
    hint: str = "",
    spark: Sequence[float | int] | None = None,
    href: str = "",
    icon_name: str = "",
) -> str:
    """A number with its name, inside `<dl class="kpi-grid">`. `change` such as "+1.2 pt" is green or red by `tone`."""
    direction = {"+": "up", "-": "down", "−": "down"}.get(change[:1], "")
    return render_to_string(
        "components/stat.html",
        {
            "label": label,
            "value": value,
            "change": change,
            "direction": direction,
            "tone": tone,
            "hint": hint,
            "spark": spark,
            "href": href,
            "icon_name": icon_name,
        },
    )


@register.simple_tag
def progress(done: int, total: int, label: str = "", tone: str = "", id: str = "") -> str:
    """A bar with "done of total" beside its label; `total` of 0 shows work whose size is not known yet."""
    share = min(1.0, done / total) if total else None
    return render_to_string(
        "components/progress.html",
        {"done": done, "total": total, "share": share, "label": label, "tone": tone, "id": id},
    )


@register.simple_tag(takes_context=True)
def chart(context: Context, drawing: Chart, size: str = "", id: str = "", table: bool = True) -> str:
    """A chart (`dynamail.web.charts`) with its "show as table" twin; `size` is empty, `sm` or `lg`."""
    return render_to_string(
        "components/chart.html",
        {
            "chart": drawing,
            "props": {"options": drawing.options, "label": drawing.label, "unit": drawing.unit},
            "size": size,
            "id": id or _make_id(context, "chart", drawing.label),
            "table": table,
        },
    )


@register.filter
def chart_value(value: object, unit: str) -> object:
    """A cell of a chart's table: numbers in the chart's unit, words as they are."""
    if value is None or isinstance(value, int | float):
        return format_percent(value) if unit == "percent" else format_number(value)
    return value


# ── Boxes ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@register.simple_block_tag
def card(
    content: SafeString,
    title: str = "",
    text: str = "",
    icon_name: str = "",
    href: str = "",
    link: str = "",
    flush: bool = False,
    css: str = "",
    id: str = "",
) -> str:
    """A section with a title. `link` to `href` stands at the right; `flush` lets a table or rows reach the edges."""
    return render_to_string(
        "components/card.html",
        {
            "content": content,
            "title": title,
            "text": text,
            "icon_name": icon_name,
            "href": href,
            "link": link,
            "flush": flush,
            "css": css,
            "id": id,
        },
    )


@register.simple_block_tag
def empty(content: SafeString, title: str, text: str = "", icon_name: str = "inbox") -> str:
    """Nothing here yet: what this is for, and inside the block the one thing to do."""
    return render_to_string(
        "components/empty.html", {"content": content, "title": title, "text": text, "icon_name": icon_name}
    )


@register.simple_block_tag
def alert(content: SafeString, tone: str = "info", title: str = "", icon_name: str = "") -> str:
    """A notice that stays on the page. Errors are announced to screen readers at once."""
    return render_to_string(
        "components/alert.html",
        {"content": content, "tone": tone, "title": title, "icon_name": icon_name or TONE_ICONS[tone]},
    )


@register.simple_block_tag
def table(content: SafeString, caption: str, css: str = "", id: str = "") -> str:
    """A table that scrolls sideways on a phone. `caption` names it for screen readers; numbers take class `num`."""
    return render_to_string(
        "components/table.html", {"content": content, "caption": caption, "css": css, "id": id}
    )


@register.simple_block_tag
def modal(content: SafeString, id: str, title: str, size: str = "", open: bool = False) -> str:
    """A dialog; `<button command="show-modal" commandfor="ID">` opens it. `size` is empty or `wide`."""
    return render_to_string(
        "components/modal.html", {"content": content, "id": id, "title": title, "size": size, "open": open}
    )


@register.simple_block_tag(takes_context=True)
def dropdown(
    context: Context,
    content: SafeString,
    label: str,
    icon_name: str = "chevron-down",
    css: str = "btn",
    icon_only: bool = False,
    side: str = "",
    id: str = "",
) -> str:
    """A menu of `pop-item` links and buttons. `side` is empty (below, to the left), `start` or `up`."""
    return render_to_string(
        "components/dropdown.html",
        {
            "content": content,
            "label": label,
            "icon_name": icon_name,
            "css": css,
            "icon_only": icon_only,
            "side": side,
            "id": id or _make_id(context, "menu", content),
        },
    )


# ── Moving about ─────────────────────────────────────────────────────────────────────────────────────────────────────
@register.simple_tag
def tabs(items: Sequence[Any], label: str = "") -> str:
    """Links under the title. Items have `title`, `url`, `active`, and perhaps `icon` and `count`."""
    return render_to_string("components/tabs.html", {"items": items, "label": label or _("Sections")})


@register.simple_tag
def stepper(steps: Sequence[str], current: int) -> str:
    """Steps of a longer act; `current` counts from 1."""
    numbered = [
        {"title": title, "done": place < current, "current": place == current}
        for place, title in enumerate(steps, start=1)
    ]
    return render_to_string("components/stepper.html", {"steps": numbered})


@register.simple_tag
def pager(previous_url: str = "", next_url: str = "", summary: str = "") -> str:
    """Back and forth in a long list (keyset paging: no page numbers)."""
    return render_to_string(
        "components/pager.html", {"previous_url": previous_url, "next_url": next_url, "summary": summary}
    )


# ── Forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@register.simple_tag
def field(bound: BoundField) -> str:
    """One field: label, input, help, error. Attributes come from the form class."""
    return bound.as_field_group()


@register.simple_tag
def fields(form: BaseForm) -> str:
    """All fields of a form with its error summary and hidden fields."""
    return render_to_string("components/form_body.html", {"form": form})


@register.simple_tag
def form_errors(form: BaseForm) -> str:
    """The summary of what to correct, first thing in a form; empty when all is well."""
    return render_to_string("components/form_errors.html", {"form": form})


@register.filter
def is_check(bound: BoundField) -> bool:
    return is_single_check(bound)


@register.filter
def is_choices(bound: BoundField) -> bool:
    return is_choice_list(bound)


@register.simple_tag
def code_editor(
    bound: BoundField,
    language: str = "mjml",
    variables: Sequence[Any] = (),
    size: str = "",
) -> str:
    """The source editor over a textarea field. Variables have `path` and `label`; `size` is empty or `tall`."""
    props = {
        "language": language,
        "label": str(bound.label),
        "variables": [{"path": one.path, "label": str(one.label)} for one in variables],
    }
    return render_to_string("components/code_editor.html", {"bound": bound, "props": props, "size": size})


@register.simple_tag
def diagnostics(problems: Sequence[Any], target: str) -> str:
    """What the server found in the source of textarea `target`: marks in the editor and a list with links to the lines.

    Problems have `line`, `column` (from 1), `message` and `severity` (error, warning or info).
    """
    plain = [
        {"line": one.line, "column": one.column, "message": str(one.message), "severity": str(one.severity)}
        for one in problems
    ]
    marker = format_html('<script data-diagnostics-for="{}" ', target)
    data = mark_safe(json_script(plain).replace("<script ", marker, 1))  # noqa: S308 — escaped by json_script
    return render_to_string(
        "components/diagnostics.html", {"problems": plain, "target": target, "data": data}
    )


def _make_id(context: Context, prefix: str, seed: str) -> str:
    """An id made from what it names: the same at the next rendering, so that htmx can morph it, and not that of a part
    that was rendered by another request. The second element with equal content on one page gets a number.
    """
    name = f"{prefix}-{crc32(seed.encode()):08x}"
    holder = context.get("request") or context
    seen = holder.__dict__.setdefault("ui_ids", Counter())
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"
