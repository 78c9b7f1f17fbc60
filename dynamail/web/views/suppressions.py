"""Addresses that must not be mailed: the list, one address, adding by hand, and the way out as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path, reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.roles import Permission
from dynamail.accounts.zones import find_zone
from dynamail.consent.mass_suppressing import SuppressionSource
from dynamail.consent.models import SUPPRESSION_PREFIX, Suppression, SuppressionReason, SuppressionScope
from dynamail.consent.suppression_list import (
    ENDED,
    IN_FORCE,
    OWN_WORD,
    SuppressionError,
    Tally,
    add_suppressions,
    change_expiry,
    count_suppressions,
    find_suppressions,
    is_own_word,
    lift,
    list_suppressions,
    may_be_lifted,
    sum_tallies,
)
from dynamail.contacts.models import Contact
from dynamail.contacts.suppressions_file import export_suppressions
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.suppressions import (
    REASON_TONES,
    REASON_WORDS,
    EndForm,
    SuppressionForm,
    SuppressionQuery,
    read_suppression_query,
)
from dynamail.web.suppression_words import SourceLine, find_sources
from dynamail.web.views.contacts import list_tabs

edits = needs(Permission.EDIT_CONTACTS)


@dataclass(frozen=True)
class Line:
    """One suppression as pages show it."""

    row: Suppression
    reason: str
    tone: str
    source: SourceLine
    in_force: bool


@dataclass(frozen=True)
class Choice:
    """One of the filters above the list, with how many it finds."""

    label: str
    url: str
    active: bool
    count: int


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.VIEW_CONTACTS)
@require_GET
def suppressions(request: PageRequest) -> HttpResponse:
    query = read_suppression_query(request.GET)
    context = _list_context(request, query)
    if request.htmx and not request.htmx.boosted:
        response = render(request, "suppressions/_list.html", context)
        response["HX-Push-Url"] = reverse("suppressions") + query.encode()
        return response
    return render(request, "suppressions/list.html", context)


def _list_context(request: PageRequest, query: SuppressionQuery) -> dict[str, Any]:
    now = utc_now()
    page = list_suppressions(
        request.account.pk,
        query.wanted,
        now=now,
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    tallies = count_suppressions(request.account.pk, now=now)
    return {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, "suppressions"),
        "query": query,
        "lines": _make_lines(request, page.rows, now),
        "is_new": not tallies,
        "filters": _list_filters(query, tallies),
        "previous_url": query.encode(before=page.before) if page.before else "",
        "next_url": query.encode(after=page.after) if page.after else "",
        "query_string": query.encode(),
    }


def _list_filters(query: SuppressionQuery, tallies: Sequence[Tally]) -> list[tuple[str, list[Choice]]]:
    """Rows of chips: what happened, what is not sent, and whether it still holds. Each counts with the others as they stand."""
    wanted = query.wanted
    reasons = [("", _("All")), *((reason, REASON_WORDS[reason]) for reason in SuppressionReason)]
    scopes = [("", _("All mail or campaigns")), *SuppressionScope.choices]
    states = [("", _("In force")), (ENDED, _("Ended"))]
    rows: list[tuple[str, str, Sequence[tuple[str, Any]]]] = [
        ("reason", _("Reason"), reasons),
        ("scope", _("What is not sent"), scopes),
        ("state", _("State"), states),
    ]
    standing = {"reason": wanted.reason, "scope": wanted.scope, "state": wanted.state}
    result = []
    for key, title, words in rows:
        choices = []
        for value, label in words:
            chosen = {**standing, key: value or (IN_FORCE if key == "state" else "")}
            count = sum_tallies(tallies, **chosen)
            active = query.values[key] == value
            if count or active or not value:
                choices.append(Choice(str(label), query.encode(**{key: value}), active, count))
        if len(choices) > 1:
            result.append((str(title), choices))
    return result


def _make_lines(request: PageRequest, rows: Sequence[Suppression], now: datetime) -> list[Line]:
    sources = find_sources(
        request.account.pk, rows, sees_reports=request.member.may(Permission.MANAGE_DELIVERY)
    )
    return [
        Line(
            row,
            str(REASON_WORDS.get(row.reason, row.reason)),
            REASON_TONES.get(row.reason, "neutral"),
            source,
            row.is_in_force(now=now),
        )
        for row, source in zip(rows, sources, strict=True)
    ]


@edits
@require_http_methods(["GET", "POST"])
def new_suppressions(request: PageRequest) -> HttpResponse:
    now = utc_now()
    form = SuppressionForm(request.POST or None, zone=find_zone(request.account.timezone), now=now)
    if request.method == "POST" and form.is_valid():
        rows = form.make_rows()
        added = add_suppressions(
            request.account.pk, rows, source=SuppressionSource("form"), by=request.user, now=now
        )
        messages.success(request, _tell_added(sum(added), len(rows)))
        return redirect("suppressions")
    context = {"page_title": _("Suppress addresses"), "form": form, "crumbs": _crumbs()}
    return render(request, "suppressions/new.html", context, status=422 if form.errors else 200)


def _tell_added(added: int, asked: int) -> str:
    text = ngettext("%(count)s address is suppressed now.", "%(count)s addresses are suppressed now.", added)
    told = text % {"count": added}
    if stood := asked - added:
        already = ngettext("%(count)s was before.", "%(count)s were before.", stood)
        told += " " + already % {"count": stood}
    return told


@needs(Permission.EXPORT_CONTACTS)
@require_GET
def export(request: PageRequest) -> StreamingHttpResponse:
    """What the list shows, as a file that can be brought in again."""
    query = read_suppression_query(request.GET)
    record_audit(
        request.account.pk, by=request.user, action="suppressions.exported", filter=dict(query.values)
    )
    rows: Iterator[str] = export_suppressions(request.account.pk, query.wanted, now=utc_now())
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="suppressions-{utc_now():%Y-%m-%d}.csv"'
    return response


# ── One address ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Card:
    """One suppression of the address, and what may be done with it."""

    line: Line
    own_word: str  # why lifting asks for a confirmation; empty where it does not
    may_lift: bool
    form: EndForm


@needs(Permission.VIEW_CONTACTS)
@require_GET
def show_suppression(request: PageRequest, suppression: str) -> HttpResponse:
    return _render_address(request, _get_rows(request, suppression))


@edits
@require_POST
def change_suppression(request: PageRequest, suppression: str) -> HttpResponse:
    """`act` is `lift` or `end`, of the suppression with this scope; `confirmed` names the reason where it is the person's own word."""
    rows = _get_rows(request, suppression)
    row = next((one for one in rows if one.scope == request.POST.get("scope")), None)
    if row is None:
        raise Http404
    now, confirmed = utc_now(), request.POST.get("confirmed", "")
    form = _make_end_form(request, row, now, request.POST)
    try:
        if request.POST.get("act") == "lift":
            lift(row, confirmed=confirmed, by=request.user, now=now)
            messages.success(
                request, _("Mail to %s is possible again, as far as this forbade it.") % row.email
            )
            return redirect("suppressions")
        if form.is_valid():
            change_expiry(row, form.cleaned_data["until"], confirmed=confirmed, by=request.user, now=now)
            messages.success(request, _("Saved."))
            return redirect("suppression", suppression)
    except SuppressionError as error:
        form.add_error(None, str(error))
    return _render_address(request, rows, bound={row.scope: form})


def _render_address(
    request: PageRequest, rows: Sequence[Suppression], *, bound: dict[str, EndForm] | None = None
) -> HttpResponse:
    now, forms = utc_now(), bound or {}
    cards = [
        Card(
            line,
            str(OWN_WORD[line.row.reason]) if is_own_word(line.row) and line.in_force else "",
            may_be_lifted(line.row),
            forms.get(line.row.scope) or _make_end_form(request, line.row, now),
        )
        for line in _make_lines(request, rows, now)
    ]
    email = next((row.email for row in rows if not row.is_erased), "")
    context = {
        "page_title": email or _("An erased address"),
        "crumbs": _crumbs(),
        "cards": cards,
        "suppression_id": rows[0].public_id,
        "contact": Contact.objects.for_account(request.account).filter(email_key=email).first()
        if email
        else None,
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
    }
    return render(request, "suppressions/one.html", context, status=422 if forms else 200)


def _make_end_form(request: PageRequest, row: Suppression, now: datetime, data: Any = None) -> EndForm:
    zone = find_zone(request.account.timezone)
    until = localtime(row.expires_at, zone).date() if row.expires_at else None
    if row.expires_at and localtime(row.expires_at, zone).time() == datetime.min.time():
        until = localtime(row.expires_at - datetime.resolution, zone).date()  # the end of the day before
    return EndForm(
        data, zone=zone, now=now, initial={"until": until}, prefix=None, auto_id=f"id_{row.scope}_%s"
    )


def _get_rows(request: PageRequest, public_id: str) -> list[Suppression]:
    try:
        address_hash = from_public_id(SUPPRESSION_PREFIX, public_id).bytes
    except UnknownId:
        raise Http404 from None
    rows = find_suppressions(request.account.pk, address_hash)
    if not rows:
        raise Http404
    return rows


def _crumbs() -> list[dict[str, str]]:
    return [
        {"title": _("Contacts"), "url": reverse("contacts")},
        {"title": _("Suppressions"), "url": reverse("suppressions")},
    ]


_ONE = r"^contacts/suppressions/(?P<suppression>sup_[0-9a-z]{26})/"  # never meets the words that other pages use there

urlpatterns: list[URLPattern] = [
    path("contacts/suppressions/", suppressions, name="suppressions"),
    path("contacts/suppressions/new/", new_suppressions, name="suppression_new"),
    path("contacts/suppressions/export/", export, name="suppressions_export"),
    re_path(_ONE + "$", show_suppression, name="suppression"),
    re_path(_ONE + "change/$", change_suppression, name="suppression_change"),
]
