from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from dynamail.accounts.audit import record_audit
from dynamail.accounts.audit_log import PAGE_LENGTH
from dynamail.accounts.background import finish_work, queue_work, report_progress, start_work
from dynamail.accounts.models import Account, AuditEntry, BackgroundWork, Member, User
from dynamail.accounts.roles import PERMISSIONS, Permission, Role
from dynamail.lib.clock import utc_now
from tests.support.personas import make_member, make_user

SignIn = Callable[[User], Client]
ACCOUNT_FORM = {
    "name": "Acme & Sons",
    "website": "acme.example",
    "postal_address": "Main street 1\nGrodno",
    "from_name": "Acme",
    "timezone": "Europe/Minsk",
    "language": "ru",
    "tracking": "aggregate",
}


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_owner_changes_the_account_and_the_log_names_the_fields(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    answer = sign_in(alice).post("/settings/", ACCOUNT_FORM)
    assert answer.status_code == 302
    account.refresh_from_db()
    assert (account.name, account.website, account.timezone) == (
        "Acme & Sons",
        "https://acme.example",
        "Europe/Minsk",
    )
    assert AuditEntry.objects.for_account(account).get().action == "account.changed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 151),
        ("name", "a\0b"),
        ("timezone", "Mars/Olympus"),
        ("tracking", "everything"),
        ("website", "javascript:alert(1)"),
        ("language", "xx"),
    ],
)
def test_a_bad_value_comes_back_with_its_reason_and_changes_nothing(
    account: Account, alice: User, sign_in: SignIn, field: str, value: str
) -> None:
    answer = sign_in(alice).post("/settings/", ACCOUNT_FORM | {field: value})
    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert b"<span>Acme store</span>" in answer.content, "the frame still shows the saved name"
    account.refresh_from_db()
    assert (account.name, account.timezone) == ("Acme store", "UTC")


def test_a_member_without_the_permission_looks_and_cannot_change(
    account: Account, bob: User, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    page = client.get("/settings/")
    assert page.status_code == 200
    assert b"disabled" in page.content
    assert client.post("/settings/", ACCOUNT_FORM).status_code == 403
    account.refresh_from_db()
    assert account.name == "Acme store"


# ── Oneself ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_user_changes_name_phone_and_language(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    client.post("/profile/", {"name": "Алиса", "phone": "+375 29 1", "language": "be"})
    alice.refresh_from_db()
    assert (alice.name, alice.phone, alice.language) == ("Алиса", "+375 29 1", "be")
    assert b'<html lang="be"' in client.get("/profile/").content
    assert client.post("/profile/", {"name": "x", "language": "tlh"}).status_code == 422


def test_the_theme_is_kept_for_users_and_for_visitors(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    assert client.post("/theme/", {"theme": "dark"}).status_code == 204
    alice.refresh_from_db()
    assert alice.theme == "dark"
    assert b'data-theme="dark"' in client.get("/profile/").content
    visitor = Client()
    assert (
        visitor.post("/theme/", {"theme": "light", "next": "/accounts/login/"}).headers["Location"]
        == "/accounts/login/"
    )
    assert b'data-theme="light"' in visitor.get("/accounts/login/").content
    assert visitor.post("/theme/", {"theme": "neon"}).status_code == 422


def test_a_visitor_chooses_the_language_of_the_sign_in_page(db: None) -> None:
    visitor = Client()
    visitor.post("/language/", {"language": "ru", "next": "/accounts/login/"})
    assert b'<html lang="ru"' in visitor.get("/accounts/login/").content
    assert (
        visitor.post("/language/", {"language": "ru", "next": "https://evil.example/"}).headers["Location"]
        == "/"
    )
    assert visitor.post("/language/", {"language": "../x"}).status_code == 422


# ── The audit log ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_log_is_paged_and_filtered(account: Account, alice: User, sign_in: SignIn) -> None:
    for number in range(PAGE_LENGTH + 5):
        record_audit(account.pk, by=alice, action="topic.created", name=f"topic number {number}")
    client = sign_in(alice)
    first = client.get("/settings/audit/").content.decode()
    assert "topic number 54" in first
    assert "topic number 4<" not in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    assert "topic number 4<" in client.get(older[1].replace("&amp;", "&")).content.decode()
    nothing = client.get("/settings/audit/?actor=Nobody&since=bad&before=x%00").content
    assert b"Nothing matches" in nothing


def test_the_log_shows_nothing_of_another_account(
    account: Account, alice: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    record_audit(account.pk, by=alice, action="topic.created", name="canary topic")
    assert b"canary" not in sign_in(charlie).get("/settings/audit/").content


# ── Who may open what ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize(
    ("address", "permission"),
    [
        ("/settings/", None),
        ("/settings/members/", None),
        ("/settings/api-keys/", Permission.MANAGE_API_KEYS),
        ("/settings/audit/", Permission.VIEW_AUDIT),
        ("/work/", None),
        ("/profile/", None),
        ("/profile/security/", None),
    ],
)
def test_each_role_opens_what_the_table_says(
    account: Account, sign_in: SignIn, role: str, address: str, permission: Permission | None
) -> None:
    user = make_user(f"{role}@acme.example")
    make_member(account, user, role)
    answer = sign_in(user).get(address)
    allowed = permission is None or permission in PERMISSIONS[Role(role)]
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert b"Your role does not include this" in answer.content


@pytest.mark.parametrize(
    "address", ["/settings/", "/settings/members/", "/profile/", "/work/", "/new-account/"]
)
def test_a_visitor_is_led_to_sign_in(db: None, address: str) -> None:
    assert Client().get(address).headers["Location"].startswith("/accounts/login/")


def test_a_page_that_does_not_exist_says_so_in_our_look(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    answer = sign_in(alice).get("/no-such-page/")
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content


# ── Long work ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def work(account: Account, bob: User) -> BackgroundWork:
    row = queue_work(account.pk, kind="contacts.import", title="Import of spring.csv", by=bob, total=100)
    start_work(row, now=utc_now())
    report_progress(row, done=40, message="Reading")
    return row


def test_progress_is_polled_until_the_work_is_over(work: BackgroundWork, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    address = f"/work/{work.public_id}/"
    part = client.get(address, headers={"HX-Request": "true"})
    assert b'hx-trigger="every 2s"' in part.content
    assert b"<html" not in part.content
    assert b'value="40"' in part.content
    assert "HX-Trigger" not in part.headers
    finish_work(work, now=utc_now(), message="97 contacts added")
    part = client.get(address, headers={"HX-Request": "true"})
    assert b"every 2s" not in part.content
    assert b"97 contacts added" in part.content
    assert part.headers["HX-Trigger"] == "work-finished"
    assert b"97 contacts added" in client.get(address).content, "also as a page"


def test_running_work_shows_in_the_corner_of_every_page(
    work: BackgroundWork, bob: User, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    assert b"Import of spring.csv" in client.get("/settings/").content
    assert b"Import of spring.csv" in client.get("/work/tray/").content
    assert b"Import of spring.csv" in client.get("/work/").content


def test_who_started_it_or_manages_the_account_may_cancel(
    work: BackgroundWork,
    account: Account,
    alice: User,
    bob: User,
    charlie: User,
    other_account: Account,
    sign_in: SignIn,
) -> None:
    address = f"/work/{work.public_id}/cancel/"
    analyst = make_user("ana@acme.example")
    make_member(account, analyst, Role.ANALYST)
    assert sign_in(charlie).post(address).status_code == 404
    assert sign_in(analyst).post(address).status_code == 403
    work.refresh_from_db()
    assert work.cancel_requested_at is None
    part = sign_in(bob).post(address, headers={"HX-Request": "true"})
    assert b"Stopping at the next step" in part.content
    work.refresh_from_db()
    assert work.cancel_requested_at is not None
    assert sign_in(alice).post(address).status_code == 302


def test_work_of_another_account_is_not_found(
    work: BackgroundWork, charlie: User, other_account: Account, sign_in: SignIn
) -> None:
    client = sign_in(charlie)
    for address in (f"/work/{work.public_id}/", "/work/wrk_x/", "/work/con_00000000000000000000000000/"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert b"spring" not in answer.content
    assert b"spring" not in client.get("/work/").content + client.get("/work/tray/").content


def test_an_account_that_is_closed_opens_no_more(account: Account, alice: User, sign_in: SignIn) -> None:
    Account.objects.filter(pk=account.pk).update(state=Account.State.CLOSED)
    assert sign_in(alice).get("/settings/").headers["Location"] == "/new-account/"


def test_a_session_forged_to_another_account_stays_in_ones_own(
    account: Account, alice: User, other_account: Account, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    session = client.session
    session["account_id"] = other_account.pk
    session.save()
    assert b'value="Acme store"' in client.get("/settings/").content


def test_pages_show_hours_of_the_accounts_zone(account: Account, alice: User, sign_in: SignIn) -> None:
    Account.objects.filter(pk=account.pk).update(timezone="Asia/Tokyo")
    member = Member.objects.for_account(account).get()
    Member.objects.for_account(account).filter(pk=member.pk).update(
        created_at=member.created_at.replace(year=2025, month=3, day=4, hour=20, minute=0) + timedelta(0)
    )
    assert b"5 Mar 2025, 05:00" in sign_in(alice).get("/settings/members/").content
