"""Wall one of tenancy: a query says whose rows it wants, or it does not run.

Two base models. `TenantModel` is for the control plane (few rows, ordinary keys, foreign key to the account).
`DataPlaneModel` is for the large tables: primary key `(account_id, id)`, ids made in the application, no foreign keys.

Code that works for one account runs inside `account_scope(account_id)`: one transaction with the database role and the
account set, so that wall two (row-level security, `row_security.py`) holds even where a filter was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import connections, models, transaction

from dynamail.lib.clock import utc_now
from dynamail.lib.ids import from_public_id, new_id, to_public_id

WEB_ROLE = "dynamail_web"
STATS_ROLE = "dynamail_stats"


class Unscoped(RuntimeError):
    """A query on an account's table that does not say which account."""


def _id_of(account: Any) -> int:
    return account if isinstance(account, int) else account.pk


class TenantManager(models.Manager):
    """`.for_account(account)` or `.across_accounts(reason=…)`; anything else raises Unscoped."""

    def get_queryset(self) -> models.QuerySet:
        raise Unscoped(f"{self.model.__name__}: say .for_account(...) or .across_accounts(reason=...)")

    def for_account(self, account: Any) -> models.QuerySet:
        """Rows of one account, given as the row or its id."""
        return super().get_queryset().filter(account_id=_id_of(account))

    def across_accounts(self, *, reason: str) -> models.QuerySet:
        """Rows of all accounts; the reason is for the reader and for grep."""
        if not reason:
            raise Unscoped("across_accounts needs a reason")
        return super().get_queryset()

    def add(self, account: Any, **values: Any) -> Any:
        """Insert one row for an account and return it."""
        row = self.model(account_id=_id_of(account), **values)
        row.save(force_insert=True)
        return row


class TenantModel(models.Model):
    """A control-plane row that belongs to an account."""

    open_to_workers: ClassVar[bool] = False  # may `dynamail_work` see every account's rows of this table?

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="+")

    _unscoped = models.Manager()
    objects = TenantManager()

    class Meta:
        abstract = True
        default_manager_name = base_manager_name = "_unscoped"


class DataPlaneModel(models.Model):
    """A row of a large table: `(account_id, id)` is its key, parents are named by value."""

    open_to_workers: ClassVar[bool] = True

    account_id = models.BigIntegerField()

    _unscoped = models.Manager()
    objects = TenantManager()

    class Meta:
        abstract = True
        default_manager_name = base_manager_name = "_unscoped"

    @classmethod
    def erase_people(cls, account_id: int, contact_ids: Sequence[UUID], addresses: Sequence[str]) -> None:
        """What of this table goes with people whose contacts are deleted, in that transaction. `addresses` are keys. For tables of layers
        above the contacts', which nothing there can name."""


class PublicIdModel(models.Model):
    """A row that is named outside by `<prefix>_…`; the sequence inside never shows."""

    public_prefix: ClassVar[str]

    uid = models.UUIDField(default=new_id, unique=True, editable=False)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        return to_public_id(self.public_prefix, self.uid)

    @classmethod
    def uid_from(cls, public_id: str) -> UUID:
        """Raises lib.ids.UnknownId."""
        return from_public_id(cls.public_prefix, public_id)

    def __repr__(self: Self) -> str:
        return f"<{type(self).__name__} {self.public_id}>"


@contextmanager
def account_scope(account: Any, *, user_id: int | None = None, role: str = WEB_ROLE) -> Iterator[None]:
    """One transaction in which the database itself shows only this account's rows.

    Nests: the outer scope's account and role are back when the inner one ends. `user_id` additionally opens the
    user's own membership rows, for the account switch.
    """
    if role not in (WEB_ROLE, STATS_ROLE):
        raise ValueError(f"{role} is not a role for an account's work")
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('role'), current_setting('dynamail.account_id', true), "
            "current_setting('dynamail.user_id', true)"
        )
        before = cursor.fetchone()
        _set_local(cursor, role, str(_id_of(account)), str(user_id) if user_id else before[2] or "")
        yield
        _set_local(cursor, before[0], before[1] or "", before[2] or "")


@contextmanager
def user_scope(user_id: int) -> Iterator[None]:
    """Like `account_scope` before an account is chosen: only the user's own memberships are visible."""
    with account_scope(0, user_id=user_id):
        yield


def _set_local(cursor: Any, role: str, account_id: str, user_id: str) -> None:
    cursor.execute(
        "SELECT set_config('role', %s, true), set_config('dynamail.account_id', %s, true), "
        "set_config('dynamail.user_id', %s, true)",
        [role, account_id, user_id],
    )
