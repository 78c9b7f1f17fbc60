"""Segments: the list, the editor, and the page of each with its size over time, who joined and left, and where it is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.roles import Permission
from dynamail.campaigns.uses import count_segment_uses, find_campaign_uses, list_campaigns_naming
from dynamail.conditions.catalog import Catalog
from dynamail.conditions.checking import check_condition
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.noticing import find_notes
from dynamail.conditions.referring import find_references
from dynamail.conditions.scoring import RECENCY_STEPS
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.exporting import PLAIN_COLUMNS, export_contacts, start_export
from dynamail.contacts.patience import TooSlow
from dynamail.contacts.queries import ContactFilter
from dynamail.events.own_names import find_event_name
from dynamail.lib.clock import utc_now
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.compiling import compile_for
from dynamail.segments.errors import SegmentChanged, SegmentError
from dynamail.segments.history import list_days
from dynamail.segments.models import Segment, SegmentDay
from dynamail.segments.rechecking import find_recheck, queue_recheck
from dynamail.segments.saving import (
    archive_segment,
    change_segment,
    create_segment,
    duplicate_segment,
    list_segments,
    read_definition,
    restore_segment,
)
from dynamail.segments.usage import Thing, count_uses, find_uses
from dynamail.segments.wording import describe_condition, translate_fault
from dynamail.web.access import PageRequest, needs
from dynamail.web.charts import Chart, Series, make_line_chart
from dynamail.web.condition_props import make_builder_props
from dynamail.web.forms.conditions import read_sent
from dynamail.web.forms.segments import SORTS, SegmentForm, SegmentQuery, make_initial, read_segment_query
from dynamail.web.segment_examples import EXAMPLES, fit_example, make_event_condition
from dynamail.web.segment_people import make_contacts_url
from dynamail.web.views.segment_parts import ONE, describe_size, get_segment, list_change_page

PAGE_SIZE = 50
SPARK_DAYS = 30
PLOT_DAYS = 90
CHANGES_SHOWN = 20
BAR = 1_000  # the width of the picture of an overlap

views = needs(Permission.VIEW_CONTACTS)
edits = needs(Permission.EDIT_CONTACTS)


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Line:
    """A segment as the list shows it."""

    row: Segment
    sentence: str
    faults: Sequence[str]
    uses: int
    trend: Sequence[int]
    contacts_url: str


@views
@require_GET
def show_segments(request: PageRequest) -> HttpResponse:
    query = read_segment_query(request.GET)
    context = _list_context(request, query)
    if request.htmx and not request.htmx.boosted:
        response = render(request, "segments/_list.html", context)
        response["HX-Push-Url"] = reverse("segments") + (query.encode() if query != SegmentQuery() else "")
        return response
    return render(request, "segments/list.html", context)


def _list_context(request: PageRequest, query: SegmentQuery) -> dict[str, Any]:
    account_id = request.account.pk
    rows = _sort(list(list_segments(account_id, search=query.search, archived=query.archived)), query.sort)
    start = (query.page - 1) * PAGE_SIZE
    shown, more = rows[start : start + PAGE_SIZE], len(rows) > start + PAGE_SIZE
    active = list_segments(account_id).count()
    archived = list_segments(account_id, archived=True).count()
    url = reverse("segments")
    return {
        "page_title": _("Segments"),
        "query": query,
        "lines": _make_lines(account_id, shown),
        "is_new": not active and not archived,
        "examples": EXAMPLES.items(),
        "sorts": {name: url + query.encode(sort=name, page="") for name in SORTS},
        "tabs": [
            {"title": _("In use"), "url": url, "active": not query.archived, "count": active},
            {"title": _("Archive"), "url": url + "?archived=1", "active": query.archived, "count": archived},
        ],
        "previous_url": query.encode(page=str(query.page - 1)) if query.page > 1 else "",
        "next_url": query.encode(page=str(query.page + 1)) if more else "",
    }


def _sort(rows: list[Segment], sort: str) -> list[Segment]:
    """An account has up to a thousand: they are sorted here, those that nobody counted yet last."""
    if sort == "size":
        return sorted(rows, key=lambda row: -1 if row.size is None else row.size, reverse=True)
    if sort == "changed":
        return sorted(rows, key=lambda row: row.updated_at, reverse=True)
    return sorted(rows, key=lambda row: row.name.casefold())


def _make_lines(account_id: int, rows: Sequence[Segment]) -> list[Line]:
    catalog = load_catalog(account_id)
    uses = count_uses(catalog, Thing.SEGMENT) + count_segment_uses(account_id)
    trends = _find_trends(account_id, rows)
    lines = []
    for row in rows:
        sentence, faults = describe_row(row, catalog)
        url = make_contacts_url(row.public_id)
        lines.append(Line(row, sentence, faults, uses[row.public_id], trends[row.pk], url))
    return lines


def describe_row(row: Segment, catalog: Catalog) -> tuple[str, Sequence[str]]:
    """What a stored segment means, or what is wrong with it by now."""
    try:
        condition = read_definition(row)
    except ConditionFault as error:
        return "", [translate_fault(fault) for fault in error.faults]
    faults = [translate_fault(fault) for fault in check_condition(condition, catalog)]
    return ("", faults) if faults else (describe_condition(condition, catalog), ())


def _find_trends(account_id: int, rows: Sequence[Segment]) -> Mapping[int, list[int]]:
    """Sizes of the last days, the oldest first."""
    since = timezone.localdate() - timedelta(days=SPARK_DAYS)
    days = SegmentDay.objects.for_account(account_id).filter(segment_id__in=[row.pk for row in rows])
    trends: dict[int, list[int]] = defaultdict(list)
    for segment_id, size in days.filter(day__gte=since).order_by("day").values_list("segment_id", "size"):
        trends[segment_id].append(size)
    return trends


# ── The editor ───────────────────────────────────────────────────────────────────────────────────────────────────────
@edits
@require_http_methods(["GET", "POST"])
def new_segment(request: PageRequest) -> HttpResponse:
    """`?example=` begins with one of the examples, `?event=` with an event of the account's own, `?condition=` with a document."""
    catalog = load_catalog(request.account.pk)
    if request.method == "POST":
        form = SegmentForm(request.POST, catalog=catalog)
        if form.is_valid():
            try:
                row = create_segment(request.account.pk, **form.values(), by=request.member, now=utc_now())
            except (SegmentError, ConditionFault) as error:
                _blame(form, error)
            else:
                messages.success(request, _("Saved. Its members are being looked for."))
                return redirect("segment", row.public_id)
        return _render_editor(request, form, None, status=422)
    example = EXAMPLES.get(request.GET.get("example", ""))
    initial = {"name": str(example.title), "definition": fit_example(example, catalog)} if example else {}
    if event := find_event_name(request.account.pk, request.GET.get("event", "")):
        initial = {"definition": make_event_condition(event.name)}
    if sent := request.GET.get("condition"):
        initial = {
            "definition": sent
        }  # as a filtered list of contacts writes it; the builder marks what is wrong
    return _render_editor(request, SegmentForm(catalog=catalog, initial=initial), None)


@edits
@require_http_methods(["GET", "POST"])
def edit_segment(request: PageRequest, segment: str) -> HttpResponse:
    row = get_segment(request, segment)
    if row.archived_at is not None:
        return redirect("segment", segment)
    catalog = load_catalog(request.account.pk)
    if request.method == "GET":
        return _render_editor(request, SegmentForm(catalog=catalog, initial=make_initial(row)), row)
    form = SegmentForm(request.POST, catalog=catalog)
    if not form.is_valid():
        return _render_editor(request, form, row, status=422)
    seen = form.cleaned_data["version"]
    try:
        change_segment(row, version=seen, **form.values(), by=request.member, now=utc_now())
    except SegmentChanged as error:
        form.data = {**request.POST.dict(), "version": error.saved_version}  # the next attempt has seen it
        form.add_error(None, str(error))
        return _render_editor(request, form, get_segment(request, segment), status=409, conflict=True)
    except (SegmentError, ConditionFault) as error:
        _blame(form, error)
        return _render_editor(request, form, row, status=422)
    messages.success(request, _("Saved."))
    return redirect("segment", segment)


def _blame(form: SegmentForm, error: SegmentError | ConditionFault) -> None:
    if isinstance(error, ConditionFault):
        for fault in error.faults:
            form.add_error("definition", translate_fault(fault))
        return
    by_code = {"name_taken": "name", "name_missing": "name", "cycle": "definition", "too_deep": "definition"}
    form.add_error(by_code.get(error.code), str(error))


def _render_editor(
    request: PageRequest, form: SegmentForm, row: Segment | None, *, status: int = 200, conflict: bool = False
) -> HttpResponse:
    crumbs = [{"title": _("Segments"), "url": reverse("segments")}]
    if row is not None:
        crumbs.append({"title": row.name, "url": reverse("segment", args=[row.public_id])})
    saved, _faults = describe_row(row, load_catalog(row.account_id)) if row and conflict else ("", ())
    context = {
        "page_title": _("Edit the segment") if row else _("New segment"),
        "crumbs": crumbs,
        "form": form,
        "segment": row,
        "conflict": conflict,
        "saved_sentence": saved,
        "props": make_builder_props(
            read_sent(form["definition"]),
            field="definition",
            mode="segment",
            salt=row.public_id if row else "",
        ),
        "cancel_url": reverse("segment", args=[row.public_id]) if row else reverse("segments"),
    }
    return render(request, "segments/editor.html", context, status=status)


# ── The page of one ──────────────────────────────────────────────────────────────────────────────────────────────────
@views
@require_GET
def show_segment(request: PageRequest, segment: str) -> HttpResponse:
    row = get_segment(request, segment)
    account_id = request.account.pk
    catalog = load_catalog(account_id)
    sentence, faults = describe_row(row, catalog)
    others = list_segments(account_id).exclude(pk=row.pk)
    context = {
        "page_title": row.name,
        "crumbs": [{"title": _("Segments"), "url": reverse("segments")}],
        "segment": row,
        "sentence": sentence,
        "faults": faults,
        "notes": [] if faults else _list_notes(row, catalog),
        "contacts_url": make_contacts_url(row.public_id),
        **describe_size(row),
        "plot": _draw_days(list_days(row, PLOT_DAYS)),
        "entered": list_change_page(row, "joined"),
        "gone": list_change_page(row, "left"),
        "work": find_recheck(row),
        "others": [(one.public_id, one.name) for one in others],
        "uses": find_uses(account_id, Thing.SEGMENT, row.public_id, catalog=catalog),
        "campaigns": list_campaigns_naming(account_id, Thing.SEGMENT, row.public_id),
        "score_steps": RECENCY_STEPS if not faults and find_references(read_definition(row)).score else (),
    }
    return render(request, "segments/page.html", context)


def _list_notes(row: Segment, catalog: Catalog) -> Sequence[str]:
    return [translate_fault(note) for note in find_notes(read_definition(row), catalog)]


def _draw_days(days: Sequence[SegmentDay]) -> Chart | None:
    """A line needs two days."""
    if len(days) < 2:
        return None
    points = [date_format(day.day, "j M") for day in days]
    series = [Series(_("Contacts"), [day.size for day in days])]
    return make_line_chart(_("Size of the segment over time"), axis=_("Day"), points=points, series=series)


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@edits
@require_POST
def act_on_segment(request: PageRequest, segment: str, action: str) -> HttpResponse:
    """`action` is one of ACTS."""
    row = get_segment(request, segment)
    act = ACTS.get(action)
    if act is None:
        raise Http404
    try:
        return act(request, row)
    except SegmentError as error:
        messages.error(request, str(error))
    except ConditionFault as error:
        messages.error(request, " ".join(translate_fault(fault) for fault in error.faults))
    return redirect("segment", segment)


def _duplicate(request: PageRequest, row: Segment) -> HttpResponse:
    copy = duplicate_segment(row, by=request.member, now=utc_now())
    messages.success(request, _("This is the copy. Give it a name of its own."))
    return redirect("segment_edit", copy.public_id)


def _archive(request: PageRequest, row: Segment) -> HttpResponse:
    uses = find_campaign_uses(row.account_id, Thing.SEGMENT, row.public_id)
    archive_segment(row, other_uses=uses, by=request.member, now=utc_now())
    messages.success(request, _("“%s” is in the archive.") % row.name)
    return redirect("segments")


def _restore(request: PageRequest, row: Segment) -> HttpResponse:
    restore_segment(row, by=request.member, now=utc_now())
    messages.success(request, _("“%s” is back; its members are being looked for.") % row.name)
    return redirect("segment", row.public_id)


def _recheck(request: PageRequest, row: Segment) -> HttpResponse:
    queue_recheck(row, by=request.user)
    return redirect("segment", row.public_id)


ACTS: dict[str, Callable[[PageRequest, Segment], HttpResponse]] = {
    "duplicate": _duplicate,
    "archive": _archive,
    "restore": _restore,
    "recheck": _recheck,
}


@needs(Permission.EXPORT_CONTACTS)
@require_GET
def export_segment(request: PageRequest, segment: str) -> HttpResponseBase:
    """Who is in it now, as CSV."""
    row = get_segment(request, segment)
    account_id, now = row.account_id, utc_now()
    try:
        condition = read_definition(row)
        if faults := check_condition(condition, load_catalog(account_id)):
            raise ConditionFault(faults)
    except ConditionFault as error:
        messages.error(request, " ".join(translate_fault(fault) for fault in error.faults))
        return redirect("segment", segment)
    columns = [*PLAIN_COLUMNS, *(f"attribute:{one.pk}" for one in list_attributes(account_id))]
    record_audit(
        account_id, by=request.user, action="contacts.exported", segment=row.public_id, columns=columns
    )
    narrowing = compile_for(account_id, condition, now=now, salt=row.public_id)
    rows = export_contacts(account_id, ContactFilter(), narrowing=narrowing, columns=columns, bom=True)
    try:
        rows = start_export(rows)
    except TooSlow:
        messages.error(request, _("Finding these contacts takes too long: take a costly condition out."))
        return redirect("segment", segment)
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.public_id}-{now:%Y-%m-%d}.csv"'
    return response


urlpatterns: list[URLPattern] = [
    path("segments/", show_segments, name="segments"),
    path("segments/new/", new_segment, name="segment_new"),
    re_path(ONE + "$", show_segment, name="segment"),
    re_path(ONE + "edit/$", edit_segment, name="segment_edit"),
    re_path(ONE + "contacts.csv$", export_segment, name="segment_export"),
    re_path(ONE + "do/(?P<action>[a-z-]+)/$", act_on_segment, name="segment_action"),
]
