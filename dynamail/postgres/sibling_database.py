"""A second database with the same properties as the first, and the exchange of the two by name."""

from __future__ import annotations

import secrets

import psycopg
from psycopg import sql

from .connecting import connect_database

PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def create_sibling(maintenance: str, *, name: str, like: str) -> None:
    """An empty database with the encoding, order of text, owner, settings and rights of `like`."""
    with connect_database(maintenance, autocommit=True) as connection:
        connection.execute(_compose_create(connection, name=name, like=like))
        _copy_settings(connection, name=name, like=like)
        _copy_rights(connection, name=name, like=like)


def swap_databases(maintenance: str, *, fresh: str, name: str) -> str | None:
    """`fresh` becomes `name`, the old one is dropped. Returns the old one's new name if that failed."""
    old = f"{name[:40]}_before_restore_{secrets.token_hex(3)}"
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with connect_database(maintenance) as connection:
        connection.execute(rename.format(sql.Identifier(name), sql.Identifier(old)))
        connection.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
    try:
        with connect_database(maintenance, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
    except psycopg.Error:
        return old
    return None


def _compose_create(
    connection: psycopg.Connection[tuple[object, ...]], *, name: str, like: str
) -> sql.Composed:
    column = "datlocale" if connection.info.server_version >= 170000 else "daticulocale"
    row = connection.execute(
        f"""SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider::text,
                   pg_get_userbyid(datdba), {column} FROM pg_database WHERE datname = %s""".encode(),  # noqa: S608
        [like],
    ).fetchone()
    if not row:
        raise psycopg.errors.InvalidCatalogName(f"database {like} does not exist")
    encoding, collate, ctype, provider, owner, locale = map(str, row)
    parts = [
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {}").format(
            sql.Identifier(name), sql.Identifier(owner)
        ),
        sql.SQL("ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(encoding, collate, ctype),
        sql.SQL("LOCALE_PROVIDER {}").format(sql.SQL(PROVIDERS[provider])),
    ]
    if provider != "c":
        word = "BUILTIN_LOCALE" if provider == "b" else "ICU_LOCALE"
        parts.append(sql.SQL(word + " {}").format(locale))
    return sql.SQL(" ").join(parts)


def _copy_settings(connection: psycopg.Connection[tuple[object, ...]], *, name: str, like: str) -> None:
    """ALTER DATABASE … SET. FROM CURRENT, because a list such as search_path cannot be quoted as one word."""
    rows = connection.execute(
        """SELECT nullif(setrole, 0)::regrole::text, unnest(setconfig) FROM pg_db_role_setting
           WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = %s)""",
        [like],
    ).fetchall()
    for role, assignment in rows:
        setting, _, value = str(assignment).partition("=")
        connection.execute("SELECT set_config(%s, %s, false)", [setting, value])
        # regrole::text is quoted already.
        target = sql.SQL(f"ROLE {role} IN DATABASE {{}}" if role else "DATABASE {}")
        connection.execute(
            sql.SQL("ALTER {} SET {} FROM CURRENT").format(
                target.format(sql.Identifier(name)), sql.Identifier(*setting.split("."))
            )
        )


def _copy_rights(connection: psycopg.Connection[tuple[object, ...]], *, name: str, like: str) -> None:
    """GRANT … ON DATABASE; nothing to do where nobody changed the default."""
    rows = connection.execute(
        """SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, is_grantable
           FROM pg_database, aclexplode(datacl) WHERE datname = %s""",
        [like],
    ).fetchall()
    if rows:
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    for right, grantee, is_grantable in rows:
        connection.execute(
            sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                sql.SQL(str(right)),
                sql.Identifier(name),
                sql.SQL(str(grantee)),
                sql.SQL(" WITH GRANT OPTION" if is_grantable else ""),
            )
        )
