"""Two rows of one person: merging by hand with a preview, and by a rule from a list of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dynamail.accounts.roles import Permission
from dynamail.consent.models import ConsentState, Topic
from dynamail.contacts.addressing import AddressError
from dynamail.contacts.editing import find_contact, find_contact_by_email
from dynamail.contacts.finding_duplicates import (
    Basis,
    Rule,
    call_different,
    find_rule,
    join_contacts,
    list_open,
    list_pairs,
    list_rules,
    queue_merge_all,
    queue_search,
)
from dynamail.contacts.merging import MergeChoice, MergeError, MergePlan, merge_contacts, plan_merge
from dynamail.contacts.models import Attribute, Contact, Tag
from dynamail.contacts.values import format_value
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.web.access import PageRequest, needs
from dynamail.web.views.contacts import CONTACT_PATH, get_contact, list_tabs

views = needs(Permission.VIEW_CONTACTS)
edits = needs(Permission.EDIT_CONTACTS)


# ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class FieldLine:
    """One field of both, as text, and whose value would win."""

    name: str
    label: str
    kept: str
    gone: str
    takes_gone: bool
    is_conflict: bool


@dataclass(frozen=True)
class TopicLine:
    name: str
    kept: str
    gone: str
    result: str


@edits
@require_GET
def choose_other(request: PageRequest, contact_id: str) -> HttpResponse:
    """`?with=` an address or an id, `?stays=other` to keep the other one; without, a box to look for it."""
    contact = get_contact(request, contact_id)
    wanted = request.GET.get("with", "").strip()
    context = _page(request, contact) | {"wanted": wanted}
    if not wanted:
        return render(request, "contacts/merge.html", context)
    other = _find_other(request, wanted)
    if other is None or other.id == contact.id:
        told = _("There is no other contact with this address.")
        return render(request, "contacts/merge.html", context | {"problem": told}, status=404)
    kept, gone = (other, contact) if request.GET.get("stays") == "other" else (contact, other)
    try:
        plan = plan_merge(kept, gone, _read_choice(request.GET), now=utc_now())
    except MergeError as error:
        return render(request, "contacts/merge.html", context | {"problem": str(error)}, status=422)
    return render(request, "contacts/merge.html", context | _plan_context(kept, gone, plan))


@edits
@require_POST
def merge(request: PageRequest, contact_id: str) -> HttpResponse:
    """The contact of the address stays, `gone` goes."""
    kept = get_contact(request, contact_id)
    try:
        gone_id = from_public_id("con", request.POST.get("gone", ""))
    except UnknownId:
        raise Http404 from None
    gone = find_contact(request.account.pk, gone_id)
    if gone is None:
        raise Http404
    choice = _read_choice(request.POST)
    if request.POST.get("act") == "preview":
        plan = plan_merge(kept, gone, choice, now=utc_now())
        context = _page(request, kept) | _plan_context(kept, gone, plan) | {"statement": choice.statement}
        return render(request, "contacts/merge.html", context)
    try:
        merge_contacts(
            request.account.pk,
            kept_id=kept.id,
            gone_id=gone.id,
            choice=choice,
            by=request.user,
            now=utc_now(),
        )
    except MergeError as error:
        messages.error(request, str(error))
        return redirect("contact", contact_id)
    messages.success(request, _("%s was merged into this contact.") % gone.email)
    return redirect("contact", contact_id)


def _read_choice(data: Any) -> MergeChoice:
    names = {
        key.removeprefix("wins-")
        for key, value in data.items()
        if key.startswith("wins-") and value == "gone"
    }
    statement = data.get("statement", "").strip()[:2_000] if data.get("carries_consent") else ""
    return MergeChoice(frozenset(names), statement)


def _find_other(request: PageRequest, wanted: str) -> Contact | None:
    try:
        return find_contact(request.account.pk, from_public_id("con", wanted))
    except UnknownId:
        pass
    try:
        return find_contact_by_email(request.account.pk, wanted)
    except AddressError:
        return None


def _plan_context(kept: Contact, gone: Contact, plan: MergePlan) -> dict[str, Any]:
    account_id = kept.account_id
    labels = dict(Attribute.objects.for_account(account_id).values_list("number", "label"))
    tags = dict(Tag.objects.for_account(account_id).values_list("pk", "name"))
    return {
        "kept": kept,
        "gone": gone,
        "plan": plan,
        "fields": _list_fields(plan, labels),
        "tags": [tags[tag] for tag in plan.tags if tag in tags],
        "topics": _list_topics(account_id, plan),
        "loses_consent": any(one.gone == ConsentState.SUBSCRIBED != one.result for one in plan.topics),
    }


def _list_fields(plan: MergePlan, labels: dict[int, str]) -> list[FieldLine]:
    plain = {"name": _("Name"), "language": _("Language"), "timezone": _("Time zone")}
    lines = []
    for one in plan.fields:
        kind, _colon, number = one.name.partition(":")
        label = labels.get(int(number), _("a deleted attribute")) if number else plain[kind]
        if one.kept or one.gone:
            takes_gone = one.result == one.gone and one.kept != one.gone
            shown = (format_value(one.kept), format_value(one.gone))
            lines.append(FieldLine(one.name, label, *shown, takes_gone, one.is_conflict))
    return lines


def _list_topics(account_id: int, plan: MergePlan) -> list[TopicLine]:
    names = dict(Topic.objects.for_account(account_id).values_list("pk", "name"))
    return [TopicLine(names.get(one.topic_id, "—"), one.kept, one.gone, one.result) for one in plan.topics]


def _page(request: PageRequest, contact: Contact) -> dict[str, Any]:
    return {
        "page_title": _("Merge contacts"),
        "contact": contact,
        "crumbs": [
            {"title": _("Contacts"), "url": reverse("contacts")},
            {"title": contact.name or contact.email, "url": reverse("contact", args=[contact.public_id])},
        ],
    }


# ── By a rule ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class RuleLine:
    """A rule in words, and how many pairs of it are open."""

    code: str
    title: str
    text: str
    pairs: int


@views
@require_GET
def duplicates(request: PageRequest) -> HttpResponse:
    account_id = request.account.pk
    rules = list_rules(account_id)
    context = {
        "page_title": _("Duplicates"),
        "crumbs": [{"title": _("Contacts"), "url": reverse("contacts")}],
        "tabs": list_tabs(request, "contacts"),
        "rules": [_describe(rule, list_open(account_id, rule).count()) for rule in rules],
    }
    return render(request, "contacts/duplicates.html", context)


@edits
@require_POST
def search_duplicates(request: PageRequest) -> HttpResponse:
    work = queue_search(request.account.pk, _get_rule(request, request.POST), by=request.user, now=utc_now())
    return redirect("work_progress", work_id=work.public_id)


@views
@require_GET
def pairs(request: PageRequest) -> HttpResponse:
    """`?rule=` the pairs of one rule, page by page."""
    rule = _get_rule(request, request.GET)
    account_id = request.account.pk
    page = list_pairs(
        account_id, rule, before=request.GET.get("before", ""), after=request.GET.get("after", "")
    )
    url = f"?rule={rule.code}"
    context = {
        "page_title": _describe(rule, 0).title,
        "crumbs": [
            {"title": _("Contacts"), "url": reverse("contacts")},
            {"title": _("Duplicates"), "url": reverse("duplicates")},
        ],
        "rule": rule,
        "number": list_open(account_id, rule).count(),
        "pairs": join_contacts(account_id, page.rows),
        "previous_url": f"{url}&before={page.before}" if page.before else "",
        "next_url": f"{url}&after={page.after}" if page.after else "",
    }
    return render(request, "contacts/pairs.html", context)


@edits
@require_POST
def decide_pairs(request: PageRequest) -> HttpResponse:
    """`all` merges every pair of the rule; `different` says of one that these are two persons."""
    rule = _get_rule(request, request.POST)
    if request.POST.get("act") == "all":
        work = queue_merge_all(request.account.pk, rule, by=request.user, now=utc_now())
        return redirect("work_progress", work_id=work.public_id)
    try:
        kept_id, gone_id = (from_public_id("con", request.POST.get(name, "")) for name in ("kept", "gone"))
    except UnknownId:
        raise Http404 from None
    call_different(request.account.pk, rule, kept_id=kept_id, gone_id=gone_id)
    return redirect(f"{reverse('duplicate_pairs')}?rule={rule.code}")


def _get_rule(request: PageRequest, data: Any) -> Rule:
    rule = find_rule(request.account.pk, data.get("rule", ""))
    if rule is None:
        raise Http404
    return rule


def _describe(rule: Rule, open_pairs: int) -> RuleLine:
    label = rule.attribute.label if rule.attribute else ""
    words = {
        Basis.MAILBOX: (
            _("The same mailbox, spelled differently"),
            _(
                "What the provider takes for one: points and +words at Gmail, the domains of Yandex, +words at Outlook."
            ),
        ),
        Basis.NAME_AND_ATTRIBUTE: (
            _("The same name and %s") % label,
            _("Letter case does not count, and of a telephone number the digits alone."),
        ),
        Basis.ATTRIBUTE: (
            _("The same %s") % label,
            _("Look at each pair: relatives and colleagues share telephones and offices."),
        ),
    }
    title, text = words[rule.basis]
    return RuleLine(rule.code, title, text, open_pairs)


urlpatterns: list[URLPattern] = [
    path("contacts/duplicates/", duplicates, name="duplicates"),
    path("contacts/duplicates/search/", search_duplicates, name="duplicates_search"),
    path("contacts/duplicates/pairs/", pairs, name="duplicate_pairs"),
    path("contacts/duplicates/decide/", decide_pairs, name="duplicates_decide"),
    re_path(CONTACT_PATH + "merge/$", choose_other, name="contact_merge"),
    re_path(CONTACT_PATH + "merge/do/$", merge, name="contact_merge_do"),
]
