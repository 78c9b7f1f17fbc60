"""What came back: bounces, complaints and delays, and the mailboxes in which they arrive."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.roles import Permission
from dynamail.feedback.consequences import Effect
from dynamail.feedback.mailboxes import remove_mailbox, save_mailbox, start_visit
from dynamail.feedback.models import FeedbackReport, Kind, ReportMailbox
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.messages.models import SourceKind
from dynamail.protocols.codes import DESCRIPTIONS, BounceClass
from dynamail.web.access import needs
from dynamail.web.forms.feedback import ReportMailboxForm
from dynamail.web.lookup import get_row
from dynamail.web.settings_tabs import list_settings_tabs

manages = needs(Permission.MANAGE_DELIVERY)
PAGE = 50
FILTERS: dict[str, tuple[Any, dict[str, str]]] = {
    "": (gettext_lazy("All"), {}),
    "told": (gettext_lazy("To mend"), {"consequence": Effect.TOLD}),
    "bounces": (gettext_lazy("Bounces"), {"kind": Kind.BOUNCE}),
    "complaints": (gettext_lazy("Complaints"), {"kind": Kind.COMPLAINT}),
    "delays": (gettext_lazy("Delays"), {"kind": Kind.DELAY}),
}
EFFECTS: dict[str, Any] = {
    Effect.SUPPRESSED: gettext_lazy("Not written to any more"),
    Effect.COUNTED: gettext_lazy("Counted"),
    Effect.TOLD: gettext_lazy("About us: mend it"),
    Effect.NONE: gettext_lazy("Nothing to do"),
}

STATES: dict[str, str] = {Kind.BOUNCE: "bounced", Kind.COMPLAINT: "complained", Kind.DELAY: "deferred"}


@manages
@require_GET
def show_feedback(request: Any) -> HttpResponse:
    chosen = request.GET.get("show", "")
    if chosen not in FILTERS:
        raise Http404
    rows = _list_reports(request.account, chosen, after=request.GET.get("after", ""))
    shown = list(rows[: PAGE + 1])
    next_url = ""
    if len(shown) > PAGE:
        next_url = "?" + urlencode({"show": chosen, "after": shown[PAGE - 1].public_id})
    context = {
        "page_title": _("Settings"),
        "tabs": list_settings_tabs(request, "feedback"),
        "rows": [_describe(row) for row in shown[:PAGE]],
        "filters": [
            (label, f"?show={name}" if name else "?", name == chosen) for name, (label, _w) in FILTERS.items()
        ],
        "next_url": next_url,
        "mailboxes": ReportMailbox.objects.for_account(request.account).order_by("pk"),
        "return_path_domain": settings.RETURN_PATH_DOMAIN,
        "listens": bool(settings.REPORTS_PORT),
    }
    return render(request, "feedback/list.html", context)


@manages
@require_GET
def show_feedback_report(request: Any, report: str) -> HttpResponse:
    """One report with its raw text, shown as text."""
    row = FeedbackReport.objects.for_account(request.account).filter(id=_read_id(report)).first()
    if row is None:
        raise Http404
    context = {
        "page_title": row.recipient or _("Report"),
        "crumbs": _crumbs(),
        "line": _describe(row),
        "report": row,
        "raw": bytes(row.raw).decode("utf-8", "replace") if row.raw else "",
    }
    return render(request, "feedback/report.html", context)


@manages
@require_http_methods(["GET", "POST"])
def edit_report_mailbox(request: Any, mailbox: str = "") -> HttpResponse:
    row = get_row(ReportMailbox, request, mailbox) if mailbox else None
    form = ReportMailboxForm(request.POST or None, mailbox=row)
    if request.method == "POST" and form.is_valid():
        saved = save_mailbox(request.account, form.settings(), mailbox=row, by=request.member, now=utc_now())
        start_visit(saved)
        messages.success(request, _("Saved. It is being read now."))
        return redirect("feedback")
    title = str(row) if row else _("New mailbox for reports")
    context = {"page_title": title, "form": form, "crumbs": _crumbs()}
    return render(request, "feedback/mailbox_form.html", context, status=422 if form.is_bound else 200)


@manages
@require_POST
def act_on_report_mailbox(request: Any, mailbox: str, action: str) -> HttpResponse:
    row = get_row(ReportMailbox, request, mailbox)
    match action:
        case "visit":
            start_visit(row)
            messages.success(request, _("It is being read now."))
        case "remove":
            remove_mailbox(row, by=request.member)
        case _:
            raise Http404
    return redirect("feedback")


def _list_reports(account: Any, chosen: str, *, after: str) -> QuerySet[FeedbackReport]:
    rows = FeedbackReport.objects.for_account(account).filter(**FILTERS[chosen][1]).defer("raw")
    if after:
        last = FeedbackReport.objects.for_account(account).filter(id=_read_id(after)).first()
        if last is not None:
            rows = rows.filter(at__lte=last.at).exclude(at=last.at, id__gte=last.id)
    return rows.order_by("-at", "-id")


def _describe(row: FeedbackReport) -> dict[str, Any]:
    known = row.bounce_class in set(BounceClass)
    reason = DESCRIPTIONS[BounceClass(row.bounce_class)] if known else str(Kind(row.kind).label)
    return {
        "row": row,
        "state": STATES.get(row.kind, "done"),
        "reason": reason,
        "effect": _tell_effect(row),
        "needs_work": row.consequence == Effect.TOLD,
        "contact": to_public_id("con", row.contact_id) if row.contact_id else "",
    }


def _tell_effect(row: FeedbackReport) -> Any:
    is_own_word = row.kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBE)
    if is_own_word and row.consequence == Effect.SUPPRESSED and row.source_kind == SourceKind.CAMPAIGN:
        return _("No more campaigns")
    return EFFECTS.get(row.consequence, "")


def _read_id(text: str) -> Any:
    try:
        return from_public_id("rep", text)
    except UnknownId:
        raise Http404 from None


def _crumbs() -> list[dict[str, str]]:
    return [{"title": _("Bounces and complaints"), "url": reverse("feedback")}]


urlpatterns = [
    path("settings/feedback/", show_feedback, name="feedback"),
    path("settings/feedback/reports/<str:report>/", show_feedback_report, name="feedback_report"),
    path("settings/feedback/mailboxes/new/", edit_report_mailbox, name="feedback_mailbox_new"),
    path("settings/feedback/mailboxes/<str:mailbox>/", edit_report_mailbox, name="feedback_mailbox"),
    path(
        "settings/feedback/mailboxes/<str:mailbox>/<str:action>/",
        act_on_report_mailbox,
        name="feedback_mailbox_action",
    ),
]
