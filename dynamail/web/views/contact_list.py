"""The list of contacts: filters, a condition, sorting, pages by key, the count, acts on many and the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.roles import Permission
from dynamail.accounts.zones import find_zone
from dynamail.consent.models import Subscription, Topic
from dynamail.contacts.bulk import Act, BulkAct, apply_act, queue_act
from dynamail.contacts.exporting import export_contacts, start_export
from dynamail.contacts.models import Attribute, Contact, ContactState, Tag
from dynamail.contacts.patience import TooSlow, limit_time
from dynamail.contacts.queries import (
    ContactPage,
    Count,
    add_last_activity,
    count_contacts,
    estimate_contacts,
    list_page,
)
from dynamail.contacts.tags import TagError, get_or_create_tags
from dynamail.contacts.values import ValueProblem, format_value, parse_value
from dynamail.contacts.walking import leave_restricted_out
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.lib.sql import SqlFragment
from dynamail.segments.compiling import compile_for
from dynamail.segments.contexts import Form
from dynamail.web.access import PageRequest, needs
from dynamail.web.condition_props import make_builder_props
from dynamail.web.forms.contact_list import (
    CONSENT_CHOICES,
    SOURCES,
    AskedCondition,
    Column,
    ConditionForm,
    ListQuery,
    read_list_query,
)
from dynamail.web.lookup import get_row
from dynamail.web.views.contacts import list_tabs

NOBODY = SqlFragment("false")
LONGEST_QUERY = 15_000  # characters; Django redirects to no longer address than 16,384
SORTS = ("newest", "email", "name", "active")


@dataclass(frozen=True)
class Cell:
    """What stands in a column of one contact; `kind` says how it is drawn."""

    kind: str
    value: Any = ""


@dataclass(frozen=True)
class Line:
    contact: Contact
    cells: Sequence[Cell]


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.VIEW_CONTACTS)
@require_GET
def contacts(request: PageRequest) -> HttpResponse:
    query = read_list_query(request.account.pk, request.GET)
    context = _list_context(request, query)
    if request.htmx and not request.htmx.boosted:
        response = render(request, "contacts/_list.html", context)
        response["HX-Push-Url"] = reverse("contacts") + query.encode()  # without the empty fields of the form
        return response
    return render(request, "contacts/list.html", context | _builder_context(query))


@needs(Permission.VIEW_CONTACTS)
@never_cache
@require_GET
def count(request: PageRequest) -> HttpResponse:
    """The exact number, which the list asks for while it shows about how many."""
    query = read_list_query(request.account.pk, request.GET)
    try:
        number: Count | None = count_exactly(request, query)
    except TooSlow:
        number = None
    return render(request, "contacts/_count.html", {"count": number, "is_exact_answer": True})


def compile_list(query: ListQuery, account_id: int, *, form: Form = Form.SET) -> SqlFragment | None:
    """The address's condition as SQL; an address with a fault fits nobody. Restricted people are listed too: nothing is sent to them."""
    asked: AskedCondition = query.asked
    if query.faults:
        return NOBODY
    if asked.is_empty:
        return None
    return compile_for(account_id, asked.condition, now=utc_now(), form=form, include_restricted=True)


def count_exactly(
    request: PageRequest,
    query: ListQuery,
    *,
    narrow: Callable[[SqlFragment | None], SqlFragment | None] = lambda narrowing: narrowing,
) -> Count:
    """How many are listed, or of them those whom `narrow` leaves. Raises TooSlow."""
    account_id = request.account.pk
    narrowing = narrow(compile_list(query, account_id))
    with limit_time():
        return count_contacts(account_id, query.wanted, narrowing=narrowing, limit=None)


def _list_context(request: PageRequest, query: ListQuery) -> dict[str, Any]:
    account_id = request.account.pk
    page, number, is_costly = _ask(request, query)
    return {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, "contacts"),
        "query": query,
        "lines": _make_lines(account_id, page.contacts, query.columns),
        "count": number,
        "is_costly": is_costly,
        "more_than_page": bool(page.after or page.before),
        "is_new": not page.contacts and query.is_empty and not is_costly,
        "previous_url": query.encode(before=page.before) if page.before else "",
        "next_url": query.encode(after=page.after) if page.after else "",
        "sorts": {name: query.encode(sort=name) for name in SORTS},
        "states": ContactState.choices,
        "sources": SOURCES.items(),
        "consents": CONSENT_CHOICES,
        "query_string": query.encode(),
    }


def _ask(request: PageRequest, query: ListQuery) -> tuple[ContactPage, Count, bool]:
    """The page and about how many match; whether the database gave up."""
    account_id = request.account.pk
    try:
        with limit_time():
            page = list_page(
                account_id,
                query.wanted,
                narrowing=compile_list(query, account_id),
                sort=query.sort,
                before=request.GET.get("before", ""),
                after=request.GET.get("after", ""),
            )
            number = estimate_contacts(
                account_id, query.wanted, narrowing=compile_list(query, account_id, form=Form.EACH)
            )
    except TooSlow:
        return ContactPage((), "", ""), Count(0, exact=False), True
    return page, number, False


def _builder_context(query: ListQuery) -> dict[str, Any]:
    form = ConditionForm(initial={"condition": query.asked.text or "{}"})
    props = make_builder_props(query.asked.document, field="condition", mode="filter")
    return {"builder": form["condition"], "props": props}


def _make_lines(account_id: int, rows: Sequence[Contact], columns: Sequence[Column]) -> list[Line]:
    tags = dict(Tag.objects.for_account(account_id).values_list("pk", "name"))
    topic_ids = [column.topic.pk for column in columns if column.topic]
    states: dict[tuple[Any, int], str] = {}
    if topic_ids:
        found = Subscription.objects.for_account(account_id).filter(
            topic_id__in=topic_ids, contact_id__in=[row.id for row in rows]
        )
        states = {(one.contact_id, one.topic_id): one.state for one in found}
    if any(column.key == "active" for column in columns):
        add_last_activity(account_id, rows)
    return [Line(row, [_make_cell(row, column, tags, states) for column in columns]) for row in rows]


def _make_cell(
    row: Contact, column: Column, tags: dict[int, str], states: dict[tuple[Any, int], str]
) -> Cell:
    if column.attribute is not None:
        return Cell("text", format_value(row.attributes.get(str(column.attribute.number))))
    if column.topic is not None:
        state = states.get((row.id, column.topic.pk), "")
        return Cell("badge" if state else "text", state)
    cells = {
        "tags": Cell("tags", [tags[tag] for tag in row.tags if tag in tags]),
        "state": Cell("badge", row.state),
        "source": Cell("source", row.source_label or SOURCES.get(row.source_kind, row.source_kind)),
        "created": Cell("time", row.created_at),
        "language": Cell("text", row.language),
        "active": Cell("time", getattr(row, "last_activity", None)),
    }
    return cells[column.key]


# ── Acts on many ─────────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.EDIT_CONTACTS)
@require_POST
def act_on_contacts(request: PageRequest) -> HttpResponse:
    """`act` is `add_tag:tag_…`, `add_tag:` with `new_tag`, `remove_tag:tag_…`, `set_attribute:` with `attribute` and `value`,
    `unsubscribe:top_…`, `suppress` or `delete`."""
    back = _go_back(request)
    try:
        act = _read_act(request)
    except (TagError, ValueProblem) as error:
        messages.error(request, str(error))
        return back
    now = utc_now()
    if request.POST.get("all"):
        return _act_on_all(request, act)
    ids = _read_ids(request)
    if not ids:
        messages.info(request, _("Choose contacts first."))
        return back
    changed = apply_act(request.account.pk, ids, act, by=request.user, now=now)
    text = ngettext("%(count)s contact changed.", "%(count)s contacts changed.", changed)
    if act.act == Act.DELETE:
        text = ngettext("%(count)s contact deleted.", "%(count)s contacts deleted.", changed)
    messages.success(request, text % {"count": changed})
    return back


def _go_back(request: PageRequest) -> HttpResponse:
    """To the very page of the list, unless somebody sent an address that no list has."""
    query = request.GET.urlencode()
    return redirect(reverse("contacts") + (f"?{query}" if len(query) < LONGEST_QUERY else ""))


def _act_on_all(request: PageRequest, act: BulkAct) -> HttpResponse:
    """In the background. Deleting asks for the number first: it cannot be taken back."""
    query = read_list_query(request.account.pk, request.GET)
    if query.faults:
        messages.error(request, " ".join(query.faults))
        return redirect(reverse("contacts") + query.encode())
    if act.act == Act.DELETE and (page := _ask_for_number(request, query)) is not None:
        return page
    work = queue_act(
        request.account.pk,
        query.wanted,
        act,
        condition=dict(query.asked.document) or None,
        narrowing=compile_list(query, request.account.pk),
        by=request.user,
        now=utc_now(),
    )
    return redirect("work_progress", work_id=work.public_id)


def _ask_for_number(request: PageRequest, query: ListQuery) -> HttpResponse | None:
    """None when the number that was typed is how many would be deleted at this moment: restricted people stay."""
    try:
        number = count_exactly(request, query, narrow=leave_restricted_out).number
    except TooSlow:
        messages.error(request, _("This cannot be counted in time: add a condition, or delete in parts."))
        return redirect(reverse("contacts") + query.encode())
    typed = request.POST.get("typed")
    if typed is not None and "".join(filter(str.isdigit, typed)) == str(number):
        return None
    context = {
        "page_title": _("Delete contacts"),
        "crumbs": [{"title": _("Contacts"), "url": reverse("contacts") + query.encode()}],
        "number": number,
        "query": query,
        "query_string": query.encode(),
        "is_wrong": typed is not None,
    }
    return render(request, "contacts/delete.html", context, status=422 if typed is not None else 200)


def _read_act(request: PageRequest) -> BulkAct:
    """Raises TagError, ValueProblem."""
    name, _colon, subject = request.POST.get("act", "").partition(":")
    account_id = request.account.pk
    match name:
        case Act.ADD_TAG if not subject:
            tags = get_or_create_tags(account_id, [request.POST.get("new_tag", "")])
            if not tags:
                raise TagError("no_name", _("Give the tag a name."))
            return BulkAct(name, next(iter(tags.values())).pk)
        case Act.ADD_TAG | Act.REMOVE_TAG:
            return BulkAct(name, get_row(Tag, request, subject).pk)
        case Act.UNSUBSCRIBE:
            return BulkAct(name, get_row(Topic, request, subject).pk)
        case Act.SET_ATTRIBUTE:
            attribute = get_row(Attribute, request, request.POST.get("attribute", ""))
            text, zone = request.POST.get("value", ""), find_zone(request.account.timezone)
            return BulkAct(name, attribute.pk, parse_value(attribute, text, zone=zone))
        case Act.SUPPRESS | Act.DELETE:
            return BulkAct(name)
    raise Http404


def _read_ids(request: PageRequest) -> list[Any]:
    try:
        return [from_public_id("con", text) for text in request.POST.getlist("id")]
    except UnknownId:
        raise Http404 from None


@needs(Permission.EXPORT_CONTACTS)
@require_http_methods(["GET", "POST"])
def export(request: PageRequest) -> HttpResponseBase:
    """The list as CSV: all that match, or the ticked ones. Columns as asked for."""
    account_id = request.account.pk
    query = read_list_query(account_id, request.GET)
    if query.faults:
        messages.error(request, " ".join(query.faults))
        return redirect(reverse("contacts") + query.encode())
    ids = None if request.method == "GET" or request.POST.get("all") else _read_ids(request)
    columns = ["email", "name", *(_export_name(column) for column in query.columns)]
    record_audit(
        account_id, by=request.user, action="contacts.exported", columns=columns, chosen=ids and len(ids)
    )
    narrowing = compile_list(query, account_id)
    rows = export_contacts(account_id, query.wanted, narrowing=narrowing, columns=columns, ids=ids, bom=True)
    try:
        rows = start_export(rows)
    except TooSlow:
        messages.error(request, _("Finding these contacts takes too long: take a costly condition out."))
        return redirect(reverse("contacts") + query.encode())
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contacts-{utc_now():%Y-%m-%d}.csv"'
    return response


def _export_name(column: Column) -> str:
    if column.attribute is not None:
        return f"attribute:{column.attribute.pk}"
    return f"topic:{column.topic.pk}" if column.topic is not None else column.key


urlpatterns: list[URLPattern] = [
    path("contacts/", contacts, name="contacts"),
    path("contacts/count/", count, name="contacts_count"),
    path("contacts/act/", act_on_contacts, name="contacts_act"),
    path("contacts/export/", export, name="contacts_export"),
]
