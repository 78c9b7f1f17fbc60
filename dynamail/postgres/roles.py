"""The roles the application works under, below the login.

`dynamail_owner` owns every object and runs migrations; `dynamail_web` serves pages and the API under
row-level security; `dynamail_work` is the worker processes; `dynamail_stats` reads what is not personal.
None of them logs in or escapes row-level security: a connection takes its role with libpq's
`options='-c role=dynamail_web'`, and RESET ROLE leads back to that role, not to the login.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from .connecting import connect_database
from .errors import RolesMissing, RoleTooPowerful

OWNER = "dynamail_owner"
WEB = "dynamail_web"
WORK = "dynamail_work"
STATS = "dynamail_stats"
ROLES = (OWNER, WEB, WORK, STATS)
MEMBERSHIPS = ((WEB, WORK), (STATS, WORK))
TRIES = 3  # Two processes that prepare one server at the same time: one of them sees a conflict.


@dataclass(frozen=True)
class _Place:
    login: str
    database: str
    major: int
    existing: frozenset[str]


def ensure_roles(dsn: str) -> None:
    """Make what is missing of the roles, their memberships and their rights in this database.

    Changes nothing when all is there. Raises RolesMissing with the SQL for an administrator, RoleTooPowerful
    when a role of ours could bypass row-level security, DatabaseUnreachable.
    """
    for attempt in range(TRIES):
        with connect_database(dsn) as connection:
            # The roles belong to the server, but the login decides: not a role chosen in the DSN.
            connection.execute("SET ROLE NONE")
            try:
                _apply_missing(connection)
                return
            except (
                psycopg.errors.DuplicateObject,
                psycopg.errors.UniqueViolation,
                psycopg.errors.InternalError_,
            ):
                if attempt == TRIES - 1:
                    raise
                connection.rollback()


def find_missing_sql(dsn: str) -> list[str]:
    """The statements `ensure_roles` would run, ready for an administrator."""
    with connect_database(dsn) as connection:
        connection.execute("SET ROLE NONE")
        return [statement.as_string(connection) for statement in _list_missing(connection)]


def _apply_missing(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    missing = _list_missing(connection)
    texts = [statement.as_string(connection) for statement in missing]
    try:
        for statement in missing:
            connection.execute(statement)
        connection.commit()
        left = [statement.as_string(connection) for statement in _list_missing(connection)]
    except psycopg.errors.InsufficientPrivilege as error:
        connection.rollback()
        _refuse(connection, texts, error.diag.message_primary or "not permitted")
    else:
        if left:  # GRANT without the right to grant only warns.
            _refuse(connection, left, "it may not grant these rights")


def _refuse(connection: psycopg.Connection[tuple[object, ...]], statements: list[str], reason: str) -> None:
    login = str(_get_value(connection, "SELECT session_user"))
    text = "\n".join(f"{statement};" for statement in statements)
    raise RolesMissing(login=login, sql=text, reason=reason)


def _list_missing(connection: psycopg.Connection[tuple[object, ...]]) -> list[sql.Composed]:
    place = _look_around(connection)
    return [
        *_list_missing_roles(place),
        *_list_missing_memberships(connection, place),
        *_list_missing_rights(connection, place),
    ]


def _look_around(connection: psycopg.Connection[tuple[object, ...]]) -> _Place:
    rows = connection.execute(
        "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)]
    ).fetchall()
    for name, too_powerful in rows:
        if too_powerful:
            raise RoleTooPowerful(
                f"The database role {name} could bypass row-level security, which keeps accounts apart. "
                f"Take that away, then start again: ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS;"
            )
    return _Place(
        login=str(_get_value(connection, "SELECT session_user")),
        database=connection.info.dbname,
        major=connection.info.server_version // 10000,
        existing=frozenset(str(name) for name, _ in rows),
    )


def _list_missing_roles(place: _Place) -> list[sql.Composed]:
    # NOSUPERUSER and NOBYPASSRLS are the default; naming them is refused to a login that is not superuser.
    return [
        sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name))
        for name in ROLES
        if name not in place.existing
    ]


def _list_missing_memberships(
    connection: psycopg.Connection[tuple[object, ...]], place: _Place
) -> list[sql.Composed]:
    wanted = [*((name, place.login) for name in ROLES), *MEMBERSHIPS]
    return [
        sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(member))
        for group, member in wanted
        if not _is_member(connection, place, group, member)
    ]


def _is_member(
    connection: psycopg.Connection[tuple[object, ...]], place: _Place, group: str, member: str
) -> bool:
    if group not in place.existing or member not in {*place.existing, place.login}:
        return False
    # Since 16 a membership may be one in name only, without the right to take the role.
    kinds = "USAGE, SET" if place.major >= 16 else "USAGE"
    return all(
        _get_value(connection, "SELECT pg_has_role(%s::name, %s::name, %s)", member, group, kind)
        for kind in kinds.split(", ")
    )


def _list_missing_rights(
    connection: psycopg.Connection[tuple[object, ...]], place: _Place
) -> list[sql.Composed]:
    wanted = [
        *(("DATABASE", place.database, right, OWNER) for right in ("CONNECT", "CREATE")),
        *(("DATABASE", place.database, "CONNECT", role) for role in (WEB, WORK, STATS)),
        *(("DATABASE", place.database, "TEMPORARY", role) for role in (OWNER, WEB, WORK)),
        *(("SCHEMA", "public", right, OWNER) for right in ("USAGE", "CREATE")),
        *(("SCHEMA", "public", "USAGE", role) for role in (WEB, WORK, STATS)),
    ]
    return [
        sql.SQL("GRANT {} ON {} {} TO {}").format(
            sql.SQL(right), sql.SQL(kind), sql.Identifier(name), sql.Identifier(role)
        )
        for kind, name, right, role in wanted
        if not _has_right(connection, place, kind, name, right, role)
    ]


def _has_right(
    connection: psycopg.Connection[tuple[object, ...]],
    place: _Place,
    kind: str,
    name: str,
    right: str,
    role: str,
) -> bool:
    if role not in place.existing:
        return False
    question = {
        "DATABASE": "SELECT has_database_privilege(%s::name, %s, %s)",
        "SCHEMA": "SELECT has_schema_privilege(%s::name, %s, %s)",
    }
    return bool(_get_value(connection, question[kind], role, name, right))


def _get_value(connection: psycopg.Connection[tuple[object, ...]], query: str, *values: str) -> object:
    row = connection.execute(query.encode(), values or None).fetchone()
    return row[0] if row else None
