"""Who may open a page. Every view declares it; a view that does not is refused, so that a forgotten line is a closed door.

    @public_page                                no sign-in: recipient pages, policies, health
    @signed_in_page                             one's own things, with or without an account: profile, sign-ins
    @signed_in_page_before_policy               the same, open until the policy in force is accepted
    @member_page                                any member of the chosen account
    @needs(Permission.EDIT_CONTACTS)            members whose role holds the permission
    @staff_page                                 those who operate this installation

`middleware.choose_account` reads the declaration and runs the view inside `account_scope`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.roles import Permission

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Access:
    """What a view asks for."""

    kind: str  # public, user, member, staff
    permission: Permission | None = None
    before_policy: bool = False


class PageRequest(HttpRequest):
    """A request as the views see it, for type checkers: signed in, account chosen."""

    account: Account
    member: Member
    user: User  # type: ignore[assignment]
    htmx: Any


def public_page(view: View) -> View:
    return _declare(view, Access("public"))


def signed_in_page(view: View) -> View:
    return _declare(view, Access("user"))


def signed_in_page_before_policy(view: View) -> View:
    return _declare(view, Access("user", before_policy=True))


def member_page(view: View) -> View:
    return _declare(view, Access("member"))


def staff_page(view: View) -> View:
    return _declare(view, Access("staff"))


def needs(permission: Permission) -> Callable[[View], View]:
    def declare(view: View) -> View:
        return _declare(view, Access("member", permission))

    return declare


def find_access(view: Any) -> Access | None:
    return getattr(view, "access", None)


def _declare(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view
