from __future__ import annotations

from dynamail.accounts.models import Member, User


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
