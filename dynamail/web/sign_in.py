"""What allauth and axes ask of us: the adapter, the record of each sign-in, the page for too many attempts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_ipv46_address
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dynamail.accounts.models import User
from dynamail.accounts.sign_ins import end_session, end_sign_ins, notice_sign_in
from dynamail.lib.clock import utc_now


class AccountAdapter(DefaultAccountAdapter):
    """allauth with our sender, our sign-in records and nothing of `django.contrib.sites`."""

    def format_email_subject(self, subject: str) -> str:
        return subject  # allauth would put "[127.0.0.1:8000] " before it

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """axes counts failed passwords. allauth's own limit "login_failed" stays for codes of the second step."""

    def get_client_ip(self, request: HttpRequest) -> str:
        return find_client_ip(request) or "0.0.0.0"  # noqa: S104 — a key for rate limits, not an address to listen on

    def set_password(self, user: User, password: str) -> None:
        """A changed password ends every sign-in. The browser that changed it gets a fresh session, and so a new record."""
        super().set_password(user, password)
        end_sign_ins(user, now=utc_now())

    def logout(self, request: HttpRequest) -> None:
        if session_key := request.session.session_key:
            end_session(session_key, now=utc_now())
        super().logout(request)


class AttemptHandler(AxesDatabaseHandler):
    """Failed sign-ins are counted by name and address alone: no raw User-Agent or Accept header is stored (P2.1)."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        if request is not None:
            request.axes_user_agent = request.axes_http_accept = ""
        super().user_login_failed(sender, credentials, request, **kwargs)


def find_attempted_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that failures are counted under: the address as it was typed, in one case."""
    given = (credentials or {}).get("email") or request.POST.get(settings.AXES_USERNAME_FORM_FIELD, "")
    return str(given).strip().lower()[:255]


def notice_request(request: HttpRequest, *, now: datetime) -> bool:
    """Keep "where you are signed in". False when the user ended this sign-in elsewhere."""
    session_key = request.session.session_key
    if session_key is None:
        return True
    return notice_sign_in(
        request.user,  # type: ignore[arg-type]
        session_key=session_key,
        ip=find_client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
        method=_find_method(request),
        now=now,
    )


def find_client_ip(request: HttpRequest) -> str | None:
    """The address of the browser. The proxy's header is believed only where a proxy was declared."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        # The last entry is the one that our own proxy wrote; those before it are the client's claim.
        address = request.headers.get("X-Forwarded-For", address).rsplit(",", 1)[-1].strip()
    try:
        validate_ipv46_address(address)
    except ValidationError:
        return None
    return address


def show_locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Too many failed attempts: the same page for an address that exists and one that does not."""
    minutes = find_wait_minutes(request, now=utc_now())
    answer = render(request, "account/locked_out.html", {"minutes": minutes}, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer


def find_wait_minutes(request: HttpRequest, *, now: datetime) -> int:
    """Whole minutes until this name may be tried again from this address; at least one."""
    cool_off = get_cool_off(request) or timedelta()
    name = find_attempted_name(request)
    last = (
        AccessAttempt.objects.filter(username=name, ip_address=find_client_ip(request))
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    remaining = (last or now) + cool_off - now
    return max(1, -(-int(remaining.total_seconds()) // 60))


def _find_method(request: HttpRequest) -> str:
    """How they signed in, from allauth's records: password, passkey, password and code."""
    records = get_authentication_records(request, request.user)
    if any(record.get("passwordless") for record in records):
        return "passkey"
    kinds = [record.get("type") or record.get("method", "") for record in records]
    return "+".join(dict.fromkeys(kind for kind in kinds if kind)) or "password"
