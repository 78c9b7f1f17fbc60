from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dynamail.postgres.cluster import Cluster
from dynamail.postgres.errors import DatabaseUnreachable, RolesMissing, RoleTooPowerful
from dynamail.postgres.roles import OWNER, ROLES, STATS, WEB, WORK, ensure_roles, find_missing_sql

from .conftest import as_login, query


@pytest.fixture(scope="module")
def bare_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without our roles: they belong to the whole server, so the shared one may have them."""
    with Cluster(tmp_path_factory.mktemp("bare")) as cluster:
        yield cluster.dsn()


@pytest.fixture
def dsn(bare_dsn: str) -> Iterator[str]:
    """The superuser's way into a fresh database owned by nobody special, our roles gone again afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    query(bare_dsn, f"CREATE DATABASE {name}")
    yield make_conninfo(bare_dsn, dbname=name)
    query(bare_dsn, f"DROP DATABASE {name} WITH (FORCE)")
    for role in [*ROLES, "charlie"]:
        if query(bare_dsn, f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            query(bare_dsn, f"DROP OWNED BY {role}")
            query(bare_dsn, f"DROP ROLE {role}")


def test_the_roles_are_made_without_login_and_without_a_way_around_row_security(dsn: str) -> None:
    ensure_roles(dsn)
    rows = query(
        dsn,
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'dynamail\\_%' "
        "AND NOT (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)",
    )
    assert {name for (name,) in rows} == set(ROLES)


def test_making_them_twice_changes_nothing(dsn: str) -> None:
    ensure_roles(dsn)
    assert find_missing_sql(dsn) == []
    ensure_roles(dsn)


def test_the_worker_has_what_web_and_stats_have_and_web_has_not_what_the_worker_has(dsn: str) -> None:
    ensure_roles(dsn)
    question = "SELECT pg_has_role('{}', '{}', 'USAGE')"
    assert query(dsn, question.format(WORK, WEB)) == [(True,)]
    assert query(dsn, question.format(WORK, STATS)) == [(True,)]
    assert query(dsn, question.format(WEB, WORK)) == [(False,)]
    assert query(dsn, question.format(WEB, OWNER)) == [(False,)]


def test_a_connection_takes_its_role_and_reset_does_not_lead_out_of_it(dsn: str) -> None:
    ensure_roles(dsn)
    with psycopg.connect(make_conninfo(dsn, options=f"-c role={WEB}")) as connection:
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT current_user").fetchone() == (WEB,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (n int)")


def test_row_security_binds_web_and_the_owner_when_forced(dsn: str) -> None:
    ensure_roles(dsn)
    query(
        make_conninfo(dsn, options=f"-c role={OWNER}"),
        "CREATE TABLE contact (account_id bigint); INSERT INTO contact VALUES (1), (2);"
        "ALTER TABLE contact ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY account ON contact USING (account_id = current_setting('dynamail.account_id')::bigint);"
        f"GRANT SELECT ON contact TO {WEB}",
    )
    for role in (WEB, WORK, OWNER):
        options = f"-c role={role} -c dynamail.account_id=1"
        assert query(make_conninfo(dsn, options=options), "SELECT account_id FROM contact") == [(1,)]


def test_a_login_without_rights_gets_the_sql_for_the_administrator_and_that_sql_suffices(dsn: str) -> None:
    query(dsn, "CREATE ROLE charlie LOGIN")
    with pytest.raises(RolesMissing) as refused:
        ensure_roles(as_login(dsn, "charlie"))
    assert refused.value.sql in str(refused.value)
    assert "'charlie'" in str(refused.value)
    assert query(dsn, "SELECT 1 FROM pg_roles WHERE rolname = 'dynamail_web'") == []
    query(dsn, refused.value.sql)
    ensure_roles(as_login(dsn, "charlie"))
    options = make_conninfo(as_login(dsn, "charlie"), options=f"-c role={OWNER}")
    query(options, "CREATE TABLE made_by_the_owner (n int)")


def test_a_login_that_may_make_roles_needs_no_administrator(dsn: str) -> None:
    query(dsn, "CREATE ROLE charlie LOGIN CREATEROLE")
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    query(dsn, f"ALTER DATABASE {name} OWNER TO charlie")
    ensure_roles(as_login(dsn, "charlie"))
    assert find_missing_sql(as_login(dsn, "charlie")) == []
    assert query(
        make_conninfo(as_login(dsn, "charlie"), options=f"-c role={WEB}"), "SELECT current_user"
    ) == [(WEB,)]


def test_a_role_chosen_in_the_dsn_does_not_hide_the_login(dsn: str) -> None:
    ensure_roles(dsn)
    query(dsn, f"REVOKE CREATE ON SCHEMA public FROM {OWNER}")
    ensure_roles(make_conninfo(dsn, options=f"-c role={WEB}"))
    assert find_missing_sql(dsn) == []


def test_a_role_that_could_bypass_row_security_is_refused(dsn: str) -> None:
    ensure_roles(dsn)
    query(dsn, f"ALTER ROLE {WEB} BYPASSRLS")
    with pytest.raises(RoleTooPowerful, match="ALTER ROLE dynamail_web NOSUPERUSER NOBYPASSRLS"):
        ensure_roles(dsn)


def test_two_processes_at_once_both_succeed(dsn: str) -> None:
    failures: list[BaseException] = []

    def prepare() -> None:
        try:
            ensure_roles(dsn)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert find_missing_sql(dsn) == []


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(DatabaseUnreachable, match="DATABASE_URL") as refused:
        ensure_roles("postgresql://alice:secret-word@127.0.0.1:1/none")
    assert "secret-word" not in str(refused.value)
