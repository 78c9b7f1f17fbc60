"""The card of one contact, and adding one by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.accounts.zones import find_zone
from dynamail.conditions.tree import Finding
from dynamail.consent.gate import Decision, may_send
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
from dynamail.contacts.address_checks import read_findings, suggest_address
from dynamail.contacts.aliases import list_aliases
from dynamail.contacts.editing import (
    ContactExists,
    add_contact,
    change_contact,
    correct_address,
    delete_contact,
    find_contact,
)
from dynamail.contacts.external_ids import list_external_ids
from dynamail.contacts.models import Contact, Tag
from dynamail.contacts.tags import TagError
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.lib.mailbox_providers import LANE_NAMES
from dynamail.segments.membership import list_segments_of
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.contact_list import SOURCES
from dynamail.web.forms.contacts import ContactForm
from dynamail.web.lookup import get_row
from dynamail.web.timeline import TimelinePage, describe_proof, list_entries


def list_tabs(request: PageRequest, current: str) -> list[dict[str, Any]]:
    """The pages about contacts, side by side."""
    pages = [
        ("contacts", _("Contacts")),
        ("contact_imports", _("Imports")),
        ("suppressions", _("Suppressions")),
        ("tags", _("Tags")),
        ("topics", _("Topics")),
        ("attributes", _("Attributes")),
        ("own_events", _("Events")),
    ]
    return [{"title": title, "url": reverse(name), "active": name == current} for name, title in pages]


def list_card_tabs(row: Contact, current: str) -> list[dict[str, Any]]:
    """The pages about one contact, side by side."""
    pages = [("contact", _("Card")), ("contact_disclosures", _("Handed over"))]
    return [
        {"title": title, "url": reverse(name, args=[row.public_id]), "active": name == current}
        for name, title in pages
    ]


# ── One contact ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class TopicLine:
    """Where the contact stands on a topic, and how that came about."""

    topic: Topic
    subscription: Subscription | None
    records: Sequence[tuple[ConsentRecord, str]]
    decision: Decision  # may we write to them about it now

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
    row = get_contact(request, contact_id)
    return render(request, "contacts/card.html", _card_context(request, row, _make_form(request, row)))


@needs(Permission.EDIT_CONTACTS)
@require_POST
def save_contact(request: PageRequest, contact_id: str) -> HttpResponse:
    row = get_contact(request, contact_id)
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
    row = get_contact(request, contact_id)
    delete_contact(row, by=request.user, now=utc_now())
    messages.success(request, _("%s was deleted.") % row.email)
    return redirect("contacts")


@needs(Permission.EDIT_CONTACTS)
@require_POST
def change_consent(request: PageRequest, contact_id: str) -> HttpResponse:
    """A member records what the person said elsewhere, in which words."""
    row = get_contact(request, contact_id)
    topic = get_row(Topic, request, request.POST.get("topic", ""))
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
    row = get_contact(request, contact_id)
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


@needs(Permission.EDIT_CONTACTS)
@require_POST
def correct(request: PageRequest, contact_id: str) -> HttpResponse:
    """Take the address that was probably meant. When somebody has it, the two may be one person."""
    row = get_contact(request, contact_id)
    try:
        meant = correct_address(row, by=request.user, now=utc_now())
    except ContactExists as error:
        messages.info(request, _("There is a contact with the right address already: compare the two."))
        if error.contact is None:
            return redirect("contact", contact_id)
        url = reverse("contact_merge", args=[error.contact.public_id])
        return redirect(f"{url}?with={row.public_id}")
    if meant:
        messages.success(request, _("The address is %s now.") % meant)
    return redirect("contact", contact_id)


@needs(Permission.VIEW_CONTACTS)
@require_GET
def older_moments(request: PageRequest, contact_id: str) -> HttpResponse:
    row = get_contact(request, contact_id)
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
        "tabs": list_card_tabs(row, "contact"),
        "form": form,
        "may_edit": request.member.may(Permission.EDIT_CONTACTS),
        "tag_names": _tag_names(request),
        "topics": _list_topics(account_id, row, now),
        "segments": list_segments_of(account_id, row.id, now=now),
        "findings": _list_findings(row),
        "meant": suggest_address(row.email),
        "aliases": list_aliases(account_id, row.id),
        "external_ids": list_external_ids(account_id, [row.id]).get(row.id, []),
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


def _decide(row: Contact, topic: Topic, now: datetime) -> Decision:
    return may_send(row.account_id, email_key=row.email_key, contact_id=row.id, topic_id=topic.pk, now=now)


def _list_findings(row: Contact) -> list[str]:
    """What the check of the address noticed, in sentences."""
    sentences = {
        Finding.ROLE: _("A desk, not a person: several people may read it."),
        Finding.DISPOSABLE: _("From a service of throw-away addresses: it may be gone tomorrow."),
        Finding.TYPO: _("Looks like a slip of the finger."),
        Finding.NO_MAIL_SERVER: _("The domain takes no mail: a message can only bounce."),
    }
    return [sentences[finding] for finding in read_findings(row.findings)]


def _list_topics(account_id: int, row: Contact, now: datetime) -> list[TopicLine]:
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
        if (address := record.evidence.get("address")) and address != row.email:
            told = _("%(told)s · by %(address)s") % {"told": told, "address": address}
        records.setdefault(record.topic_id, []).append((record, told))
    topics = Topic.objects.for_account(account_id).order_by("position", "pk")
    return [
        TopicLine(topic, states.get(topic.pk), records.get(topic.pk, []), _decide(row, topic, now))
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


def get_contact(request: PageRequest, contact_id: str) -> Contact:
    try:
        row = find_contact(request.account.pk, from_public_id("con", contact_id))
    except UnknownId:
        raise Http404 from None
    if row is None:
        raise Http404
    return row


CONTACT_PATH = (
    r"^contacts/(?P<contact_id>con_[0-9a-z]{26})/"  # never meets the words that other pages use there
)

urlpatterns: list[URLPattern] = [
    path("contacts/new/", new_contact, name="contact_new"),
    re_path(CONTACT_PATH + "$", contact, name="contact"),
    re_path(CONTACT_PATH + "save/$", save_contact, name="contact_save"),
    re_path(CONTACT_PATH + "delete/$", remove_contact, name="contact_delete"),
    re_path(CONTACT_PATH + "consent/$", change_consent, name="contact_consent"),
    re_path(CONTACT_PATH + "suppression/$", change_suppression, name="contact_suppression"),
    re_path(CONTACT_PATH + "correct/$", correct, name="contact_correct"),
    re_path(CONTACT_PATH + "older/$", older_moments, name="contact_older"),
]
