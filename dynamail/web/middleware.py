"""From a request to a page: who is signed in, did they accept the policy, which account, which rows.

The order is that of `settings.MIDDLEWARE`. All three fail closed: a view that declares no access is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone, translation

from dynamail.accounts.members import find_member
from dynamail.accounts.tenancy import account_scope, user_scope
from dynamail.accounts.zones import find_zone
from dynamail.lib.clock import utc_now
from dynamail.privacy.acceptance import find_unaccepted
from dynamail.web.access import Access, find_access
from dynamail.web.sign_in import notice_request

Handler = Callable[[HttpRequest], HttpResponse]

# allauth's own pages: those of a visitor, and those of a signed-in user without regard to the account.
OPEN_ALLAUTH_PAGES = {
    "account_login",
    "account_logout",
    "account_signup",
    "account_confirm_email",
    "account_email_verification_sent",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_confirm_login_code",
    "account_request_login_code",
    "account_reauthenticate",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_trust",
}
SESSION_ACCOUNT = "account_id"


def sign_in_records(get_response: Handler) -> Handler:
    """Keep the list "where you are signed in", and end a session that was revoked there."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not notice_request(request, now=utc_now()):
            logout(request)
        return get_response(request)

    return middleware


def policy_gate(get_response: Handler) -> Handler:
    """No signed-in page without a recorded acceptance of the policy in force (P1.3)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if (
            request.user.is_authenticated
            and not _is_open(request)
            and find_unaccepted(request.user, now=utc_now())
        ):
            # An act that was interrupted (POST) cannot be repeated by a link; its page can.
            back = request.get_full_path() if request.method == "GET" and not _is_partial(request) else "/"
            return _send_to(request, reverse("accept_policy") + "?" + urlencode({"next": back}))
        return get_response(request)

    return middleware


class choose_account:
    """Find the member, then run the view in one transaction that sees that account's rows alone."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.account = request.member = None  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            with user_scope(request.user.pk):
                wanted = request.session.get(SESSION_ACCOUNT) or request.user.last_account_id
                member = find_member(request.user, account_id=wanted)
            if member is not None:
                request.member, request.account = member, member.account  # type: ignore[attr-defined]
        with _local_words_and_hours(request):
            return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        access = _access_of(request, view)
        if access.kind == "public":
            return None
        if not request.user.is_authenticated:
            back = request.get_full_path() if not _is_partial(request) else "/"
            return _send_to(request, redirect_to_login(back).url)
        if access.kind == "user":
            return None
        return _find_refusal(request, access) or self._run_in_account(request, view, args, kwargs, access)

    def _run_in_account(
        self, request: Any, view: Any, args: Any, kwargs: Any, access: Access
    ) -> HttpResponse | None:
        if access.kind == "staff":
            return None
        with account_scope(request.account, user_id=request.user.pk):
            return view(request, *args, **kwargs)


def _find_refusal(request: Any, access: Access) -> HttpResponse | None:
    """Why a signed-in user may not open this page; None when they may."""
    if access.kind == "staff":
        return None if request.user.is_staff else _refuse(request)
    if request.member is None:
        return _send_to(request, reverse("account_new"))
    if access.permission is not None and not request.member.may(access.permission):
        return _refuse(request)
    return None


def _is_open(request: HttpRequest) -> bool:
    """May this address be opened before the policy was accepted?"""
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return True
    if match.func.__module__.startswith(("allauth.", "django.")):
        return match.url_name in OPEN_ALLAUTH_PAGES
    access = find_access(match.func)
    return access is not None and (access.kind == "public" or access.before_policy)


def _access_of(request: HttpRequest, view: Any) -> Access:
    access = find_access(view)
    if access is not None:
        return access
    if view.__module__.startswith(("allauth.", "django.")):
        # allauth checks the sign-in of its own pages; they show nothing of an account.
        match = request.resolver_match
        return Access("public" if match is not None and match.url_name in OPEN_ALLAUTH_PAGES else "user")
    raise ImproperlyConfigured(
        f"{view.__module__}.{view.__qualname__} does not say who may open it (web/access.py)"
    )


@contextmanager
def _local_words_and_hours(request: Any) -> Iterator[None]:
    """The user's own language and the account's time zone, whatever the browser asks for."""
    if not request.user.is_authenticated:
        yield
        return
    language = request.user.language
    zone = find_zone(request.account.timezone if request.account else "UTC")
    request.LANGUAGE_CODE = language
    with translation.override(language), timezone.override(zone):
        yield


def _is_partial(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _send_to(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect that leaves the page, also when a part of it was asked for."""
    if _is_partial(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _refuse(request: HttpRequest) -> HttpResponse:
    return render(request, "web/403.html", status=403)
