from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.invitations import (
    VALID_FOR,
    accept_invitation,
    find_invitation,
    invite_member,
    list_pending,
    renew_invitation,
    revoke_invitation,
    sign_invitation,
)
from dynamail.accounts.members import MembershipRefused
from dynamail.accounts.models import Account, Invitation, Member, User
from dynamail.accounts.roles import Role
from tests.support.personas import NOW, make_member, make_user


@pytest.fixture
def owner(account: Account, alice: User) -> Member:
    return Member.objects.for_account(account).select_related("user").get(user=alice)


@pytest.fixture
def invitation(account: Account, owner: Member) -> Invitation:
    return invite_member(account.pk, email="dora@acme.example", role=Role.ANALYST, by=owner, now=NOW)


def test_who_accepts_becomes_a_member_with_the_role(account: Account, invitation: Invitation) -> None:
    dora = make_user("dora@acme.example")
    found = find_invitation(sign_invitation(invitation), now=NOW)
    assert found is not None
    assert found.account == account
    member = accept_invitation(found, user=dora, now=NOW)
    assert (member.account_id, member.role, dora.last_account_id) == (account.pk, Role.ANALYST, account.pk)


def test_a_link_works_once(invitation: Invitation) -> None:
    token = sign_invitation(invitation)
    accept_invitation(invitation, user=make_user("dora@acme.example"), now=NOW)
    assert find_invitation(token, now=NOW) is None
    with pytest.raises(MembershipRefused, match="no longer open"):
        accept_invitation(invitation, user=make_user("eve@acme.example"), now=NOW)


def test_a_link_ends_after_its_time_and_lives_again_when_sent_again(
    invitation: Invitation, owner: Member
) -> None:
    token, late = sign_invitation(invitation), NOW + VALID_FOR
    assert find_invitation(token, now=late - timedelta(seconds=1)) is not None
    assert find_invitation(token, now=late) is None
    renew_invitation(invitation, by=owner, now=late - timedelta(hours=1))
    assert find_invitation(token, now=late) is not None


def test_a_revoked_link_is_closed(invitation: Invitation, owner: Member) -> None:
    revoke_invitation(invitation, by=owner, now=NOW)
    assert find_invitation(sign_invitation(invitation), now=NOW) is None


@pytest.mark.parametrize("token", ["", "x", "AAAA", "ж" * 40, "A" * 60, "../etc"])
def test_a_forged_link_is_not_found(token: str) -> None:
    assert find_invitation(token, now=NOW) is None


def test_a_link_with_one_changed_character_is_not_found(invitation: Invitation) -> None:
    token = sign_invitation(invitation)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert find_invitation(changed, now=NOW) is None


def test_one_address_has_one_open_invitation(account: Account, invitation: Invitation, owner: Member) -> None:
    with pytest.raises(MembershipRefused, match="open invitation"):
        invite_member(account.pk, email="DORA@acme.example", role=Role.ADMIN, by=owner, now=NOW)


def test_a_member_is_not_invited_again(account: Account, owner: Member, bob: User) -> None:
    with pytest.raises(MembershipRefused, match="already a member"):
        invite_member(account.pk, email="Bob@acme.example", role=Role.ADMIN, by=owner, now=NOW)


def test_only_an_owner_invites_an_owner(account: Account) -> None:
    admin = make_member(account, make_user("admin@acme.example"), Role.ADMIN)
    with pytest.raises(MembershipRefused, match="Only an owner"):
        invite_member(account.pk, email="x@acme.example", role=Role.OWNER, by=admin, now=NOW)
    assert not list_pending(account.pk, now=NOW).exists()


def test_a_member_who_accepts_keeps_their_role(account: Account, owner: Member, bob: User) -> None:
    invitation = invite_member(account.pk, email="b.o.b@home.example", role=Role.ANALYST, by=owner, now=NOW)
    assert accept_invitation(invitation, user=bob, now=NOW).role == Role.MARKETER
