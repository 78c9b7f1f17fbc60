"""The set-up page: four cards on one page, each edited in place, each with a tick or what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from dynamail.accounts.roles import Permission
from dynamail.campaigns.audiences import Choice, choice_of, describe_audience, measure_audience
from dynamail.campaigns.drafting import save_draft
from dynamail.campaigns.errors import CampaignError
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.previewing import make_context, render_copy
from dynamail.campaigns.readiness import Card, Problem, list_blocking, of_card
from dynamail.campaigns.reviewing import check_draft, check_launch
from dynamail.conditions.faults import ConditionFault
from dynamail.contacts.models import Tag
from dynamail.content.compiling import EmailSource, Kind, compile_email
from dynamail.content.problems import ContentError
from dynamail.lib.clock import utc_now
from dynamail.segments.counting import TooCostly
from dynamail.segments.wording import describe_costly
from dynamail.web.access import PageRequest, needs
from dynamail.web.condition_props import make_builder_props
from dynamail.web.forms.campaigns import CARD_FORMS, CardForm, ToForm
from dynamail.web.forms.conditions import read_sent
from dynamail.web.views.campaign_access import get_campaign, get_person
from dynamail.web.views.source_editor import list_variables

views = needs(Permission.VIEW_CAMPAIGNS)

TITLES = {
    Card.TO: gettext_lazy("To"),
    Card.FROM: gettext_lazy("From"),
    Card.SUBJECT: gettext_lazy("Subject"),
    Card.CONTENT: gettext_lazy("Content"),
}


@dataclass(frozen=True)
class CardView:
    """One card as the page shows it."""

    card: Card
    problems: list[Problem]

    @property
    def title(self) -> str:
        return str(TITLES[self.card])

    @property
    def is_done(self) -> bool:
        return not list_blocking(self.problems)

    @property
    def template(self) -> str:
        return f"campaigns/_card_{self.card}.html"


@dataclass(frozen=True)
class Line:
    """What a mail program's list shows of a message."""

    subject: str
    preheader: str
    problem: str = ""


def setup_context(request: PageRequest, campaign: Campaign) -> dict[str, Any]:
    """Everything the set-up page shows, without counting the audience: the page asks for that when it is there."""
    problems = check_draft(campaign)
    return {
        **cards_context(campaign, problems),
        "include_tags": _find_tags(campaign, campaign.include_tags),
        "exclude_tags": _find_tags(campaign, campaign.exclude_tags),
        "condition_sentence": describe_audience(campaign),
        "line": write_line(campaign, campaign.subject, campaign.preheader, None),
        "now": utc_now(),
        "may_edit": campaign.is_editable and request.member.may(Permission.EDIT_CAMPAIGNS),
    }


def cards_context(campaign: Campaign, problems: Sequence[Problem]) -> dict[str, Any]:
    cards = [CardView(card, of_card(problems, card)) for card in Card]
    return {
        "campaign": campaign,
        "cards": cards,
        "done": sum(card.is_done for card in cards),
        "next_card": next((card for card in cards if not card.is_done), None),
    }


@views
@require_http_methods(["GET", "POST"])
def show_card(request: PageRequest, campaign: str, card: str) -> HttpResponse:
    """GET: the card, with `?edit=1` its form. POST: save it, and say what is still missing."""
    row, which = get_campaign(request, campaign), _read_card(card)
    wants_form = request.method == "POST" or "edit" in request.GET
    if wants_form and not request.member.may(Permission.EDIT_CAMPAIGNS):
        return render(request, "web/403.html", status=403)
    if request.method == "POST":
        return _save_card(request, row, which)
    if wants_form and row.is_editable:
        return _show_form(request, row, which, CARD_FORMS[which](campaign=row))
    return _show_saved(request, row, which, counted=False)


def _save_card(request: PageRequest, row: Campaign, card: Card) -> HttpResponse:
    form = CARD_FORMS[card](request.POST, campaign=row)
    if not form.is_valid():
        return _show_form(request, row, card, form, status=422)
    try:
        row = save_draft(row, by=request.member, now=utc_now(), version=row.version, **form.values())
    except CampaignError as error:
        form.add_error(None, str(error))
        return _show_form(request, row, card, form, status=422)
    return _show_saved(request, get_campaign(request, row.public_id), card, counted=True)


def _show_form(
    request: PageRequest, row: Campaign, card: Card, form: CardForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "campaign": row,
        "card": CardView(card, []),
        "form": form,
        "variables": list_variables(row.account_id) if card is Card.SUBJECT else [],
        "line": write_line(row, row.subject, row.preheader, None),
        "now": utc_now(),
    }
    if isinstance(form, ToForm):
        context["props"] = make_builder_props(
            read_sent(form["condition"]), field="condition", mode="audience", salt=row.public_id
        )
    return render(request, f"campaigns/_card_{card}_form.html", context, status=status)


def _show_saved(request: PageRequest, row: Campaign, card: Card, *, counted: bool) -> HttpResponse:
    problems = check_launch(row, now=utc_now()) if counted else check_draft(row)
    context = setup_context(request, row) | cards_context(row, problems)
    context |= {"card": CardView(card, of_card(problems, card)), "with_summary": counted, "counted": counted}
    context["closed"] = True  # the focus goes back to where the form was opened
    return render(request, "campaigns/_card.html", context)


@views
@require_GET
def show_readiness(request: PageRequest, campaign: str) -> HttpResponse:
    """The summary with the audience counted; the page asks for it when it is there."""
    row = get_campaign(request, campaign)
    context = cards_context(row, check_launch(row, now=utc_now())) | {"counted": True}
    return render(request, "campaigns/_ready.html", context)


@views
@require_http_methods(["GET", "POST"])
def count_audience(request: PageRequest, campaign: str) -> HttpResponse:
    """Who would get it. GET: for what is saved. POST: for what the form To says while it is edited; it changes nothing."""
    row = get_campaign(request, campaign)
    choice, problem = choice_of(row), ""
    if request.method == "POST":
        form = ToForm(request.POST, campaign=row)
        form.is_valid()
        choice = form.choice() if form.cleaned_data.get("topic") else None
        problem = _("Mend the marked condition to count.") if "condition" in form.errors else ""
    context: dict[str, Any] = {"campaign": row, "problem": problem}
    if choice and not problem:
        context |= _measure(row, choice)
    return render(request, "campaigns/_audience.html", context)


def _measure(row: Campaign, choice: Choice) -> dict[str, Any]:
    try:
        return {"audience": measure_audience(row.account_id, choice, now=utc_now())}
    except ConditionFault:
        return {"problem": _("Not counted: the condition names something that is not there any more.")}
    except TooCostly as error:
        return {"problem": describe_costly(error)}


@views
@require_GET
def show_line(request: PageRequest, campaign: str) -> HttpResponse:
    """Subject and preheader as a mail program's list shows them, while they are typed."""
    row = get_campaign(request, campaign)
    person = get_person(request, request.GET.get("contact", ""))
    subject, preheader = request.GET.get("subject", "")[:300], request.GET.get("preheader", "")[:300]
    context = {"line": write_line(row, subject, preheader, person), "campaign": row, "now": utc_now()}
    return render(request, "campaigns/_line.html", context)


def write_line(campaign: Campaign, subject: str, preheader: str, person: Any) -> Line:
    context = make_context(campaign.account, person, name=campaign.name, subject=subject, now=utc_now())
    try:
        return Line(_render_text(subject, context), _render_text(preheader, context))
    except ContentError as error:
        first = error.problems[0]
        place = _("Column %d:") % first.column if first.column else ""
        problem = f"{place} {first.sentence} {first.suggestion}".strip()
        return Line(subject, preheader, problem)


def _render_text(text: str, context: dict[str, Any]) -> str:
    return render_copy(compile_email(EmailSource(Kind.TEXT, "", text)), context, own_pages="#").subject


def _find_tags(campaign: Campaign, keys: Sequence[int]) -> list[str]:
    rows = Tag.objects.for_account(campaign.account_id).filter(pk__in=keys).order_by("name")
    return list(rows.values_list("name", flat=True))


def _read_card(text: str) -> Card:
    try:
        card = Card(text)
    except ValueError:
        raise Http404 from None
    if card not in CARD_FORMS:
        raise Http404  # the content has a page of its own
    return card
