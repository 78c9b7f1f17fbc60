"""One message: what became of each copy, what it said, what can still be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.models import ApiKey
from dynamail.accounts.roles import Permission
from dynamail.consent.models import Suppression, SuppressionReason
from dynamail.consent.suppressing import find_suppression, suppress_address
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.models import Contact
from dynamail.content.blobs import read_blob
from dynamail.content.models import Template
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.messages.email_acts import EmailActError, cancel_email, reschedule_email, resend_email
from dynamail.messages.email_log import (
    EmailView,
    RecipientView,
    find_email,
    find_email_of_message,
)
from dynamail.messages.new_email import AcceptedEmail
from dynamail.messages.showing import (
    ShownContent,
    list_header_fields,
    make_page,
    read_file,
    show_content,
    write_source,
)
from dynamail.senders.models import Stream
from dynamail.senders.streams import find_stream
from dynamail.web.access import PageRequest, needs
from dynamail.web.email_timeline import list_moments
from dynamail.web.forms.messages import RescheduleForm
from dynamail.web.views.mailbox import MESSAGE_POLICY, OPEN_LINKS_OUTSIDE

# Beside what every shown message may: pictures of other hosts, once somebody asked for them.
REMOTE_PICTURES = MESSAGE_POLICY.replace("img-src 'self' data:", "img-src https: http: data:")
OWN_PICTURES = MESSAGE_POLICY.replace("img-src 'self' data:", "img-src data:")


@dataclass(frozen=True)
class Person:
    """A recipient with what else is known of the address."""

    copy: RecipientView
    contact: Contact | None
    suppression: Suppression | None


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.VIEW_MAILBOX)
@require_GET
def message(request: PageRequest, email_id: str) -> HttpResponse:
    """By the id of an email, or that of one recipient's copy."""
    if email_id.startswith("msg_"):
        return _redirect_to_email(request, email_id)
    view = _get(request, email_id)
    context = _page_context(request, view) | _content_context(request, view)
    if request.htmx and not request.htmx.boosted:
        part = "messages/_life.html" if "live" in request.GET else "messages/_content.html"
        return render(request, part, context)
    return render(request, "messages/message.html", context)


def _redirect_to_email(request: PageRequest, public_id: str) -> HttpResponse:
    try:
        found = find_email_of_message(request.account.pk, from_public_id("msg", public_id))
    except UnknownId:
        found = None
    if found is None:
        raise Http404
    return redirect("message", email_id=to_public_id("eml", found))


def _get(request: PageRequest, public_id: str) -> EmailView:
    view = find_email(request.account.pk, public_id)
    if view is None:
        raise Http404
    return view


def _page_context(request: PageRequest, view: EmailView) -> dict[str, Any]:
    email, account_id = view.email, request.account.pk
    key = ApiKey.objects.for_account(account_id).filter(pk=email.api_key_id).first()
    may_act = request.member.may(Permission.MANAGE_API_KEYS)
    return {
        "page_title": email.subject or _("(no subject)"),
        "crumbs": [{"title": _("Messages"), "url": reverse("messages")}],
        "view": view,
        "email": email,
        "people": _list_people(account_id, view),
        "moments": list_moments(view, key_name=key.name if key else ""),
        "stream": find_stream(account_id, email.stream),
        "key": key,
        "template": _find_template(account_id, email.template_uid),
        "is_live": bool(view.waiting),
        "may_cancel": may_act and bool(view.waiting),
        "may_resend": may_act and view.body is not None and not email.one_time,
        "reschedule": RescheduleForm(zone=request.account.timezone, initial={"at": _find_next(view)}),
    }


def _list_people(account_id: int, view: EmailView) -> list[Person]:
    now, people = utc_now(), []
    for copy in view.recipients:
        try:
            key = read_address(copy.email).key
        except AddressError:  # a rule that came after it was accepted
            people.append(Person(copy, None, None))
            continue
        contact = Contact.objects.for_account(account_id).filter(email_key=key).first()
        scopes = ("all", Stream.Kind.TRANSACTIONAL.value)
        people.append(Person(copy, contact, find_suppression(account_id, key, now=now, scopes=scopes)))
    return people


def _find_next(view: EmailView) -> datetime | None:
    """When the first copy that waits is to leave."""
    return min((one.run_at for one in view.waiting if one.run_at is not None), default=None)


def _find_template(account_id: int, uid: UUID | None) -> Template | None:
    return Template.objects.for_account(account_id).filter(uid=uid).first() if uid else None


# ── What it said ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _content_context(request: PageRequest, view: EmailView) -> dict[str, Any]:
    if view.body is None:
        return {"content": None}
    content = show_content(view.body)
    tabs = _list_tabs(view, content)
    wanted = request.GET.get("view", "")
    chosen = wanted if wanted in dict(tabs) else tabs[0][0]
    context: dict[str, Any] = {
        "content": content,
        "tab": chosen,
        "content_tabs": [(name, title, name == chosen) for name, title in tabs],
    }
    if chosen == "html":
        context["with_remote"] = "images" in request.GET
        page = make_page(view.body, _blobs(request), with_remote=True)
        context["remote"] = page.remote
    if chosen == "headers":
        context["headers"] = list_header_fields(view)
    if chosen == "source":
        context["source"] = write_source(view, _blobs(request))
    return context


def _list_tabs(view: EmailView, content: ShownContent) -> list[tuple[str, str]]:
    tabs = [("html", _("HTML"))] if content.html.strip() else []
    tabs += [("text", _("Text")), ("headers", _("Headers")), ("source", _("Source"))]
    if content.files:
        tabs.append(("files", _("Attachments")))
    return tabs


def _blobs(request: PageRequest) -> Callable[[UUID], bytes | None]:
    return lambda blob_id: read_blob(request.account.pk, blob_id)


@needs(Permission.VIEW_MAILBOX)
@require_GET
def document(request: PageRequest, email_id: str) -> HttpResponse:
    """The HTML as a document of its own: no script, no form, no origin; pictures of other hosts with `?images`."""
    view, with_remote = _get(request, email_id), "images" in request.GET
    if view.body is None:
        raise Http404
    page = make_page(view.body, _blobs(request), with_remote=with_remote)
    response = HttpResponse(OPEN_LINKS_OUTSIDE + page.html)
    response["Content-Security-Policy"] = REMOTE_PICTURES if with_remote else OWN_PICTURES
    response["Referrer-Policy"] = "no-referrer"
    return response


@needs(Permission.VIEW_MAILBOX)
@require_GET
def attachment(request: PageRequest, email_id: str, number: int) -> HttpResponse:
    """As a file to be saved, whatever it says it is."""
    view = _get(request, email_id)
    found = read_file(view.body, number, _blobs(request)) if view.body is not None else None
    if found is None:
        raise Http404
    file, data = found
    response = HttpResponse(data, content_type="application/octet-stream")
    name = "".join(letter for letter in file.filename if letter.isprintable()) or f"attachment-{number + 1}"
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


# ── What can be done ─────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.MANAGE_API_KEYS)
@require_POST
def resend(request: PageRequest, email_id: str) -> HttpResponse:
    """The same once more, as a new email."""
    view = _get(request, email_id)
    try:
        result = resend_email(request.account.pk, view.email.id, by=request.member, now=utc_now())
    except EmailActError as refusal:
        notices.error(request, str(refusal))
        return redirect("message", email_id=email_id)
    if isinstance(result, AcceptedEmail):
        notices.success(request, _("Sent again. This is the new email."))
        return redirect("message", email_id=to_public_id("eml", result.id))
    notices.error(request, " ".join(dict.fromkeys(fault.text for fault in result.faults)))
    return redirect("message", email_id=email_id)


@needs(Permission.MANAGE_API_KEYS)
@require_POST
def cancel(request: PageRequest, email_id: str) -> HttpResponse:
    view = _get(request, email_id)
    try:
        number = cancel_email(request.account.pk, view.email.id, by=request.member, now=utc_now())
    except EmailActError as refusal:
        notices.error(request, str(refusal))
    else:
        text = ngettext("Canceled for %d recipient.", "Canceled for %d recipients.", number) % number
        notices.success(request, text if number else _("It was canceled already."))
    return redirect("message", email_id=email_id)


@needs(Permission.MANAGE_API_KEYS)
@require_POST
def reschedule(request: PageRequest, email_id: str) -> HttpResponse:
    view = _get(request, email_id)
    form = RescheduleForm(request.POST, zone=request.account.timezone)
    if not form.is_valid():
        notices.error(request, " ".join(map(str, form.errors["at"])))
        return redirect("message", email_id=email_id)
    try:
        reschedule_email(
            request.account.pk,
            view.email.id,
            send_at=form.cleaned_data["at"],
            by=request.member,
            now=utc_now(),
        )
    except EmailActError as refusal:
        notices.error(request, str(refusal))
    else:
        notices.success(request, _("The new time is set."))
    return redirect("message", email_id=email_id)


@needs(Permission.EDIT_CONTACTS)
@require_POST
def suppress(request: PageRequest, email_id: str) -> HttpResponse:
    """Never write to one of its recipients again."""
    view, wanted = _get(request, email_id), request.POST.get("recipient", "")
    found = next((one for one in view.recipients if one.public_id == wanted), None)
    try:
        key = read_address(found.email if found else "").key
    except AddressError:
        raise Http404 from None
    suppress_address(
        request.account.pk,
        key,
        reason=SuppressionReason.MANUAL,
        by=request.member,
        now=utc_now(),
    )
    notices.success(request, _("%s is suppressed: nothing is sent to it any more.") % key)
    return redirect("message", email_id=email_id)


urlpatterns: list[URLPattern] = [
    path("messages/<str:email_id>/", message, name="message"),
    path("messages/<str:email_id>/document/", document, name="message_document"),
    path("messages/<str:email_id>/attachments/<int:number>/", attachment, name="message_attachment"),
    path("messages/<str:email_id>/resend/", resend, name="message_resend"),
    path("messages/<str:email_id>/cancel/", cancel, name="message_cancel"),
    path("messages/<str:email_id>/reschedule/", reschedule, name="message_reschedule"),
    path("messages/<str:email_id>/suppress/", suppress, name="message_suppress"),
]
