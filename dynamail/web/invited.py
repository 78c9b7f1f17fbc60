"""The invitation that a visitor follows while signing up or signing in, kept in the session."""

from __future__ import annotations

from allauth.core import context
from django.http import HttpRequest

from dynamail.accounts.invitations import find_invitation
from dynamail.accounts.models import Invitation
from dynamail.lib.clock import utc_now

SESSION_INVITATION = "invitation"


def remember_invitation(request: HttpRequest, token: str) -> None:
    request.session[SESSION_INVITATION] = token


def forget_invitation(request: HttpRequest) -> None:
    request.session.pop(SESSION_INVITATION, None)


def find_pending_invitation(request: HttpRequest | None = None) -> Invitation | None:
    """The open invitation of this visitor, if there is one. Without a request: the one that allauth works on."""
    request = request or context.request
    token = (
        request.session.get(SESSION_INVITATION)
        if request is not None and hasattr(request, "session")
        else None
    )
    return find_invitation(token, now=utc_now()) if token else None
