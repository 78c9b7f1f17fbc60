"""To whom one person's data was handed over, in words: a page of the contact's card, and one for an address that is nobody's contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from dynamail.accounts.roles import Permission
from dynamail.contacts.addressing import AddressError
from dynamail.contacts.editing import find_contact_by_email
from dynamail.events.kinds import EventKind
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.web.access import PageRequest, needs
from dynamail.web.views.contacts import CONTACT_PATH, get_contact, list_card_tabs
from dynamail.webhooks.disclosures import (
    MESSAGE,
    PREFIX,
    Disclosure,
    Received,
    Receiver,
    ReceiverKind,
    list_disclosures,
)
from dynamail.webhooks.files import ExportedFile, list_files
from dynamail.webhooks.kinds import FieldGroup
from dynamail.webhooks.persons import Person, describe_address, describe_contact

views = needs(Permission.VIEW_CONTACTS)
PAGE, FILES = 30, 10
ICONS = {
    ReceiverKind.WEBHOOK: "webhook",
    ReceiverKind.RELAY: "send",
    ReceiverKind.PROVIDER: "send",
    ReceiverKind.REMOVED: "help-circle",
}
ANSWERS: dict[Received, tuple[str, str, Promise]] = {  # state and tone of its badge, and its word
    Received.YES: ("delivered", "success", gettext_lazy("Received")),
    Received.REFUSED: ("failed", "warning", gettext_lazy("Refused once it was there")),
    Received.UNKNOWN: ("unknown", "warning", gettext_lazy("No answer: it may have arrived")),
    Received.PARTLY: ("unknown", "warning", gettext_lazy("Received in part")),
}
MESSAGE_LABELS: dict[str, Promise] = {
    "address": gettext_lazy("their address"),
    "subject": gettext_lazy("the subject"),
    "content": gettext_lazy("the content"),
}


@dataclass(frozen=True)
class Line:
    """One handing over as a sentence, and what belongs to it."""

    row: Disclosure
    icon: str
    sentence: str
    given: str
    answer: tuple[str, str, Promise]


@views
@require_GET
def contact_disclosures(request: PageRequest, contact_id: str) -> HttpResponse:
    row = get_contact(request, contact_id)
    context = {
        "page_title": row.name or row.email,
        "crumbs": [{"title": _("Contacts"), "url": reverse("contacts")}],
        "contact": row,
        "tabs": list_card_tabs(row, "contact_disclosures"),
        "here": reverse("contact_disclosures", args=[contact_id]),
        **_describe_list(request, describe_contact(row), since=row.created_at),
    }
    return render(request, "disclosures/contact.html", context)


@views
@require_GET
def address_disclosures(request: PageRequest) -> HttpResponse:
    """Somebody who only got single emails. Who is a contact has a page of their own."""
    address = request.GET.get("address", "").strip()[:320]
    context: dict[str, Any] = {
        "page_title": _("Handed over"),
        "crumbs": [{"title": _("Contacts"), "url": reverse("contacts")}],
        "address": address,
    }
    if not address:
        return render(request, "disclosures/address.html", context)
    try:
        contact = find_contact_by_email(request.account.pk, address)
        person = describe_address(request.account.pk, address)
    except AddressError as error:
        return render(request, "disclosures/address.html", context | {"fault": str(error)}, status=422)
    if contact is not None:
        return redirect("contact_disclosures", contact.public_id)
    context["here"] = f"{reverse('address_disclosures')}?{urlencode({'address': address})}"
    context |= _describe_list(request, person, since=None)
    return render(request, "disclosures/address.html", context)


def _describe_list(request: PageRequest, person: Person, *, since: datetime | None) -> dict[str, Any]:
    account_id = request.account.pk
    before = _read_before(request.GET.get("after", ""))
    rows = list_disclosures(account_id, person, before=before, limit=PAGE + 1)
    query = {name: request.GET[name] for name in ("address",) if name in request.GET}
    first, after = (
        urlencode(query),
        urlencode(query | {"after": rows[PAGE - 1].public_id}) if rows[PAGE:] else "",
    )
    return {
        "lines": [_tell(row) for row in rows[:PAGE]],
        "is_first": before is None,
        "first_url": f"?{first}" if before is not None else "",
        "next_url": f"?{after}" if after else "",
        "files": _tell_files(list_files(account_id, since=since, limit=FILES)) if before is None else [],
    }


def _read_before(text: str) -> UUID | None:
    try:
        return from_public_id(PREFIX, text) if text else None
    except UnknownId:
        return None


# ── In words ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _tell(row: Disclosure) -> Line:
    return Line(row, ICONS[row.receiver.kind], _write_sentence(row), _write_given(row), ANSWERS[row.received])


def _write_sentence(row: Disclosure) -> str:
    to = _name(row.receiver)
    if row.what == MESSAGE:
        return _("A message went through %s") % to
    event = str(EventKind(row.what).label) if row.what in EventKind.values else row.what
    if row.times > 1:
        told = ngettext(
            "%(to)s was told “%(event)s” %(times)d time",
            "%(to)s was told “%(event)s” %(times)d times",
            row.times,
        )
        return told % {"to": to, "event": event, "times": row.times}
    return _("%(to)s was told “%(event)s”") % {"to": to, "event": event}


def _name(receiver: Receiver) -> str:
    if receiver.kind == ReceiverKind.REMOVED:
        return _("a way of delivery that was removed since")
    if receiver.name and receiver.host:
        return f"{receiver.name} ({receiver.host})"
    return receiver.name or receiver.host


def _write_given(row: Disclosure) -> str:
    if row.what == MESSAGE:
        return ", ".join(str(MESSAGE_LABELS[name]) for name in row.fields)
    labels = dict(FieldGroup.choices)
    return ", ".join(
        [_("ids, types and codes"), *(str(labels.get(name, name)).lower() for name in row.fields)]
    )


def _tell_files(files: Sequence[ExportedFile]) -> list[tuple[ExportedFile, str]]:
    return [(one, _write_file(one)) for one in files]


def _write_file(file: ExportedFile) -> str:
    if file.of_suppressions:
        return _("A file of suppressed addresses")
    return _("A file of chosen contacts") if file.is_narrowed else _("A file of contacts")


urlpatterns: list[URLPattern] = [
    path("contacts/handed-over/", address_disclosures, name="address_disclosures"),
    re_path(CONTACT_PATH + "handed-over/$", contact_disclosures, name="contact_disclosures"),
]
