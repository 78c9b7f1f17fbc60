"""Members: who they are, what role they have, how they go. An account always keeps at least one owner."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Member, User
from dynamail.accounts.roles import Permission, Role


class MembershipRefused(Exception):
    """A change of members that the rules forbid. `str()` is the sentence for the user."""

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return str(self.sentence)


LAST_OWNER = _("An account needs an owner. Make another member the owner first.")
OWNERS_ONLY = _("Only an owner can do this.")


def find_member(user: User, *, account_id: int | None) -> Member | None:
    """The user's membership in the wanted account, else in any. Run inside `user_scope`."""
    rows = (
        Member.objects.across_accounts(reason="a user's own memberships, for the account switch")
        .filter(user=user)
        .exclude(account__state="closed")
        .select_related("account", "user")
        .order_by("account__name", "pk")
    )
    return rows.filter(account_id=account_id).first() or rows.first()


def list_memberships(user: User) -> list[Member]:
    """All accounts that the user may switch to. Run inside `user_scope` or the user's `account_scope`."""
    return list(
        Member.objects.across_accounts(reason="a user's own memberships, for the account switch")
        .filter(user=user)
        .exclude(account__state="closed")
        .select_related("account")
        .order_by("account__name", "pk")
    )


def list_members(account_id: int) -> list[Member]:
    """Everyone in the account, owners first, then by name."""
    order = {role: place for place, role in enumerate(Role.values)}
    rows = Member.objects.for_account(account_id).select_related("user")
    return sorted(rows, key=lambda row: (order[row.role], str(row.user).lower(), row.pk))


def list_assignable_roles(by: Member) -> list[Role]:
    """The roles that this member may give: an owner any, others any but owner."""
    return [role for role in Role if role is not Role.OWNER or by.may(Permission.TRANSFER_OWNERSHIP)]


@transaction.atomic
def change_role(member: Member, *, role: str, by: Member, now: datetime) -> None:
    """Give a member another role. Raises MembershipRefused."""
    before = _lock_role(member)
    if before == role:
        return
    if Role.OWNER in (before, role) and not by.may(Permission.TRANSFER_OWNERSHIP):
        raise MembershipRefused(OWNERS_ONLY)
    if before == Role.OWNER:
        _refuse_last_owner(member)
    _set_role(member, role)
    record_audit(
        member.account_id, by=by, action="member.role_changed", subject=member.user, before=before, after=role
    )


@transaction.atomic
def remove_member(member: Member, *, by: Member, now: datetime) -> None:
    """End a membership; members may also leave themselves. Raises MembershipRefused."""
    role = _lock_role(member)
    if role == Role.OWNER and not by.may(Permission.TRANSFER_OWNERSHIP):
        raise MembershipRefused(OWNERS_ONLY)
    if role == Role.OWNER:
        _refuse_last_owner(member)
    action = "member.left" if member.pk == by.pk else "member.removed"
    record_audit(member.account_id, by=by, action=action, subject=member.user, role=role)
    Member.objects.for_account(member.account_id).filter(pk=member.pk).delete()


@transaction.atomic
def transfer_ownership(member: Member, *, by: Member, now: datetime) -> None:
    """Make another member the owner; the one who gives it away becomes an admin. Raises MembershipRefused."""
    if not by.may(Permission.TRANSFER_OWNERSHIP) or _lock_role(by) != Role.OWNER:
        raise MembershipRefused(OWNERS_ONLY)
    if member.pk == by.pk:
        raise MembershipRefused(_("You are the owner already."))
    _lock_role(member)
    _set_role(member, Role.OWNER)
    _set_role(by, Role.ADMIN)
    record_audit(member.account_id, by=by, action="account.transferred", subject=member.user)


def _lock_role(member: Member) -> str:
    """The role as it is now, with all owners' rows held: two owners who remove each other at once wait for one another."""
    rows = Member.objects.for_account(member.account_id).order_by("pk").select_for_update()
    roles = {row.pk: row.role for row in rows}
    if member.pk not in roles:
        raise MembershipRefused(_("This person is no longer a member."))
    return roles[member.pk]


def _refuse_last_owner(member: Member) -> None:
    others = Member.objects.for_account(member.account_id).filter(role=Role.OWNER).exclude(pk=member.pk)
    if not others.exists():
        raise MembershipRefused(LAST_OWNER)


def _set_role(member: Member, role: str) -> None:
    Member.objects.for_account(member.account_id).filter(pk=member.pk).update(role=role)
    member.role = role
