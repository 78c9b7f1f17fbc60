"""The log of messages: single mail live, and for one person what campaigns sent them as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.roles import Permission
from dynamail.campaigns.models import Campaign
from dynamail.contacts.aliases import find_by_merged_address, list_identities
from dynamail.contacts.models import Contact
from dynamail.contacts.patience import TooSlow, limit_time
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import to_public_id
from dynamail.messages.email_log import (
    PAGE_SIZE,
    EmailFilter,
    EmailLine,
    begins_with,
    list_campaign_messages,
    list_emails,
)
from dynamail.messages.models import Message
from dynamail.messages.stream_numbers import DayNumbers, count_last_day
from dynamail.segments.exporting import ExportWanted, What, queue_export
from dynamail.senders.models import Stream
from dynamail.senders.streams import list_streams
from dynamail.web.access import PageRequest, needs
from dynamail.web.forms.messages import REACTIONS, SOURCES, LogQuery, list_state_choices, read_log_query
from dynamail.web.periods import CHOICES
from dynamail.web.snippets import list_snippets, make_letter

TIRED_SECONDS = 8.0  # a page of the log that takes longer is given up
MOST_FIGURES = 4


@dataclass(frozen=True)
class Line:
    """A message as the log shows it. `note` may come from outside (a server's reply): it is shown as text."""

    id: UUID
    url: str
    to: str
    others: int
    subject: str
    state: str
    stream: str
    source: str
    at: datetime
    tags: tuple[str, ...] = ()
    note: str = ""
    run_at: datetime | None = None
    is_test: bool = False
    is_single: bool = True  # of single mail, which alone is exported here

    @property
    def row_id(self) -> str:
        """The same at each look, so that a row that stays is not drawn anew."""
        return to_public_id("eml", self.id)


@dataclass(frozen=True)
class Figure:
    stream: Stream
    day: DayNumbers
    url: str


@needs(Permission.VIEW_MAILBOX)
@require_GET
def messages(request: PageRequest) -> HttpResponse:
    query, streams = _read_query(request)
    context = _list_context(request, query, streams)
    if request.htmx and not request.htmx.boosted:
        if "live" in request.GET and "new" in request.GET and context["lines"]:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})  # the first email came
        response = render(request, "messages/_list.html", context)
        if "live" not in request.GET:
            response["HX-Push-Url"] = query.url()  # without the empty fields of the form
        return response
    context |= {"figures": _list_figures(request, streams)}
    if context["is_new"] and request.member.may(Permission.MANAGE_API_KEYS):
        letter = make_letter(request.account, recipient=request.user.email)
        context |= {"letter": letter, "snippets": list_snippets(letter)}
    return render(request, "messages/list.html", context)


@needs(Permission.EXPORT_CONTACTS)
@require_POST
def export(request: PageRequest) -> HttpResponse:
    """What the filters find, as a file that is written in the background."""
    query, _streams = _read_query(request)
    wanted = ExportWanted(What.EMAILS, emails=query.filters, bom=True)
    work = queue_export(request.account.pk, wanted, by=request.member, now=utc_now())
    return redirect("work_progress", work_id=work.public_id)


@needs(Permission.VIEW_MAILBOX)
@require_GET
def numbers(request: PageRequest) -> HttpResponse:
    """The figures on top of the log, asked for again while it is open."""
    figures = _list_figures(request, list_streams(request.account.pk))
    return render(request, "messages/_numbers.html", {"figures": figures})


def _read_query(request: PageRequest) -> tuple[LogQuery, list[Stream]]:
    streams = list_streams(request.account.pk, archived=True)
    zone = timezone.get_current_timezone()
    return read_log_query(request.GET, streams=streams, now=utc_now(), zone=zone), streams


def _list_context(request: PageRequest, query: LogQuery, streams: Sequence[Stream]) -> dict[str, Any]:
    account_id, is_costly = request.account.pk, False
    contact = _find_contact(account_id, query.address)
    try:
        with limit_time(seconds=TIRED_SECONDS):
            lines = _list_lines(account_id, query, streams, contact)
    except TooSlow:
        lines, is_costly = [], True
    shown, more = lines[:PAGE_SIZE], len(lines) > PAGE_SIZE
    is_new = not shown and query.is_empty and not is_costly
    live = {"live": "1"} | ({"new": "1"} if is_new else {})
    return {
        "page_title": _("Messages"),
        "query": query,
        "contact": contact,
        "lines": shown,
        "is_costly": is_costly,
        "is_new": is_new,
        "live_url": query.url(**live) if query.before is None and not is_costly else "",
        "first_url": query.url() if query.before else "",
        "next_url": query.url(before=shown[-1].row_id) if more else "",
        "export_url": query.url("messages_export") if any(line.is_single for line in shown) else "",
        "states": list_state_choices(),
        "reactions": REACTIONS.items(),
        "streams": [stream for stream in streams if stream.archived_at is None],
        "sources": SOURCES.items(),
        "periods": CHOICES,
    }


# ── The lines ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _find_contact(account_id: int, address: str) -> Contact | None:
    """Whose address was asked for, also one that was merged into another."""
    if not address:
        return None
    contact = Contact.objects.for_account(account_id).filter(email_key=address).first()
    return contact or find_by_merged_address(account_id, address)


def _list_lines(
    account_id: int, query: LogQuery, streams: Sequence[Stream], contact: Contact | None
) -> list[Line]:
    """One more than a page holds, when there are more."""
    names = {stream.key: stream.name for stream in streams}
    size = PAGE_SIZE + 1
    lines: list[Line] = []
    if query.wants_single:
        found = list_emails(account_id, filters=query.filters, before=query.before, limit=size)
        lines += [_show_email(one, query.filters, names) for one in found]
    if query.wants_campaigns and contact is not None:
        lines += _list_campaign_lines(account_id, query, names, size, contact)
        lines.sort(key=lambda line: line.id, reverse=True)
    return list(islice(lines, size))


def _show_email(email: EmailLine, filters: EmailFilter, names: dict[str, str]) -> Line:
    """The recipient that was asked for stands for the email, else the first one."""
    wanted = [
        one for one in email.recipients if filters.recipient and begins_with(one.email, filters.recipient)
    ]
    one = next(iter([*wanted, *email.recipients]), None)
    state = one.state if one and wanted and len(wanted) == 1 else email.state
    telling = next((other for other in email.recipients if other.state == state), one)
    return Line(
        id=email.id,
        url=reverse("message", args=[email.public_id]),
        to=one.email if one else "",
        others=len(email.recipients) - 1,
        subject=email.subject,
        state=state,
        stream=names.get(email.stream, email.stream),
        source=str(SOURCES.get(email.source_kind, email.source_kind)),
        at=email.at,
        tags=email.tags,
        note=telling.reply if telling and state in ("bounced", "deferred", "expired") else "",
        run_at=telling.run_at if telling else None,
        is_test=email.is_test,
    )


def _list_campaign_lines(
    account_id: int, query: LogQuery, names: dict[str, str], size: int, contact: Contact
) -> list[Line]:
    ids = [one.id for one in list_identities(contact)]
    rows = list_campaign_messages(account_id, ids, filters=query.filters, before=query.before, limit=size)
    wanted = {row.source_id for row in rows}
    campaigns = {row.uid: row for row in Campaign.objects.for_account(account_id).filter(uid__in=wanted)}
    return [_show_campaign_message(row, contact, campaigns, names) for row in rows]


def _show_campaign_message(
    row: Message, contact: Contact, campaigns: dict[UUID, Campaign], names: dict[str, str]
) -> Line:
    campaign = campaigns.get(row.source_id) if row.source_id else None
    url = reverse("contact", args=[contact.public_id])
    if campaign is not None:
        url = reverse("campaign_recipients", args=[campaign.public_id]) + f"?q={quote(contact.email)}"
    return Line(
        id=row.id,
        url=url,
        to=row.recipient or contact.email,
        others=0,
        subject=campaign.subject if campaign else row.get_source_kind_display(),
        state=row.state,
        stream=names.get(row.stream or Stream.Kind.MARKETING, row.stream),
        source=campaign.name if campaign else row.get_source_kind_display(),
        at=row.at,
        note=row.reply if row.state == "bounced" else "",
        is_single=False,
    )


# ── The numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _list_figures(request: PageRequest, streams: Sequence[Stream]) -> list[Figure]:
    """The streams with the most mail of the last day first; one without any only where there is room."""
    open_streams = [stream for stream in streams if stream.archived_at is None]
    days = count_last_day(request.account.pk, open_streams, now=utc_now())
    ranked = sorted(open_streams, key=lambda stream: -days[stream.uid].delivered)
    return [
        Figure(stream, days[stream.uid], reverse("messages") + f"?stream={quote(stream.key)}")
        for stream in ranked[:MOST_FIGURES]
    ]


urlpatterns: list[URLPattern] = [
    path("messages/", messages, name="messages"),
    path("messages/export/", export, name="messages_export"),
    path("messages/numbers/", numbers, name="message_numbers"),
]
