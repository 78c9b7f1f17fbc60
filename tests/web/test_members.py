from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.test import Client

from dynamail.accounts.models import Account, Invitation, Member, User
from dynamail.accounts.roles import Role
from dynamail.lib.clock import utc_now
from dynamail.privacy.policies import ensure_policies
from tests.support.personas import make_member, make_user

SignIn = Callable[[User], Client]
NEW_PASSWORD = "purple elephants dance"


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> None:
    cache.clear()


def member_id(account: Account, user: User) -> str:
    return Member.objects.for_account(account).get(user=user).public_id


def role_of(account: Account, user: User) -> str:
    return Member.objects.for_account(account).get(user=user).role


def invite(client: Client, email: str = "dora@acme.example", role: str = "analyst"):
    return client.post("/settings/members/invite/", {"email": email, "role": role})


def link_in(message: EmailMessage) -> str:
    found = re.search(r"(/invitations/\S+)", str(message.body))
    assert found
    return found[1]


# ── Alice may, Bob as his role permits, Charlie finds nothing ────────────────────────────────────────────────────────
def test_the_owner_sees_everyone_and_the_table_of_roles(
    account: Account, alice: User, bob: User, sign_in: SignIn
) -> None:
    page = sign_in(alice).get("/settings/members/").content.decode()
    assert "alice@acme.example" in page
    assert "bob@acme.example" in page
    assert "Launch, pause and cancel campaigns" in page
    assert "/settings/members/invite/" in page


def test_a_marketer_sees_members_and_changes_nothing(
    account: Account, alice: User, bob: User, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    page = client.get("/settings/members/").content.decode()
    assert "alice@acme.example" in page
    assert "/settings/members/invite/" not in page
    him = member_id(account, bob)
    her = member_id(account, alice)
    for address, form in (
        ("/settings/members/invite/", {"email": "x@acme.example", "role": "analyst"}),
        (f"/settings/members/{him}/role/", {"role": "owner"}),
        (f"/settings/members/{her}/remove/", {}),
        (f"/settings/members/{him}/owner/", {}),
    ):
        assert client.post(address, form).status_code == 403, address
    assert (role_of(account, alice), role_of(account, bob)) == (Role.OWNER, Role.MARKETER)


def test_another_account_finds_no_member_and_no_invitation(
    account: Account, alice: User, bob: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    invite(sign_in(alice))
    invitation = Invitation.objects.for_account(account).get()
    client = sign_in(charlie)
    for address in (
        f"/settings/members/{member_id(account, bob)}/role/",
        f"/settings/members/{member_id(account, bob)}/remove/",
        f"/settings/members/{member_id(account, bob)}/owner/",
        f"/settings/invitations/{invitation.public_id}/resend/",
        f"/settings/invitations/{invitation.public_id}/revoke/",
        "/settings/members/nonsense/remove/",
    ):
        answer = client.post(address, {"role": "analyst"})
        assert answer.status_code == 404, address
        assert b"acme.example" not in answer.content
    assert b"acme.example" not in client.get("/settings/members/").content
    assert role_of(account, bob) == Role.MARKETER


def test_the_owner_changes_roles_removes_and_hands_over(
    account: Account, alice: User, bob: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    him = member_id(account, bob)
    client.post(f"/settings/members/{him}/role/", {"role": "developer"})
    assert role_of(account, bob) == Role.DEVELOPER
    client.post(f"/settings/members/{him}/role/", {"role": "emperor"})
    assert role_of(account, bob) == Role.DEVELOPER
    client.post(f"/settings/members/{him}/owner/")
    assert (role_of(account, alice), role_of(account, bob)) == (Role.ADMIN, Role.OWNER)
    assert client.post(f"/settings/members/{him}/owner/").status_code == 403


def test_a_removed_member_loses_the_next_page(
    account: Account, alice: User, bob: User, sign_in: SignIn
) -> None:
    his = sign_in(bob)
    assert his.get("/settings/members/").status_code == 200
    sign_in(alice).post(f"/settings/members/{member_id(account, bob)}/remove/")
    answer = his.get("/settings/members/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/new-account/")
    assert his.get("/new-account/").status_code == 200


def test_the_last_owner_is_told_why_they_cannot_leave(account: Account, alice: User, sign_in: SignIn) -> None:
    answer = sign_in(alice).post("/settings/members/leave/", follow=True)
    assert b"needs an owner" in answer.content
    assert role_of(account, alice) == Role.OWNER


def test_a_member_leaves(account: Account, bob: User, sign_in: SignIn) -> None:
    sign_in(bob).post("/settings/members/leave/")
    assert not Member.objects.for_account(account).filter(user=bob).exists()


def test_an_admin_cannot_invite_an_owner(account: Account, sign_in: SignIn) -> None:
    admin = make_user("admin@acme.example")
    make_member(account, admin, Role.ADMIN)
    assert invite(sign_in(admin), role="owner").status_code == 422
    assert not Invitation.objects.for_account(account).exists()


# ── Invitations ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_invitation_is_mailed_with_who_where_and_a_link(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    assert invite(sign_in(alice)).status_code == 302
    assert mailoutbox[0].to == ["dora@acme.example"]
    assert mailoutbox[0].subject == "Alice invites you to Acme store"
    assert "Analyst" in mailoutbox[0].body


@pytest.mark.parametrize("email", ["", "dora", "a b@x.example", "x@y.example\r\nBcc: z@y.example"])
def test_a_bad_address_is_refused_and_the_form_keeps_it(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage], email: str
) -> None:
    answer = invite(sign_in(alice), email=email)
    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert mailoutbox == []


def test_a_name_with_a_line_break_cannot_add_a_header(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    User.objects.filter(pk=alice.pk).update(name="Alice\r\nBcc: z@y.example")
    assert invite(sign_in(alice)).status_code == 302
    assert list(mailoutbox[0].message()["Subject"].splitlines()) == [str(mailoutbox[0].message()["Subject"])]


def test_a_newcomer_joins_with_a_verified_address_and_no_second_account(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    invite(sign_in(alice))
    client = Client()
    page = client.get(link_in(mailoutbox[0]))
    assert b"Create your sign-in" in page.content
    form = client.get("/accounts/signup/")
    assert b"Join Acme store" in form.content
    client.post(
        "/accounts/signup/", {"email": "someone@else.example", "password1": NEW_PASSWORD, "name": "Dora"}
    )
    dora = User.objects.get(email="dora@acme.example")
    assert "_auth_user_id" in client.session, "the address is verified by the link"
    assert EmailAddress.objects.get(user=dora).verified
    assert (role_of(account, dora), Account.objects.count()) == (Role.ANALYST, 1)
    assert client.get("/settings/members/").status_code == 200
    assert Client().get(link_in(mailoutbox[0])).status_code == 404


def test_a_user_who_is_signed_in_accepts_with_a_click(
    account: Account,
    alice: User,
    charlie: User,
    other_account: Account,
    sign_in: SignIn,
    mailoutbox: list[EmailMessage],
) -> None:
    invite(sign_in(alice), email=charlie.email, role="marketer")
    client = sign_in(charlie)
    link = link_in(mailoutbox[0])
    assert b"Accept the invitation" in client.get(link).content
    assert not Member.objects.for_account(account).filter(user=charlie).exists(), "opening accepts nothing"
    client.post(link)
    assert role_of(account, charlie) == Role.MARKETER
    assert b"Acme store" in client.get("/profile/").content
    assert b"alice@acme.example" in client.get("/settings/members/").content


def test_a_user_with_another_address_is_told_whom_it_was_meant_for(
    account: Account, alice: User, charlie: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    invite(sign_in(alice))
    page = sign_in(charlie).get(link_in(mailoutbox[0])).content.decode()
    assert "The invitation went to dora@acme.example" in page


@pytest.mark.promise("P1.3")
def test_nobody_joins_before_accepting_the_policy(
    account: Account, alice: User, charlie: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    invite(sign_in(alice))
    client = sign_in(charlie)
    ensure_policies(now=utc_now())
    link = link_in(mailoutbox[0])
    assert client.post(link).headers["Location"].startswith("/policy/accept/?next=%2Finvitations%2F")
    assert Member.objects.for_account(account).count() == 1


def test_a_visitor_cannot_accept_for_someone(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    invite(sign_in(alice))
    assert b"Create your sign-in" in Client().post(link_in(mailoutbox[0])).content
    assert Member.objects.for_account(account).count() == 1


def test_a_revoked_link_and_a_forged_one_say_the_same(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    client = sign_in(alice)
    invite(client)
    row = Invitation.objects.for_account(account).get()
    client.post(f"/settings/invitations/{row.public_id}/resend/")
    assert len(mailoutbox) == 2
    client.post(f"/settings/invitations/{row.public_id}/revoke/")
    pages = [Client().get(address) for address in (link_in(mailoutbox[0]), "/invitations/AAAAforged/")]
    assert {page.status_code for page in pages} == {404}
    assert all(b"no longer open" in page.content for page in pages)
    assert (
        b"no longer open"
        in client.post(f"/settings/invitations/{row.public_id}/resend/", follow=True).content
    )
    assert len(mailoutbox) == 2


def test_an_invitation_that_ended_is_closed(
    account: Account, alice: User, sign_in: SignIn, mailoutbox: list[EmailMessage]
) -> None:
    invite(sign_in(alice))
    row = Invitation.objects.for_account(account).get()
    Invitation.objects.for_account(account).update(expires_at=row.created_at - timedelta(days=1))
    assert Client().get(link_in(mailoutbox[0])).status_code == 404


# ── Several accounts ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_user_of_two_accounts_switches_between_them(
    account: Account, alice: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    make_member(account, charlie, Role.ANALYST)
    client = sign_in(charlie)
    client.post("/switch/", {"account": account.public_id})
    assert b"alice@acme.example" in client.get("/settings/members/").content
    client.post("/switch/", {"account": other_account.public_id})
    assert b"alice@acme.example" not in client.get("/settings/members/").content
    charlie.refresh_from_db()
    assert charlie.last_account_id == other_account.pk


@pytest.mark.parametrize(
    "wanted", ["", "acc_", "acc_00000000000000000000000000", "1", "con_00000000000000000000000000"]
)
def test_switching_to_what_is_not_ones_own_is_not_found(
    account: Account, alice: User, sign_in: SignIn, wanted: str
) -> None:
    assert sign_in(alice).post("/switch/", {"account": wanted}).status_code == 404


def test_switching_to_the_account_of_another_is_not_found(
    account: Account, alice: User, other_account: Account, sign_in: SignIn
) -> None:
    assert sign_in(alice).post("/switch/", {"account": other_account.public_id}).status_code == 404


def test_a_new_account_is_chosen_at_once(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    assert client.post("/new-account/", {"name": " "}).status_code == 422
    client.post("/new-account/", {"name": "Second shop"})
    page = client.get("/settings/").content
    assert b'value="Second shop"' in page
