"""Wall two, read from the catalog: every table of an account is closed by the database itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from dynamail.accounts.models import Account, Invitation, Member, User
from dynamail.accounts.roles import Role
from dynamail.accounts.row_security import raise_walls, tenant_models
from dynamail.accounts.tenancy import STATS_ROLE, Unscoped, account_scope, user_scope
from dynamail.lib.clock import utc_now
from dynamail.lib.personal_data import REGISTRY, Category
from tests.support.personas import make_member

pytestmark = pytest.mark.django_db


def rows(statement: str, *parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


@pytest.mark.promise("P5.2")
def test_every_table_with_an_account_is_walled_by_the_database() -> None:
    tables = {
        table: (enabled, forced)
        for table, enabled, forced in rows(
            """SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"""
        )
    }
    assert {"member", "contact", "api_key", "campaign", "audit_entry"} <= tables.keys()
    assert {table for table, walls in tables.items() if walls != (True, True)} == set()
    policies = {
        (table, name): (using, check)
        for table, name, using, check in rows(
            "SELECT tablename, policyname, qual, with_check FROM pg_policies"
        )
    }
    for table in tables:
        using, check = policies[table, "own_account"]
        assert "dynamail.account_id" in using, table
        assert "dynamail.account_id" in check, table


def test_no_policy_opens_a_table_to_more_than_it_says() -> None:
    known = {"own_account", "workers", "also_visible"}
    for table, name, command, roles, using in rows(
        "SELECT tablename, policyname, cmd, roles::text[], qual FROM pg_policies"
    ):
        assert name in known, (table, name)
        if name == "workers":
            assert roles == ["dynamail_work"]
        if name == "also_visible":
            assert (table in ("member", "api_key"), command, roles) == (True, "SELECT", ["dynamail_web"])
            assert "current_setting" in using


def test_a_partition_is_reached_through_its_table_alone() -> None:
    open_partitions = rows(
        """SELECT c.relname FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'
           AND (has_table_privilege('dynamail_web', c.oid, 'SELECT') OR has_table_privilege('dynamail_stats', c.oid, 'SELECT'))"""
    )
    assert open_partitions == []


def test_every_tenant_model_has_an_account_column_and_the_closed_manager() -> None:
    for model in tenant_models():
        assert "account_id" in {field.attname for field in model._meta.concrete_fields}, model
        with pytest.raises(Unscoped):
            model.objects.all()  # type: ignore[attr-defined]


def test_no_model_with_an_account_forgot_the_base_model() -> None:
    walled = set(tenant_models())
    for model in apps.get_models():
        if model.__module__.startswith("dynamail.") and "account_id" in {
            f.attname for f in model._meta.concrete_fields
        }:
            assert model in walled, model


def test_without_an_account_nothing_is_seen(account: Account, bob: User) -> None:
    with account_scope(0):
        assert rows("SELECT count(*) FROM member") == [(0,)]
    with account_scope(account):
        assert rows("SELECT count(*) FROM member") == [(2,)]


def test_the_walls_hold_where_the_filter_was_forgotten(account: Account, other_account: Account) -> None:
    with account_scope(other_account):
        assert rows("SELECT DISTINCT account_id FROM member") == [(other_account.pk,)]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE member SET role = 'owner' WHERE account_id = %s", [account.pk])
            assert cursor.rowcount == 0


def test_a_row_cannot_be_written_into_another_account(
    account: Account, other_account: Account, alice: User
) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
        account_scope(account),
    ):
        make_member(other_account, alice, Role.OWNER)


def test_ones_own_memberships_can_be_seen_but_not_changed_from_outside(
    account: Account, other_account: Account, bob: User
) -> None:
    make_member(other_account, bob, Role.ANALYST)
    with user_scope(bob.pk):
        assert {row.account_id for row in Member.objects.across_accounts(reason="test")} == {
            account.pk,
            other_account.pk,
        }
        with connection.cursor() as cursor:
            cursor.execute("UPDATE member SET role = 'owner'")
            assert cursor.rowcount == 0
            cursor.execute("DELETE FROM member")
            assert cursor.rowcount == 0


def test_scopes_nest_and_give_back_what_was_before(account: Account, other_account: Account) -> None:
    with account_scope(account):
        with account_scope(other_account):
            assert rows("SELECT DISTINCT account_id FROM member") == [(other_account.pk,)]
        assert rows("SELECT DISTINCT account_id FROM member") == [(account.pk,)]


def test_workers_see_every_account_only_in_the_tables_they_need(
    account: Account, other_account: Account
) -> None:
    for owner, email in ((account, "a@x.example"), (other_account, "b@x.example")):
        Invitation.objects.add(owner, email=email, role=Role.ANALYST, expires_at=utc_now())
    with transaction.atomic():
        rows("SELECT set_config('role', 'dynamail_work', true)")
        assert rows("SELECT count(*) FROM invitation") == [(2,)]
        assert rows("SELECT count(*) FROM member") == [(0,)]
        rows("SELECT set_config('role', 'none', true)")


@pytest.mark.promise("P2.1")
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM sign_in",
        "SELECT ip FROM sign_in",
        "SELECT browser, os FROM sign_in",
        "SELECT * FROM axes_accessattempt",
        "SELECT email FROM app_user",
        "SELECT session_key FROM django_session",
        "SELECT key_hash FROM api_key",
        "SELECT email FROM invitation",
    ],
)
def test_segments_reports_and_exports_cannot_read_technical_data(account: Account, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        account_scope(account, role=STATS_ROLE),
    ):
        rows(statement)


@pytest.mark.promise("P2.1")
def test_the_role_of_statistics_holds_no_identifying_column_anywhere() -> None:
    hidden = {Category.TECHNICAL, Category.CREDENTIAL, Category.IDENTIFIER}
    for table, columns in REGISTRY.items():
        for column, note in columns.items():
            if note.category in hidden and rows("SELECT to_regclass(%s)", table) != [(None,)]:
                granted = rows(
                    "SELECT has_column_privilege('dynamail_stats', %s, %s, 'SELECT')", table, column
                )
                assert granted == [(False,)], f"{table}.{column}"


def test_raising_the_walls_twice_is_raising_them_once() -> None:
    before = rows("SELECT tablename, policyname, qual, with_check FROM pg_policies ORDER BY 1, 2")
    with connection.cursor() as cursor:
        raise_walls(cursor)
    assert rows("SELECT tablename, policyname, qual, with_check FROM pg_policies ORDER BY 1, 2") == before


@pytest.mark.promise("P2.4")
def test_every_stored_column_has_a_privacy_annotation() -> None:
    assert sorted(stored_columns() - annotated_columns()) == []


@pytest.mark.promise("P2.4")
def test_no_annotation_outlives_its_column() -> None:
    assert sorted(annotated_columns() - stored_columns()) == []


def annotated_columns() -> set[tuple[str, str]]:
    return {(table, column) for table, notes in REGISTRY.items() for column in notes}


def stored_columns() -> set[tuple[str, str]]:
    """Of the tables of this product's models, as the database has them; also columns that no model knows."""
    tables = [model._meta.db_table for model in apps.get_models() if model.__module__.startswith("dynamail.")]
    return set(
        rows(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY(%s)",
            tables,
        )
    )
