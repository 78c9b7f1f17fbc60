"""The list of suppressions as an object: found, counted, added to, lifted, given an end.

Who may lift what: a suppression by a member or for a bounce is lifted freely. An unsubscribe and a complaint are the person's own
word: taking it back asks for its name, so that nobody does it in passing. What an erasure left is never lifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connections, transaction
from django.db.models import BinaryField, CharField, DateTimeField, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.audit import Actor, record_audit
from dynamail.consent.address_hash import hash_address
from dynamail.consent.mass_suppressing import NewSuppression, SuppressionSource, suppress_addresses
from dynamail.consent.models import Suppression, SuppressionReason
from dynamail.consent.suppressing import ALL, MARKETING, lift_suppression, mirror_on_contact
from dynamail.lib.keyset import KeysetPage, Order, cut_page
from dynamail.lib.sql import load_sql
from dynamail.protocols.address import AddressError, parse_address

PAGE_SIZE = 50
MAX_AT_ONCE = 1_000  # addresses in one act of a person or a program; more come as a file
FREELY_LIFTED = (SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE)
OWN_WORD: dict[str, Promise] = {
    SuppressionReason.UNSUBSCRIBE: gettext_lazy("The person unsubscribed."),
    SuppressionReason.COMPLAINT: gettext_lazy("The person marked mail as spam."),
}
# What a member, a program or a file may state; `erasure` is only ever made by an erasure.
STATED_REASONS = tuple(reason for reason in SuppressionReason if reason != SuppressionReason.ERASURE)
# How widely each reaches when nothing else says so. A complaint from elsewhere may have been about anything.
USUAL_SCOPE: dict[str, str] = {
    SuppressionReason.UNSUBSCRIBE: MARKETING,
    SuppressionReason.HARD_BOUNCE: ALL,
    SuppressionReason.COMPLAINT: ALL,
    SuppressionReason.MANUAL: ALL,
}
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # what claims to be older is a mistake in the data
LONGEST = timedelta(days=36_525)  # an end later than in a century is none
ORDER = Order(
    (("at", DateTimeField()), ("address_hash", BinaryField()), ("scope", CharField())), descending=True
)
IN_FORCE, ENDED, EITHER = "in_force", "ended", "any"


class SuppressionError(ValueError):
    """The change is not possible; the text says why. `code`: erased, own_word, past, far, changed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class SuppressionFilter:
    """What to show; an empty field does not narrow."""

    search: str = ""  # an address or a part of one
    reason: str = ""
    scope: str = ""
    state: str = IN_FORCE
    source_id: str = ""


@dataclass(frozen=True)
class Tally:
    """How many suppressions share these three."""

    reason: str
    scope: str
    has_ended: bool
    count: int


def filter_suppressions(
    account_id: int, wanted: SuppressionFilter, *, now: datetime
) -> QuerySet[Suppression]:
    rows = Suppression.objects.for_account(account_id)
    if text := wanted.search.strip().replace("\x00", ""):
        rows = rows.filter(_match_address(account_id, text))
    for name in ("reason", "scope", "source_id"):
        if value := getattr(wanted, name):
            rows = rows.filter(**{name: value})
    if wanted.state == IN_FORCE:
        rows = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    elif wanted.state == ENDED:
        rows = rows.filter(expires_at__lte=now)
    return rows


def list_suppressions(
    account_id: int,
    wanted: SuppressionFilter,
    *,
    now: datetime,
    before: str = "",
    after: str = "",
    size: int = PAGE_SIZE,
) -> KeysetPage[Suppression]:
    """Newest first, one page."""
    rows = filter_suppressions(account_id, wanted, now=now)
    return cut_page(rows, ORDER, before=before, after=after, size=size)


def count_suppressions(account_id: int, *, now: datetime) -> list[Tally]:
    """The whole list in numbers."""
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("consent", "count_suppressions"), {"account_id": account_id, "now": now})
        return [Tally(*row) for row in cursor.fetchall()]


def find_suppressions(account_id: int, address_hash: bytes) -> list[Suppression]:
    """All that is known about one address, the widest scope first; also what has ended."""
    rows = Suppression.objects.for_account(account_id).filter(address_hash=address_hash)
    return list(rows.order_by("scope"))  # "all" comes before "marketing"


def find_suppressions_of(account_id: int, email_key: str) -> list[Suppression]:
    return find_suppressions(account_id, hash_address(account_id, email_key))


@transaction.atomic
def add_suppressions(
    account_id: int,
    rows: Sequence[NewSuppression],
    *,
    source: SuppressionSource,
    by: Actor,
    now: datetime,
) -> list[bool]:
    """Suppress addresses by hand or by a program. Says of each whether that is new; what stood already stays as it is."""
    with connections["default"].cursor() as cursor:
        added = suppress_addresses(cursor, account_id, rows, source=source, now=now)
    if any(added):
        reasons = sorted({str(row.reason) for row, is_new in zip(rows, added, strict=True) if is_new})
        record_audit(account_id, by=by, action="address.suppressed", addresses=sum(added), reason=reasons)
    return added


@transaction.atomic
def lift(row: Suppression, *, confirmed: str = "", by: Actor, now: datetime) -> None:
    """Allow mail again, as far as this suppression forbade it. `confirmed` names the reason where it is the person's own word.

    Raises SuppressionError.
    """
    _check_may_end(row, confirmed, now)
    lifted = lift_suppression(row.account_id, row.email, scope=row.scope, reason=row.reason, by=by, now=now)
    if not lifted:
        raise _changed_meanwhile()


@transaction.atomic
def change_expiry(
    row: Suppression, expires_at: datetime | None, *, confirmed: str = "", by: Actor, now: datetime
) -> None:
    """Give a suppression an end, another end, or none. An earlier end is a lifting, and asks for the same. Raises SuppressionError."""
    if expires_at is not None and expires_at <= now:
        raise SuppressionError("past", _("The end must be in the future. To end it now, lift it."))
    if expires_at is not None and expires_at > now + LONGEST:
        raise SuppressionError(
            "far", _("The end is more than a century away. Leave it out to suppress forever.")
        )
    if expires_at is not None and (row.expires_at is None or expires_at < row.expires_at):
        _check_may_end(row, confirmed, now)
    changed = (
        Suppression.objects.for_account(row.account_id)
        .filter(address_hash=row.address_hash, scope=row.scope, reason=row.reason)
        .update(expires_at=expires_at)
    )
    if not changed:
        raise _changed_meanwhile()
    if row.scope == ALL and not row.is_in_force(now=now):
        mirror_on_contact(row.account_id, row.email, row.scope, now)
    ends = expires_at.isoformat(timespec="minutes") if expires_at else "never"
    record_audit(
        row.account_id, by=by, action="suppression.changed", scope=row.scope, reason=row.reason, ends=ends
    )
    row.expires_at = expires_at


def may_be_lifted(row: Suppression) -> bool:
    return not row.is_erased


def is_own_word(row: Suppression) -> bool:
    """Must lifting it be confirmed by name?"""
    return row.reason in OWN_WORD


def sum_tallies(tallies: Iterable[Tally], *, reason: str = "", scope: str = "", state: str = IN_FORCE) -> int:
    """How many suppressions a filter of these three finds."""
    return sum(
        one.count
        for one in tallies
        if (not reason or one.reason == reason)
        and (not scope or one.scope == scope)
        and (state == EITHER or one.has_ended == (state == ENDED))
    )


def _match_address(account_id: int, text: str) -> Q:
    """A whole address is found by its hash, also after an erasure; anything else is looked for inside the addresses."""
    try:
        return Q(address_hash=hash_address(account_id, parse_address(text).key))
    except AddressError:
        return Q(email__contains=text.lower())


def _check_may_end(row: Suppression, confirmed: str, now: datetime) -> None:
    if not may_be_lifted(row):
        raise SuppressionError(
            "erased", _("This person was erased; the suppression that is left of them is never lifted.")
        )
    if is_own_word(row) and row.is_in_force(now=now) and confirmed != row.reason:
        raise SuppressionError(
            "own_word",
            _("%(what)s Lift this only when they ask for it, and confirm that they did.")
            % {"what": OWN_WORD[row.reason]},
        )


def _changed_meanwhile() -> SuppressionError:
    return SuppressionError("changed", _("This suppression was changed meanwhile. Look at it again."))
