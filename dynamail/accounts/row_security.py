"""Wall two of tenancy: PostgreSQL itself keeps the accounts apart.

Every table of a `TenantModel` or `DataPlaneModel` gets ROW LEVEL SECURITY, enabled and forced, with the policy
`account_id = current_setting('dynamail.account_id')` for USING and WITH CHECK. An unset account matches nothing.

Grants are given in the same step as the policies, after each migration: a table whose walls were forgotten is a table
that no role of the running product can read.

Roles: `dynamail_owner` migrates, `dynamail_web` works inside one account, `dynamail_work` (workers) sees every account in
the tables marked `open_to_workers`, `dynamail_stats` reads like web but without technical and identifying columns (P2.1).
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connections, models

from dynamail.accounts.tenancy import DataPlaneModel, TenantModel
from dynamail.lib.clock import utc_now
from dynamail.lib.partitions import ensure_partitions
from dynamail.lib.personal_data import REGISTRY, Category

OWN_ACCOUNT = "account_id = nullif(current_setting('dynamail.account_id', true), '')::bigint"
OWN_MEMBERSHIP = "user_id = nullif(current_setting('dynamail.user_id', true), '')::bigint"
OWN_KEY = "key_hash = nullif(current_setting('dynamail.key_hash', true), '')"
# Rows that show the way to an account before one is chosen: to a user, and to whoever holds a key's secret. Reading only.
ALSO_VISIBLE = {"member": OWN_MEMBERSHIP, "api_key": OWN_KEY}
APPEND_ONLY = {"audit_entry"}  # the running product adds and reads; only the owner's retention deletes
HIDDEN_FROM_STATS = {Category.TECHNICAL, Category.CREDENTIAL, Category.IDENTIFIER}
ROLES = ("dynamail_owner", "dynamail_web", "dynamail_work", "dynamail_stats")


def raise_walls_after_migrate(*, using: str = "default", **_: Any) -> None:
    """Receiver of Django's post_migrate: wiring, so that `migrate` alone never leaves an open table."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
        if cursor.fetchone()[0] == len(ROLES):
            ensure_partitions(cursor, now=utc_now())
            raise_walls(cursor)


def raise_walls(cursor: Any) -> None:
    """Create or refresh policies and grants for every table. Idempotent."""
    existing = {
        table for (table,) in _all(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    cursor.execute("GRANT USAGE ON SCHEMA public TO dynamail_web, dynamail_work, dynamail_stats")
    tenant_tables = {model._meta.db_table: model for model in tenant_models()}
    for table, model in tenant_tables.items():
        if table in existing:
            _protect_table(cursor, table, model)
    partitions = _partitions(cursor)
    for table in sorted(existing - partitions):
        cursor.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO dynamail_web, dynamail_work')
    for table in sorted(APPEND_ONLY & existing):
        cursor.execute(f'REVOKE UPDATE, DELETE ON "{table}" FROM dynamail_web, dynamail_work')
    cursor.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO dynamail_web, dynamail_work")
    cursor.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO dynamail_web, dynamail_work")
    for table in sorted(tenant_tables.keys() & existing):
        _grant_stats(cursor, table)


def tenant_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if issubclass(model, TenantModel | DataPlaneModel)]


def _protect_table(cursor: Any, table: str, model: type[models.Model]) -> None:
    cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
    _replace_policy(cursor, table, "own_account", "dynamail_web, dynamail_stats", OWN_ACCOUNT, OWN_ACCOUNT)
    if also := ALSO_VISIBLE.get(table):
        cursor.execute(f'DROP POLICY IF EXISTS also_visible ON "{table}"')
        cursor.execute(f'CREATE POLICY also_visible ON "{table}" FOR SELECT TO dynamail_web USING ({also})')
    if model.open_to_workers:  # type: ignore[attr-defined]
        _replace_policy(cursor, table, "workers", "dynamail_work", "true", "true")


def _replace_policy(cursor: Any, table: str, name: str, roles: str, using: str, check: str) -> None:
    cursor.execute(f'DROP POLICY IF EXISTS {name} ON "{table}"')
    cursor.execute(
        f'CREATE POLICY {name} ON "{table}" FOR ALL TO {roles} USING ({using}) WITH CHECK ({check})'
    )


def _grant_stats(cursor: Any, table: str) -> None:
    columns = [
        column
        for (column,) in _all(
            cursor,
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
            [table],
        )
        if (note := REGISTRY.get(table, {}).get(column)) is not None
        and note.category not in HIDDEN_FROM_STATS
    ]
    cursor.execute(f'REVOKE ALL ON "{table}" FROM dynamail_stats')
    if columns:
        listed = ", ".join(f'"{column}"' for column in columns)
        cursor.execute(f'GRANT SELECT ({listed}) ON "{table}" TO dynamail_stats')


def _partitions(cursor: Any) -> set[str]:
    return {
        table
        for (table,) in _all(cursor, "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    }


def _all(cursor: Any, statement: str, parameters: list[Any] | None = None) -> list[tuple]:
    cursor.execute(statement, parameters)
    return cursor.fetchall()
