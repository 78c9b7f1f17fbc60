from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.db import connection

from dynamail.accounts.models import Account, Invitation, SignIn, User
from dynamail.accounts.roles import Role
from dynamail.accounts.sign_ins import notice_sign_in
from dynamail.privacy.retention import RetentionRun, run_retention, truncate_ip
from tests.support.personas import NOW

DAY = timedelta(days=1)


def sign_in(user: User, *, ip: str = "192.0.2.77") -> SignIn:
    notice_sign_in(user, session_key=ip, ip=ip, user_agent="", method="password", now=NOW)
    return SignIn.objects.get(ip=ip)


@pytest.mark.promise("P2.1")
def test_an_address_is_whole_for_seven_days_and_the_row_is_gone_after_ninety(alice: User) -> None:
    row = sign_in(alice)
    run_retention(now=NOW + 7 * DAY)
    row.refresh_from_db()
    assert row.ip == "192.0.2.77"
    run_retention(now=NOW + 7 * DAY + timedelta(seconds=1))
    row.refresh_from_db()
    assert (row.ip, row.ip_truncated) == ("192.0.2.0", True)
    run_retention(now=NOW + 90 * DAY)
    assert SignIn.objects.exists()
    run_retention(now=NOW + 90 * DAY + timedelta(seconds=1))
    assert not SignIn.objects.exists()


@pytest.mark.promise("P6.1")
def test_no_day_of_a_year_leaves_technical_data_past_its_time(alice: User) -> None:
    for day in range(365):
        now = NOW + day * DAY
        notice_sign_in(
            alice,
            session_key=str(day // 10),
            ip=f"192.0.2.{day % 250}",
            user_agent="",
            method="password",
            now=now,
        )
        run_retention(now=now)
        assert not SignIn.objects.filter(created_at__lt=now - 90 * DAY).exists()
        assert not SignIn.objects.filter(last_seen_at__lt=now - 7 * DAY, ip_truncated=False).exists()


@pytest.mark.promise("P2.1")
def test_a_whole_address_is_nowhere_in_the_database_after_seven_days(alice: User) -> None:
    sign_in(alice, ip="203.0.113.201")
    AccessAttempt.objects.create(
        username="x",
        ip_address="203.0.113.201",
        user_agent="",
        failures_since_start=1,
        get_data="",
        post_data="",
        http_accept="",
        path_info="",
    )
    AccessAttempt.objects.update(attempt_time=NOW)
    run_retention(now=NOW + 8 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', ["%203.0.113.201%"])
            assert cursor.fetchone() == (0,), table


def test_a_run_says_what_it_did_and_the_next_has_nothing_to_do(alice: User, account: Account) -> None:
    sign_in(alice)
    Invitation.objects.add(
        account, email="a@x.example", role=Role.ANALYST, created_at=NOW - 15 * DAY, expires_at=NOW - 8 * DAY
    )
    assert run_retention(now=NOW + 8 * DAY) == RetentionRun(1, 0, 1, 0)
    assert run_retention(now=NOW + 8 * DAY) == RetentionRun(0, 0, 0, 0)


def test_an_invitation_goes_after_fourteen_days_unless_it_was_accepted_or_renewed(account: Account) -> None:
    def add(email: str, **values: object) -> None:
        Invitation.objects.add(account, email=email, role=Role.ANALYST, created_at=NOW, **values)

    add("ended@x.example", expires_at=NOW + 7 * DAY)
    add("accepted@x.example", expires_at=NOW + 7 * DAY, accepted_at=NOW)
    add("renewed@x.example", expires_at=NOW + 20 * DAY)
    run_retention(now=NOW + 14 * DAY)
    assert Invitation.objects.for_account(account).count() == 3
    run_retention(now=NOW + 15 * DAY)
    left = Invitation.objects.for_account(account).order_by("email").values_list("email", flat=True)
    assert list(left) == ["accepted@x.example", "renewed@x.example"]


@pytest.mark.parametrize(
    ("whole", "short"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("::1", "::"),
    ],
)
def test_an_address_is_shortened_to_its_network(whole: str, short: str) -> None:
    assert truncate_ip(whole) == short


@pytest.mark.django_db(transaction=True)
def test_the_task_runs_as_a_worker() -> None:
    """With the rights of `dynamail_work`: a table that is closed to it would silently keep its rows."""
    from dynamail.privacy.tasks import run_retention_task
    from tests.support.personas import make_account, make_user

    account = make_account(owner=make_user("a@x.example"))
    Invitation.objects.add(
        account,
        email="old@x.example",
        role=Role.ANALYST,
        created_at=NOW - 400 * DAY,
        expires_at=NOW - 390 * DAY,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE dynamail_work")
        try:
            run_retention_task(timestamp=0)
        finally:
            cursor.execute("RESET ROLE")
    assert not Invitation.objects.for_account(account).exists()
