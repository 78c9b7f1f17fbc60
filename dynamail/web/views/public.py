"""What a recipient sees: leaving, preferences, the web version. No sign-in, no cookie, no script; the link is the right to it.

Opening a page changes nothing, whoever opens it (mail scanners do). A change is a POST; all POSTs may be repeated. A link that
was not signed here gets one answer, whatever is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.campaigns.previewing import make_recipient
from dynamail.consent.leaving import (
    Person,
    has_left_everything,
    return_to_topics,
)
from dynamail.consent.models import ConsentState, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import choose_tracking, find_subscriptions
from dynamail.consent.topics import find_topics
from dynamail.contacts.aliases import Reached, find_reached
from dynamail.contacts.leaving import leave_by_all_addresses, leave_topic, undo_leaving
from dynamail.contacts.models import Contact
from dynamail.content.problems import ContentError
from dynamail.lib.clock import utc_now
from dynamail.lib.signing import BadToken
from dynamail.messages.composing import Composer, FrozenCampaign, load_composing_settings, read_frozen
from dynamail.messages.models import FrozenContent
from dynamail.messages.personalizing import Recipient
from dynamail.tracking.tokens import LeaveToken, PreferencesToken, ViewToken, load_token_keys
from dynamail.web.access import public_page

LANGUAGE_CODES = [code for code, _name in settings.LANGUAGES]
ONE_CLICK = "One-Click"  # RFC 8058 §3.1: the body is List-Unsubscribe=One-Click
VIEW_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline' http: https:; font-src http: https: data:; base-uri 'none'; form-action 'none'"
)

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class TopicChoice:
    """One line of the preference page."""

    id: str
    name: str
    description: str
    subscribed: bool


@dataclass(frozen=True)
class LanguageLink:
    code: str
    name: str
    url: str
    current: bool


def recipient_page(view: View) -> View:
    """A page behind a signed link: public, never cached, in the language that the recipient asked for, sent with no referrer."""

    @wraps(view)
    def page(request: HttpRequest, token: str) -> HttpResponseBase:
        language = request.GET.get("lang", "")
        with translation.override(language if language in LANGUAGE_CODES else translation.get_language()):
            try:
                response = view(request, token)
            except (BadToken, Account.DoesNotExist):
                response = _show_unknown(request)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    # The token in the address is what a forged form would need: there is no session to ride on.
    return public_page(csrf_exempt(never_cache(page)))


@recipient_page
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, text: str) -> HttpResponse:
    """The page that List-Unsubscribe and the footer lead to; a POST by a mail program withdraws without a page (RFC 8058)."""
    token = LeaveToken.parse(find_keys(), text)
    with account_scope(token.account_id):
        account = Account.objects.get(pk=token.account_id)
        topic = Topic.objects.for_account(account).filter(pk=token.topic_id).first()
        reached = find_reached(token.account_id, token.contact_id, lock=request.method == "POST")
        if request.method != "POST":
            return _show_unsubscribe(request, account, topic, reached, text)
        if reached is not None and topic is not None:
            _change_by(request, reached, topic, token.source_id)
    if request.POST.get("List-Unsubscribe") == ONE_CLICK:
        return HttpResponse(_("You are unsubscribed.") + "\n", content_type="text/plain; charset=utf-8")
    return redirect_to(request, "unsubscribe", text)


@recipient_page
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, text: str) -> HttpResponse:
    """Which topics, and whether opens and clicks may be tied to the person."""
    token = PreferencesToken.parse(find_keys(), text)
    with account_scope(token.account_id):
        account = Account.objects.get(pk=token.account_id)
        reached = find_reached(token.account_id, token.contact_id, lock=request.method == "POST")
        if request.method != "POST":
            return _show_preferences(request, account, reached, text)
        if reached is not None:
            _save_preferences(request, account, reached)
    return redirect_to(request, "preferences", text, saved="1")


# --- leaving -----------------------------------------------------------------------------------------------------------


def _show_unsubscribe(
    request: HttpRequest, account: Account, topic: Topic | None, reached: Reached | None, text: str
) -> HttpResponse:
    """The state as it is: the button, or that it is done and how to undo it. An erased person gets the page of one who left."""
    contact = reached.contact if reached else None
    states = find_subscriptions(account.pk, contact.id) if contact is not None else {}
    row = states.get(topic.pk) if topic is not None else None
    left = contact is None or topic is None or (row is not None and row.state == ConsentState.UNSUBSCRIBED)
    everything = contact is not None and has_left_everything(_person(contact), now=utc_now())
    return render(
        request,
        "public/unsubscribe.html",
        frame_page(request, account)
        | {
            "topic": topic,
            "address": mask_address(contact.email) if contact is not None else "",
            "left": left or everything,
            "everything": everything,
            "can_undo": contact is not None and topic is not None,
            "preferences_url": link_preferences(request, reached),
        },
    )


def _change_by(request: HttpRequest, reached: Reached, topic: Topic, source_id: UUID) -> None:
    """Do what the mail program or the button says; a POST that says nothing leaves the topic, an unknown button does nothing."""
    now = utc_now()
    button = request.POST.get("act", "leave")
    kind, source = ("campaign", str(source_id)) if source_id.int else ("", "")
    if request.POST.get("List-Unsubscribe") == ONE_CLICK:
        proof = Proof(
            method="one_click", text="List-Unsubscribe=One-Click", source_kind=kind, source_id=source
        )
        leave_topic(reached, topic.pk, proof=proof, now=now)
        return
    words = {
        "leave": _("Unsubscribe"),
        "everything": _("Unsubscribe from everything"),
        "undo": _("Undo: subscribe me again"),
    }
    proof = Proof(method="page", text=words.get(button, ""), source_kind=kind, source_id=source)
    if button == "leave":
        leave_topic(reached, topic.pk, proof=proof, now=now)
    elif button == "everything":
        leave_by_all_addresses(reached, proof=proof, now=now)
    elif button == "undo":
        undo_leaving(reached, topic.pk, proof=proof, now=now)


# --- preferences -------------------------------------------------------------------------------------------------------


def _show_preferences(
    request: HttpRequest, account: Account, reached: Reached | None, text: str
) -> HttpResponse:
    contact = reached.contact if reached else None
    states = find_subscriptions(account.pk, contact.id) if contact is not None else {}
    choices = [
        TopicChoice(
            topic.public_id,
            topic.name,
            topic.description,
            topic.pk in states and states[topic.pk].state == ConsentState.SUBSCRIBED,
        )
        for topic in _offered_topics(account, states, reached)
    ]
    answers = {row.tracking_allowed for row in states.values()}
    return render(
        request,
        "public/preferences.html",
        frame_page(request, account)
        | {
            "address": mask_address(contact.email) if contact is not None else "",
            "choices": choices,
            "asks_tracking": bool(states) and any(topic.tracking != "none" for topic in find_topics(account)),
            "tracking": "yes" if True in answers else "no" if False in answers else "",
            "saved": request.GET.get("saved") == "1",
            "everything": contact is not None and has_left_everything(_person(contact), now=utc_now()),
        },
    )


def _save_preferences(request: HttpRequest, account: Account, reached: Reached) -> None:
    contact, now = reached.contact, utc_now()
    if request.POST.get("act") == "everything":
        proof = Proof(method="preference_page", text=_("Unsubscribe from everything"))
        leave_by_all_addresses(reached, proof=proof, now=now)
        return
    states = find_subscriptions(account.pk, contact.id)
    # A topic that was made after the page was opened is not in `shown`: nobody decided about it.
    shown, wanted = set(request.POST.getlist("shown")), set(request.POST.getlist("topic"))
    topics = [topic for topic in _offered_topics(account, states, reached) if topic.public_id in shown]
    chosen = [topic for topic in topics if topic.public_id in wanted]
    if chosen:
        proof = Proof(method="preference_page", text=_("Topics that I want to hear about"))
        return_to_topics(_person(contact), [topic.pk for topic in chosen], proof=proof, now=now)
    for topic in topics:
        row = states.get(topic.pk)
        if topic.public_id not in wanted and row is not None and row.state != ConsentState.UNSUBSCRIBED:
            proof = Proof(method="preference_page", text=_("Topics that I want to hear about"))
            leave_topic(reached, topic.pk, proof=proof, now=now)
    _save_tracking(request, contact)


def _save_tracking(request: HttpRequest, contact: Contact) -> None:
    answer = request.POST.get("tracking")
    if answer in ("yes", "no"):
        words = (
            _("Yes, you may see which emails I open and which links I follow") if answer == "yes" else _("No")
        )
        proof = Proof(method="preference_page", text=words)
        choose_tracking(contact.account_id, contact.id, allowed=answer == "yes", proof=proof, now=utc_now())


def _offered_topics(account: Account, states: dict[int, Any], reached: Reached | None) -> list[Topic]:
    """The public topics, and those that the person is on already; by a merged address, the latter alone: it agrees for no other."""
    subscribed = {topic_id for topic_id, row in states.items() if row.state == ConsentState.SUBSCRIBED}
    if reached is not None and reached.alias is not None:
        return [topic for topic in find_topics(account) if topic.pk in subscribed]
    return [topic for topic in find_topics(account) if topic.is_public or topic.pk in subscribed]


# --- the web version ---------------------------------------------------------------------------------------------------


@recipient_page
@require_http_methods(["GET", "HEAD"])
def view_message(request: HttpRequest, text: str) -> HttpResponse:
    """The email as this person's copy of it, in a document that can run nothing and send no form."""
    token = ViewToken.parse(find_keys(), text)
    with account_scope(token.account_id):
        reached = find_reached(token.account_id, token.contact_id)
        frozen = FrozenContent.objects.for_account(token.account_id).filter(id=token.source_id).first()
        if reached is None or frozen is None:
            return _show_unknown(request)
        try:
            composer = Composer(read_frozen(frozen), load_composing_settings())
            copy = composer.make_copy(_make_recipient(reached.contact, composer.frozen), now=utc_now())
        except ContentError:
            return _show_unknown(request)
    html = copy.html or render_to_string("public/text.html", {"subject": copy.subject, "text": copy.text})
    response = HttpResponse(html)
    response.headers["Content-Security-Policy"] = VIEW_POLICY
    response._csp_exempt = True  # type: ignore[attr-defined]  # the pages' own policy would forbid the email's styles
    return response


def _make_recipient(contact: Contact, frozen: FrozenCampaign) -> Recipient:
    row = find_subscriptions(contact.account_id, contact.id).get(frozen.settings.topic_id)
    return replace(make_recipient(contact), tracking_allowed=bool(row and row.tracking_allowed))


# --- common ------------------------------------------------------------------------------------------------------------


def mask_address(email: str) -> str:
    """`d•••@mail.example`: enough to know one's own address, too little for whom the mail was forwarded to."""
    local, _at, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def render_notice(status: int, accept_language: str) -> bytes:
    """The page behind the tracking endpoints' 404 and 503, for an Accept-Language header. Made once a language."""
    return _render_notice(status, _choose_language(accept_language))


@lru_cache(maxsize=16)
def _render_notice(status: int, language: str) -> bytes:
    request = HttpRequest()
    request.path = "/"
    request.META = {"SERVER_NAME": settings.PUBLIC_HOST, "SERVER_PORT": "80"}
    request.user = AnonymousUser()
    with translation.override(language):
        return render_to_string(
            "public/notice.html", {"status": status, "language_url": ""}, request
        ).encode()


def _choose_language(accept_language: str) -> str:
    for part in re.split(r"[,;\s]+", accept_language.lower()[:200]):
        if (code := part.split("-")[0]) in LANGUAGE_CODES:
            return code
    return settings.LANGUAGE_CODE


def _show_unknown(request: HttpRequest) -> HttpResponse:
    return render(request, "public/notice.html", {"status": 404, "language_url": ""}, status=404)


def frame_page(request: HttpRequest, account: Account) -> dict[str, Any]:
    current = translation.get_language()
    names = dict(settings.LANGUAGES)
    languages = [
        LanguageLink(
            code,
            translation.get_language_info(code)["name_local"].capitalize(),
            f"?lang={code}",
            code == current,
        )
        for code in names
    ]
    # The language switch of other pages is a form with a cookie; a recipient's page sets none.
    return {"brand_name": account.name, "sender": account, "languages": languages, "language_url": ""}


def redirect_to(request: HttpRequest, route: str, token: str, **query: str) -> HttpResponse:
    """Back to the page, which shows the state as it now is: reloading repeats nothing."""
    language = request.GET.get("lang", "")
    if language in LANGUAGE_CODES:
        query["lang"] = language
    tail = f"?{urlencode(query)}" if query else ""
    response = HttpResponseRedirect(reverse(route, args=[token]) + tail)
    response.status_code = 303
    return response


def link_preferences(request: HttpRequest, reached: Reached | None) -> str:
    if reached is None:
        return ""
    contact_id = reached.alias.id if reached.alias else reached.contact.id  # as the link that led here
    token = PreferencesToken(reached.contact.account_id, contact_id).sign(find_keys())
    language = request.GET.get("lang", "")
    tail = f"?lang={language}" if language in LANGUAGE_CODES else ""
    return reverse("preferences", args=[token]) + tail


def _person(contact: Contact) -> Person:
    return Person(contact.account_id, contact.id, contact.email_key)


def find_keys() -> Any:
    return load_token_keys(settings.SECRET_KEY)


urlpatterns: list[URLPattern] = [
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
    path("p/<str:token>", preferences, name="preferences"),
    path("v/<str:token>", view_message, name="view_message"),
]
