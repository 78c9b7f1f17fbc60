"""Invitations: an offer of membership sent to an address. The link is signed, single-use, and ends by itself."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.members import OWNERS_ONLY, MembershipRefused, list_assignable_roles
from dynamail.accounts.models import Invitation, Member, User
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.signing import BadToken, derive_key, sign_token, verify_token

VALID_FOR = timedelta(days=7)
MAX_PENDING = 100  # per account: an invitation is mail to a stranger
_PAYLOAD = struct.Struct(">Q16s")  # account, invitation


@transaction.atomic
def invite_member(account_id: int, *, email: str, role: str, by: Member, now: datetime) -> Invitation:
    """Offer a role to an address. The caller sends the mail. Raises MembershipRefused."""
    if role not in list_assignable_roles(by):
        raise MembershipRefused(OWNERS_ONLY)
    if Member.objects.for_account(account_id).filter(user__email__iexact=email).exists():
        raise MembershipRefused(_("This person is already a member."))
    pending = list_pending(account_id, now=now)
    if pending.filter(email__iexact=email).exists():
        raise MembershipRefused(_("This address has an open invitation. Send that one again instead."))
    if pending.count() >= MAX_PENDING:
        raise MembershipRefused(_("There are too many open invitations. Revoke some of them first."))
    invitation = Invitation.objects.add(
        account_id, email=email, role=role, invited_by=by.user, created_at=now, expires_at=now + VALID_FOR
    )
    record_audit(account_id, by=by, action="invitation.sent", subject=invitation, email=email, role=role)
    return invitation


def list_pending(account_id: int, *, now: datetime) -> QuerySet[Invitation]:
    """Invitations that can still be accepted, the latest first."""
    return (
        Invitation.objects.for_account(account_id)
        .filter(accepted_at=None, revoked_at=None, expires_at__gt=now)
        .select_related("invited_by")
        .order_by("-created_at")
    )


@transaction.atomic
def renew_invitation(invitation: Invitation, *, by: Member, now: datetime) -> None:
    """Let it run for its whole time again; the caller sends the mail once more. Raises MembershipRefused."""
    _change_pending(invitation, now=now, expires_at=now + VALID_FOR)
    record_audit(invitation.account_id, by=by, action="invitation.resent", subject=invitation)


@transaction.atomic
def revoke_invitation(invitation: Invitation, *, by: Member, now: datetime) -> None:
    """Its link stops working. Raises MembershipRefused."""
    _change_pending(invitation, now=now, revoked_at=now)
    record_audit(invitation.account_id, by=by, action="invitation.revoked", subject=invitation)


def sign_invitation(invitation: Invitation) -> str:
    """The token of its link."""
    return sign_token(_key(), _PAYLOAD.pack(invitation.account_id, invitation.uid.bytes))


def find_invitation(token: str, *, now: datetime) -> Invitation | None:
    """The open invitation behind a link; None for one that was used, revoked, has ended or was never ours."""
    try:
        account_id, uid = _PAYLOAD.unpack(verify_token(_key(), token))
    except (BadToken, struct.error):
        return None
    with account_scope(account_id):
        return (
            list_pending(account_id, now=now)
            .select_related("account", "invited_by")
            .filter(uid=UUID(bytes=uid))
            .first()
        )


@transaction.atomic
def accept_invitation(invitation: Invitation, *, user: User, now: datetime) -> Member:
    """Make the user a member; one who is already keeps the role. Raises MembershipRefused when it is no longer open."""
    with account_scope(invitation.account_id, user_id=user.pk):
        _change_pending(invitation, now=now, accepted_at=now)
        member = Member.objects.for_account(invitation.account_id).filter(user=user).first()
        if member is None:
            member = Member.objects.add(
                invitation.account_id, user=user, role=invitation.role, created_at=now
            )
        record_audit(
            invitation.account_id,
            by=member,
            action="invitation.accepted",
            subject=invitation,
            role=member.role,
        )
    User.objects.filter(pk=user.pk).update(last_account_id=invitation.account_id)
    user.last_account_id = invitation.account_id
    return member


def _change_pending(invitation: Invitation, *, now: datetime, **values: datetime) -> None:
    changed = (
        list_pending(invitation.account_id, now=now).filter(pk=invitation.pk).order_by().update(**values)
    )
    if not changed:
        raise MembershipRefused(_("This invitation is no longer open."))
    for name, value in values.items():
        setattr(invitation, name, value)


def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "invitation")
