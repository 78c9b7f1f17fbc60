"""The list of contacts with its bulk acts and export, the card of one contact, and adding one by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.roles import Permission
from dynamail.accounts.zones import find_zone
from dynamail.consent.models import (
    ConsentRecord,
    ConsentState,
    Subscription,
    Suppression,
    SuppressionReason,
    Topic,
)
from dynamail.consent.proof import Proof
from dynamail.consent.recording import (
    find_consent_records,
    find_subscriptions,
    give_consent,
    withdraw_consent,
)
from dynamail.consent.suppressing import ALL, find_suppression, lift_suppression, suppress_address
from dynamail.consent.suppression_list import FREELY_LIFTED
from dynamail.contacts.bulk import Act, BulkAct, apply_act, queue_act
from dynamail.contacts.editing import ContactExists, add_contact, change_contact, delete_contact, find_contact
from dynamail.contacts.exporting import export_contacts
from dynamail.contacts.models import Contact, Tag
from dynamail.contacts.queries import count_contacts, list_page
from dynamail.contacts.tags import TagError, get_or_create_tags
from dynamail.contacts.values import format_value
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.lib.mailbox_providers import LANE_NAMES
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.contacts import (
    CONSENT_CHOICES,
    SOURCES,
    Column,
    ContactForm,
    ContactState,
    ListQuery,
    read_list_query,
)
from dynamail.web.timeline import TimelinePage, describe_proof, list_entries


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Cell:
    """What stands in a column of one contact; `kind` says how it is drawn."""

    kind: str
    value: Any = ""


@dataclass(frozen=True)
class Line:
    contact: Contact
    cells: Sequence[Cell]


@needs(Permission.VIEW_CONTACTS)
@require_GET
def contacts(request: PageRequest) -> HttpResponse:
    query = read_list_query(request.account.pk, request.GET)
    context = _list_context(request, query)
    if request.htmx and not request.htmx.boosted:
        response = render(request, "contacts/_list.html", context)
        response["HX-Push-Url"] = reverse("contacts") + query.encode()  # without the empty fields of the form
        return response
    return render(request, "contacts/list.html", context)


def _list_context(request: PageRequest, query: ListQuery) -> dict[str, Any]:
    account_id = request.account.pk
    page = list_page(
        account_id,
        query.wanted,
        sort=query.sort,
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    count = count_contacts(account_id, query.wanted)
    return {
        "page_title": _("Contacts"),
        "tabs": list_tabs(request, "contacts"),
        "query": query,
        "lines": _make_lines(account_id, page.contacts, query.columns),
        "count": count,
        "more_than_page": count.number > len(page.contacts),
        "is_new": not count.number and query.wanted.is_empty,
        "previous_url": query.encode(before=page.before) if page.before else "",
        "next_url": query.encode(after=page.after) if page.after else "",
        "sorts": {name: query.encode(sort=name) for name in ("newest", "email", "name")},
        "states": ContactState.choices,
        "sources": SOURCES.items(),
        "consents": CONSENT_CHOICES,
        "query_string": query.encode(),
    }


def _make_lines(account_id: int, rows: Sequence[Contact], columns: Sequence[Column]) -> list[Line]:
    tags = dict(Tag.objects.for_account(account_id).values_list("pk", "name"))
    topic_ids = [column.topic.pk for column in columns if column.topic]
    states: dict[tuple[Any, int], str] = {}
    if topic_ids:
        found = Subscription.objects.for_account(account_id).filter(
            topic_id__in=topic_ids, contact_id__in=[row.id for row in rows]
        )
        states = {(one.contact_id, one.topic_id): one.state for one in found}
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
    }
    return cells[column.key]


def list_tabs(request: PageRequest, current: str) -> list[dict[str, Any]]:
    """The pages about contacts, side by side."""
    pages = [
        ("contacts", _("Contacts")),
        ("contact_imports", _("Imports")),
        ("suppressions", _("Suppressions")),
        ("tags", _("Tags")),
        ("topics", _("Topics")),
        ("attributes", _("Attributes")),
    ]
    return [{"title": title, "url": reverse(name), "active": name == current} for name, title in pages]


# ── Acts on many ─────────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.EDIT_CONTACTS)
@require_POST
def act_on_contacts(request: PageRequest) -> HttpResponse:
    """`act` is `add_tag:tag_…`, `add_tag:` with `new_tag`, `remove_tag:tag_…`, `unsubscribe:top_…` or `delete`."""
    back = redirect(reverse("contacts") + "?" + request.GET.urlencode())
    try:
        act = _read_act(request)
    except TagError as error:
        messages.error(request, str(error))
        return back
    now = utc_now()
    if request.POST.get("all"):
        wanted = read_list_query(request.account.pk, request.GET).wanted
        work = queue_act(request.account.pk, wanted, act, by=request.user, now=now)
        return redirect("work_progress", work_id=work.public_id)
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


def _read_act(request: PageRequest) -> BulkAct:
    name, _colon, subject = request.POST.get("act", "").partition(":")
    account_id = request.account.pk
    match name:
        case Act.ADD_TAG if not subject:
            tags = get_or_create_tags(account_id, [request.POST.get("new_tag", "")])
            if not tags:
                raise TagError("no_name", _("Give the tag a name."))
            return BulkAct(name, next(iter(tags.values())).pk)
        case Act.ADD_TAG | Act.REMOVE_TAG:
            return BulkAct(name, _get_or_404(Tag, account_id, subject).pk)
        case Act.UNSUBSCRIBE:
            return BulkAct(name, _get_or_404(Topic, account_id, subject).pk)
        case Act.DELETE:
            return BulkAct(name)
    raise Http404


def _read_ids(request: PageRequest) -> list[Any]:
    try:
        return [from_public_id("con", text) for text in request.POST.getlist("id")]
    except UnknownId:
        raise Http404 from None


def _get_or_404(model: Any, account_id: int, public_id: str) -> Any:
    try:
        return model.objects.for_account(account_id).get(uid=model.uid_from(public_id))
    except (UnknownId, model.DoesNotExist):
        raise Http404 from None


@needs(Permission.EXPORT_CONTACTS)
@require_http_methods(["GET", "POST"])
def export(request: PageRequest) -> StreamingHttpResponse:
    """The list as CSV: all that match, or the ticked ones. Columns as asked for."""
    account_id = request.account.pk
    query = read_list_query(account_id, request.GET)
    ids = None if request.method == "GET" or request.POST.get("all") else _read_ids(request)
    columns = ["email", "name", *(_export_name(column) for column in query.columns)]
    record_audit(
        account_id, by=request.user, action="contacts.exported", columns=columns, chosen=ids and len(ids)
    )
    rows = export_contacts(account_id, query.wanted, columns=columns, ids=ids, bom=True)
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contacts-{utc_now():%Y-%m-%d}.csv"'
    return response


def _export_name(column: Column) -> str:
    if column.attribute is not None:
        return f"attribute:{column.attribute.pk}"
    return f"topic:{column.topic.pk}" if column.topic is not None else column.key


# ── One contact ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class TopicLine:
    """Where the contact stands on a topic, and how that came about."""

    topic: Topic
    subscription: Subscription | None
    records: Sequence[tuple[ConsentRecord, str]]

    @property
    def is_subscribed(self) -> bool:
        return self.subscription is not None and self.subscription.state == ConsentState.SUBSCRIBED


@needs(Permission.EDIT_CONTACTS)
@require_http_methods(["GET", "POST"])
def new_contact(request: PageRequest) -> HttpResponse:
    form = ContactForm(
        request.POST or None, account_id=request.account.pk, zone=find_zone(request.account.timezone)
    )
    if request.method == "POST" and form.is_valid():
        try:
            contact = add_contact(request.account.pk, form.make_profile(), by=request.user, now=utc_now())
        except (ContactExists, TagError) as error:
            _explain(form, error)
        else:
            messages.success(request, _("Added. Writing to them needs their consent to a topic."))
            return redirect("contact", contact.public_id)
    context = {
        "page_title": _("New contact"),
        "form": form,
        "tag_names": _tag_names(request),
        "crumbs": [{"title": _("Contacts"), "url": reverse("contacts")}],
    }
    return render(request, "contacts/new.html", context, status=422 if form.errors else 200)


@needs(Permission.VIEW_CONTACTS)
@require_GET
def contact(request: PageRequest, contact_id: str) -> HttpResponse:
    row = _get_contact(request, contact_id)
    return render(request, "contacts/card.html", _card_context(request, row, _make_form(request, row)))


@needs(Permission.EDIT_CONTACTS)
@require_POST
def save_contact(request: PageRequest, contact_id: str) -> HttpResponse:
    row = _get_contact(request, contact_id)
    form = _make_form(request, row, request.POST)
    if form.is_valid():
        try:
            changed = change_contact(row, form.make_profile(), by=request.user, now=utc_now())
        except (ContactExists, TagError) as error:
            _explain(form, error)
        else:
            messages.success(request, _("Saved.") if changed else _("Nothing was different."))
            return redirect("contact", contact_id)
    return render(request, "contacts/card.html", _card_context(request, row, form), status=422)


@needs(Permission.EDIT_CONTACTS)
@require_POST
def remove_contact(request: PageRequest, contact_id: str) -> HttpResponse:
    row = _get_contact(request, contact_id)
    delete_contact(row, by=request.user, now=utc_now())
    messages.success(request, _("%s was deleted.") % row.email)
    return redirect("contacts")


@needs(Permission.EDIT_CONTACTS)
@require_POST
def change_consent(request: PageRequest, contact_id: str) -> HttpResponse:
    """A member records what the person said elsewhere, in which words."""
    row = _get_contact(request, contact_id)
    topic = _get_or_404(Topic, request.account.pk, request.POST.get("topic", ""))
    text = request.POST.get("text", "").strip()[:2_000]
    proof = Proof(method="member", text=text, actor=str(request.user))
    if request.POST.get("act") == "withdraw":
        withdraw_consent(request.account.pk, row.id, topic.pk, proof=proof, now=utc_now())
    elif not text:
        messages.error(request, _("Say how they agreed: this is your proof when somebody asks."))
    else:
        give_consent(request.account.pk, row.id, topic.pk, proof=proof, now=utc_now())
    return redirect(reverse("contact", args=[contact_id]) + "#consent")


@needs(Permission.EDIT_CONTACTS)
@require_POST
def change_suppression(request: PageRequest, contact_id: str) -> HttpResponse:
    row = _get_contact(request, contact_id)
    now = utc_now()
    if request.POST.get("act") == "lift":
        found = find_suppression(request.account.pk, row.email_key, now=now, scopes=(ALL,))
        if found is not None and found.reason in FREELY_LIFTED:
            lift_suppression(request.account.pk, row.email_key, now=now, by=request.user)
            messages.success(request, _("Mail to %s is possible again.") % row.email)
    else:
        detail = request.POST.get("detail", "").strip()[:500]
        suppress_address(
            request.account.pk,
            row.email_key,
            reason=SuppressionReason.MANUAL,
            detail=detail,
            by=request.user,
            now=now,
        )
        messages.success(request, _("Nothing is sent to %s any more.") % row.email)
    return redirect("contact", contact_id)


@needs(Permission.VIEW_CONTACTS)
@require_GET
def older_moments(request: PageRequest, contact_id: str) -> HttpResponse:
    row = _get_contact(request, contact_id)
    try:
        before = datetime.fromisoformat(request.GET.get("before", ""))
    except ValueError:
        raise Http404 from None
    if before.tzinfo is None:
        raise Http404
    timeline = list_entries(request.account.pk, row.id, before=before)
    return render(request, "contacts/_moments.html", {"contact": row, "timeline": timeline})


def _card_context(request: PageRequest, row: Contact, form: ContactForm) -> dict[str, Any]:
    account_id = request.account.pk
    now = utc_now()
    suppression = find_suppression(account_id, row.email_key, now=now)
    timeline: TimelinePage = list_entries(account_id, row.id, before=None)
    return {
        "page_title": row.name or row.email,
        "crumbs": [{"title": _("Contacts"), "url": reverse("contacts")}],
        "contact": row,
        "form": form,
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
        "tag_names": _tag_names(request),
        "topics": _list_topics(account_id, row),
        "suppression": suppression,
        "may_lift": _may_lift(suppression),
        "timeline": timeline,
        "source": SOURCES.get(row.source_kind, row.source_kind),
        "import_url": reverse("contact_import", args=[row.source_id]) if row.source_kind == "import" else "",
        "provider": LANE_NAMES.get(row.lane, ""),
        "facts": [
            (bound.label, bound.value()) for bound in form.attribute_fields if bound.value() not in (None, "")
        ],
    }


def _may_lift(suppression: Suppression | None) -> bool:
    return suppression is not None and suppression.scope == ALL and suppression.reason in FREELY_LIFTED


def _list_topics(account_id: int, row: Contact) -> list[TopicLine]:
    states = find_subscriptions(account_id, row.id)
    records: dict[int, list[tuple[ConsentRecord, str]]] = {}
    for record in find_consent_records(account_id, row.id):
        told = describe_proof(
            {
                "method": record.method,
                "actor": record.actor,
                "basis": record.basis,
                "since": record.since,
                "text": record.text,
            }
        )
        records.setdefault(record.topic_id, []).append((record, told))
    topics = Topic.objects.for_account(account_id).order_by("position", "pk")
    return [
        TopicLine(topic, states.get(topic.pk), records.get(topic.pk, []))
        for topic in topics
        if topic.archived_at is None or topic.pk in records
    ]


def _make_form(request: PageRequest, row: Contact, data: Any = None) -> ContactForm:
    return ContactForm(
        data, account_id=request.account.pk, zone=find_zone(request.account.timezone), contact=row
    )


def _explain(form: ContactForm, error: ContactExists | TagError) -> None:
    form.add_error("tags" if isinstance(error, TagError) else "email", str(error))


def _tag_names(request: PageRequest) -> list[str]:
    return list(
        Tag.objects.for_account(request.account).order_by("name").values_list("name", flat=True)[:200]
    )


def _get_contact(request: PageRequest, contact_id: str) -> Contact:
    try:
        row = find_contact(request.account.pk, from_public_id("con", contact_id))
    except UnknownId:
        raise Http404 from None
    if row is None:
        raise Http404
    return row


_ONE = r"^contacts/(?P<contact_id>con_[0-9a-z]{26})/"  # never meets the words that other pages use there

urlpatterns: list[URLPattern] = [
    path("contacts/", contacts, name="contacts"),
    path("contacts/new/", new_contact, name="contact_new"),
    path("contacts/act/", act_on_contacts, name="contacts_act"),
    path("contacts/export/", export, name="contacts_export"),
    re_path(_ONE + "$", contact, name="contact"),
    re_path(_ONE + "save/$", save_contact, name="contact_save"),
    re_path(_ONE + "delete/$", remove_contact, name="contact_delete"),
    re_path(_ONE + "consent/$", change_consent, name="contact_consent"),
    re_path(_ONE + "suppression/$", change_suppression, name="contact_suppression"),
    re_path(_ONE + "older/$", older_moments, name="contact_older"),
]
