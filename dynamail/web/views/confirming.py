"""The page behind the link that asks to confirm a subscription. Opening it changes nothing; the button does."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.confirming import Standing, confirm, find_redirect, find_request, judge_request
from dynamail.consent.leaving import Person
from dynamail.consent.models import ConsentRecord, Topic
from dynamail.contacts.aliases import Reached, find_reached
from dynamail.contacts.models import ContactState
from dynamail.lib.clock import utc_now
from dynamail.lib.signing import BadToken
from dynamail.messages.own_pages import is_own_page
from dynamail.tracking.tokens import ConfirmToken
from dynamail.web.views.public import (
    find_keys,
    frame_page,
    link_preferences,
    mask_address,
    recipient_page,
    redirect_to,
)

PAUSE_SECONDS = 2  # between "you are subscribed" and the account's own page


@recipient_page
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_subscription(request: HttpRequest, text: str) -> HttpResponse:
    """One page for the question, the thanks, and a link that is over."""
    token = ConfirmToken.parse(find_keys(), text)
    with account_scope(token.account_id):
        account = Account.objects.get(pk=token.account_id)
        asked = find_request(token.account_id, token.record_id)
        if asked is None:
            raise BadToken("no such request")
        reached = find_reached(token.account_id, asked.contact_id, lock=request.method == "POST")
        if request.method == "POST":
            confirm(asked, _find_person(reached), now=utc_now())
        else:
            return _show(request, account, asked, reached)
    return redirect_to(request, "confirm_subscription", text, done="1")


def _show(
    request: HttpRequest, account: Account, asked: ConsentRecord, reached: Reached | None
) -> HttpResponse:
    person = _find_person(reached)
    standing = judge_request(asked, person, now=utc_now())
    topic = Topic.objects.for_account(account).filter(pk=asked.topic_id).first()
    target = find_redirect(asked) if standing is Standing.DONE else ""
    if target and not is_own_page(account.pk, target):  # the domain was given up since
        target = ""
    page = {
        "standing": standing.value,
        "topic": topic,
        "address": mask_address(reached.contact.email) if reached and standing is not Standing.OVER else "",
        "target": target,
        "target_host": urlsplit(target).hostname or "",
        "preferences_url": link_preferences(request, reached) if standing is Standing.DONE else "",
    }
    response = render(request, "public/confirm.html", frame_page(request, account) | page)
    if target and request.GET.get("done") == "1":
        # Not the answer to the form: a browser holds the form's own rule against whatever it redirects to.
        response.headers["Refresh"] = f"{PAUSE_SECONDS}; url={target}"
    return response


def _find_person(reached: Reached | None) -> Person | None:
    if reached is None or reached.contact.state == ContactState.RESTRICTED:
        return None
    contact = reached.contact
    return Person(contact.account_id, contact.id, contact.email_key)


urlpatterns: list[URLPattern] = [path("c/<str:token>", confirm_subscription, name="confirm_subscription")]
