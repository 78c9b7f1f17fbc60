"""The account and oneself: switching, settings, profile, sign-ins, the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamail.accounts.audit import record_audit
from dynamail.accounts.audit_log import AuditFilter, list_actions, list_actors, read_audit_log
from dynamail.accounts.members import list_memberships
from dynamail.accounts.models import LANGUAGES, Account, Member, SignIn, User
from dynamail.accounts.roles import Permission
from dynamail.accounts.sign_ins import end_sign_ins, hash_session, list_sign_ins
from dynamail.accounts.tenancy import user_scope
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId
from dynamail.web.access import PageRequest, member_page, needs, public_page, signed_in_page
from dynamail.web.audit_words import describe_entry
from dynamail.web.forms.accounts import AccountForm, NewAccountForm, ProfileForm, open_account
from dynamail.web.middleware import SESSION_ACCOUNT
from dynamail.web.settings_tabs import list_profile_tabs, list_settings_tabs

COOKIE_AGE = 365 * 86_400  # seconds


# ── Which account ────────────────────────────────────────────────────────────────────────────────────────────────────
@signed_in_page
@require_POST
def switch_account(request: PageRequest) -> HttpResponse:
    """Work in another account from the next page on. An account that is not one's own is not found."""
    try:
        wanted = Account.uid_from(request.POST.get("account", ""))
    except UnknownId:
        raise Http404 from None
    with user_scope(request.user.pk):
        member = next((row for row in list_memberships(request.user) if row.account.uid == wanted), None)
    if member is None:
        raise Http404
    choose_account(request, member.account)
    return redirect("home")


@signed_in_page
@require_http_methods(["GET", "POST"])
def new_account(request: PageRequest) -> HttpResponse:
    form = NewAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        choose_account(request, open_account(request.user, name=form.cleaned_data["name"], now=utc_now()))
        messages.success(request, _("The account is ready."))
        return redirect("home")
    status = 422 if form.errors else 200
    return render(request, "accounts/new.html", {"form": form, "page_title": _("New account")}, status=status)


def choose_account(request: Any, account: Account) -> None:
    """The account of the next pages, here and at the next sign-in."""
    request.session[SESSION_ACCOUNT] = account.pk
    User.objects.filter(pk=request.user.pk).update(last_account_id=account.pk)


# ── The account's settings ───────────────────────────────────────────────────────────────────────────────────────────
@member_page
@require_http_methods(["GET", "POST"])
def account_settings(request: PageRequest) -> HttpResponse:
    """Every member may look; who manages the account may change."""
    may_change = request.member.may(Permission.MANAGE_ACCOUNT)
    if request.method == "POST" and not may_change:
        return render(request, "web/403.html", status=403)
    # A row of its own: a form that is refused must not change the name in the page's frame.
    form = AccountForm(request.POST or None, instance=Account.objects.get(pk=request.account.pk))
    if request.method == "POST" and form.is_valid():
        _save_account(form, by=request.member)
        messages.success(request, _("Saved."))
        return redirect("account_settings")
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    context = {
        "form": form,
        "may_change": may_change,
        "tabs": list_settings_tabs(request, "account_settings"),
        "page_title": _("Settings"),
    }
    return render(request, "accounts/settings.html", context, status=422 if form.errors else 200)


def _save_account(form: AccountForm, *, by: Member) -> None:
    if form.changed_data:
        form.instance.save(update_fields=form.changed_data)
        record_audit(
            by.account_id, by=by, action="account.changed", subject=form.instance, fields=form.changed_data
        )


# ── Oneself ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@signed_in_page
@require_http_methods(["GET", "POST"])
def profile(request: PageRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        form.instance.save(update_fields=["name", "phone", "language"])
        with translation.override(form.instance.language):
            messages.success(request, _("Saved."))
        response = redirect("profile")
        _set_cookie(response, settings.LANGUAGE_COOKIE_NAME, form.instance.language)
        return response
    context = {
        "form": form,
        "themes": User.Theme.choices,
        "tabs": list_profile_tabs("profile"),
        "page_title": _("Profile"),
    }
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


@public_page
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or as the device: kept with the user, for a visitor in a cookie."""
    theme = request.POST.get("theme", "")
    if theme not in User.Theme.values:
        return HttpResponse(
            _("There is no such theme."), status=422, content_type="text/plain; charset=utf-8"
        )
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(theme=theme)
    response = redirect(_safe_next(request)) if "next" in request.POST else HttpResponse(status=204)
    _set_cookie(response, "dynamail_theme", theme)
    return response


@public_page
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """The language of pages: kept with the user, for a visitor in a cookie."""
    language = request.POST.get("language", "")
    if language not in dict(LANGUAGES):
        return HttpResponse(
            _("There is no such language."), status=422, content_type="text/plain; charset=utf-8"
        )
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=language)
    response = redirect(_safe_next(request))
    _set_cookie(response, settings.LANGUAGE_COOKIE_NAME, language)
    return response


def _safe_next(request: HttpRequest) -> str:
    url = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if safe else "/"


def _set_cookie(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=COOKIE_AGE, httponly=True, samesite="Lax", secure=settings.IS_SECURE
    )


# ── Where one is signed in ───────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class SignInRow:
    """A sign-in as the page shows it."""

    row: SignIn
    is_here: bool

    @property
    def name(self) -> str:
        """The page's address for it: part of a hash, of use to its owner alone."""
        return self.row.session_hash[:16]

    @property
    def icon(self) -> str:
        on_phone = self.row.os.startswith(("iOS", "Android")) or "phone" in self.row.device.lower()
        return "device-mobile" if on_phone else "device-desktop"


@signed_in_page
@require_GET
def security(request: PageRequest) -> HttpResponse:
    kinds = list(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    here = hash_session(request.session.session_key or "")
    rows = [SignInRow(row, row.session_hash == here) for row in list_sign_ins(request.user)]
    context = {
        "sign_ins": sorted(rows, key=lambda row: not row.is_here),
        "others": sum(not row.is_here for row in rows),
        "has_totp": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "has_recovery_codes": Authenticator.Type.RECOVERY_CODES in kinds,
        "tabs": list_profile_tabs("security"),
        "page_title": _("Sign-in and security"),
    }
    return render(request, "accounts/security.html", context)


@signed_in_page
@require_POST
def end_sign_in(request: PageRequest, name: str) -> HttpResponse:
    row = list_sign_ins(request.user).filter(session_hash__startswith=name).first()
    if row is None:
        raise Http404
    end_sign_ins(request.user, only=row.pk, now=utc_now())
    messages.success(request, _("That browser is signed out."))
    return redirect("security")


@signed_in_page
@require_POST
def end_other_sign_ins(request: PageRequest) -> HttpResponse:
    end_sign_ins(request.user, keep_session=request.session.session_key, now=utc_now())
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("security")


# ── Audit log ────────────────────────────────────────────────────────────────────────────────────────────────────────
@needs(Permission.VIEW_AUDIT)
@require_GET
def audit_log(request: PageRequest) -> HttpResponse:
    wanted = AuditFilter.read(request.GET, zone=timezone.get_current_timezone())
    page = read_audit_log(request.account.pk, wanted)
    context = {
        "filter": wanted,
        "entries": [describe_entry(entry) for entry in page.entries],
        "next_url": _audit_url(wanted, before=page.next_before) if page.next_before else "",
        "previous_url": _audit_url(wanted, before=None) if wanted.before else "",
        "actions": list_actions(request.account.pk),
        "actors": list_actors(request.account.pk),
        "tabs": list_settings_tabs(request, "audit_log"),
        "page_title": _("Audit log"),
    }
    return render(request, "accounts/audit.html", context)


def _audit_url(wanted: AuditFilter, *, before: str | None) -> str:
    query = wanted.to_query() | ({"before": before} if before else {})
    return reverse("audit_log") + ("?" + urlencode(query) if query else "")


urlpatterns: list[URLPattern] = [
    path("switch/", switch_account, name="account_switch"),
    path("new-account/", new_account, name="account_new"),
    path("settings/", account_settings, name="account_settings"),
    path("settings/audit/", audit_log, name="audit_log"),
    path("profile/", profile, name="profile"),
    path("profile/security/", security, name="security"),
    path("profile/security/end-others/", end_other_sign_ins, name="sign_ins_end_others"),
    path("profile/security/<slug:name>/end/", end_sign_in, name="sign_in_end"),
    path("theme/", set_theme, name="set_theme"),
    path("language/", set_language, name="set_language"),
]
