from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from dynamail.accounts.members import (
    MembershipRefused,
    change_role,
    list_assignable_roles,
    list_members,
    remove_member,
    transfer_ownership,
)
from dynamail.accounts.models import Account, AuditEntry, Member, User
from dynamail.accounts.roles import Role
from tests.support.personas import NOW, make_account, make_member, make_user


def member_of(account: Account, user: User) -> Member:
    return Member.objects.for_account(account).select_related("user").get(user=user)


def role_of(account: Account, user: User) -> str:
    return member_of(account, user).role


def test_an_owner_changes_a_role_and_the_log_says_so(account: Account, alice: User, bob: User) -> None:
    change_role(member_of(account, bob), role=Role.DEVELOPER, by=member_of(account, alice), now=NOW)
    assert role_of(account, bob) == Role.DEVELOPER
    entry = AuditEntry.objects.for_account(account).get(action="member.role_changed")
    assert entry.data == {"before": "marketer", "after": "developer"}
    assert entry.actor_name == "Alice"


def test_giving_the_role_that_someone_has_changes_nothing(account: Account, alice: User, bob: User) -> None:
    change_role(member_of(account, bob), role=Role.MARKETER, by=member_of(account, alice), now=NOW)
    assert not AuditEntry.objects.for_account(account).exists()


def test_the_last_owner_stays_an_owner(account: Account, alice: User) -> None:
    owner = member_of(account, alice)
    with pytest.raises(MembershipRefused, match="needs an owner"):
        change_role(owner, role=Role.ADMIN, by=owner, now=NOW)
    with pytest.raises(MembershipRefused, match="needs an owner"):
        remove_member(owner, by=owner, now=NOW)
    assert role_of(account, alice) == Role.OWNER


def test_one_of_two_owners_may_go(account: Account, alice: User) -> None:
    dora = make_user("dora@acme.example")
    make_member(account, dora, Role.OWNER)
    remove_member(member_of(account, alice), by=member_of(account, alice), now=NOW)
    assert [row.user for row in list_members(account.pk)] == [dora]


def test_an_admin_cannot_touch_owners_or_make_one(account: Account, alice: User, bob: User) -> None:
    admin_user = make_user("admin@acme.example")
    admin = make_member(account, admin_user, Role.ADMIN)
    assert Role.OWNER not in list_assignable_roles(admin)
    for act in (
        lambda: change_role(member_of(account, alice), role=Role.ANALYST, by=admin, now=NOW),
        lambda: remove_member(member_of(account, alice), by=admin, now=NOW),
        lambda: change_role(member_of(account, bob), role=Role.OWNER, by=admin, now=NOW),
        lambda: change_role(admin, role=Role.OWNER, by=admin, now=NOW),
        lambda: transfer_ownership(admin, by=admin, now=NOW),
    ):
        with pytest.raises(MembershipRefused):
            act()
    assert (role_of(account, alice), role_of(account, bob)) == (Role.OWNER, Role.MARKETER)


def test_ownership_moves_and_the_former_owner_becomes_an_admin(
    account: Account, alice: User, bob: User
) -> None:
    transfer_ownership(member_of(account, bob), by=member_of(account, alice), now=NOW)
    assert (role_of(account, alice), role_of(account, bob)) == (Role.ADMIN, Role.OWNER)


def test_a_member_who_left_meanwhile_is_refused_with_a_sentence(
    account: Account, alice: User, bob: User
) -> None:
    member = member_of(account, bob)
    remove_member(member, by=member_of(account, alice), now=NOW)
    with pytest.raises(MembershipRefused, match="no longer a member"):
        change_role(member, role=Role.ANALYST, by=member_of(account, alice), now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_step_down_at_once_leave_one_owner() -> None:
    account = make_account()
    owners = [make_member(account, make_user(f"{n}@acme.example"), Role.OWNER) for n in range(2)]
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def step_down(owner: Member) -> None:
        try:
            barrier.wait()
            change_role(owner, role=Role.ADMIN, by=owner, now=NOW)
            outcomes.append("done")
        except MembershipRefused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads: list[threading.Thread] = [threading.Thread(target=step_down, args=(owner,)) for owner in owners]
    _run(threads)
    assert sorted(outcomes) == ["done", "refused"]
    assert Member.objects.for_account(account).filter(role=Role.OWNER).count() == 1


def _run(threads: list[threading.Thread]) -> None:
    starters: list[Callable[[], None]] = [thread.start for thread in threads]
    for start in starters:
        start()
    for thread in threads:
        thread.join()
