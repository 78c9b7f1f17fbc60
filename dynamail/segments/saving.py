"""Making, changing and putting away segments. Every verb checks the condition against what the account has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connections, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import AuditEntry, User
from dynamail.conditions.catalog import Catalog
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.printing import to_json
from dynamail.conditions.tree import Condition
from dynamail.lib.ids import UnknownId, new_id, to_public_id
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.checking import check_new
from dynamail.segments.errors import SegmentChanged, SegmentError, SegmentInUse
from dynamail.segments.models import Segment
from dynamail.segments.nesting import MAX_NESTED, Nesting, read_nesting
from dynamail.segments.queueing import queue_count, queue_refresh
from dynamail.segments.usage import Use, find_uses

MAX_SEGMENTS = 1_000  # per account, without archived ones
MAX_NAME, MAX_DESCRIPTION = 150, 500  # characters
DEFINITIONS_LOCK = 7_301_002  # advisory lock, with the account: two saves cannot close a circle together
NEVER_BUILT = 0


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def find_segment(account_id: int, public_id: str) -> Segment | None:
    """By its public id, archived or not."""
    try:
        uid = Segment.uid_from(public_id)
    except UnknownId:
        return None
    return Segment.objects.for_account(account_id).filter(uid=uid).select_related("created_by").first()


def list_segments(account_id: int, *, search: str = "", archived: bool = False) -> QuerySet[Segment]:
    """By name; `archived` lists those that were put away instead."""
    rows = Segment.objects.for_account(account_id).filter(archived_at__isnull=not archived)
    if search := search.replace("\x00", "").strip():
        rows = rows.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return rows.order_by("name", "pk")


def read_definition(segment: Segment) -> Condition:
    """The condition of a stored segment. Raises ConditionFault when the row holds none."""
    return parse_condition(segment.definition)


# ── Making and changing ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def create_segment(
    account_id: int,
    *,
    name: str,
    definition: Any,
    description: str = "",
    keeps_members: bool = True,
    by: Actor,
    now: datetime,
) -> Segment:
    """A new segment; its members are looked for in the background. Raises SegmentError, ConditionFault."""
    _lock_definitions(account_id)
    fields = {"name": name, "description": description, "keeps_members": keeps_members}
    values = {**_clean(**fields), "definition": _normalize(definition)}
    segment = _add(account_id, values, by=by, now=now)
    record_audit(account_id, by=by, action="segment.created", subject=segment, name=segment.name)
    return segment


@transaction.atomic
def change_segment(
    segment: Segment,
    *,
    version: int | None = None,
    name: str | None = None,
    definition: Any = None,
    description: str | None = None,
    keeps_members: bool | None = None,
    by: Actor,
    now: datetime,
) -> Segment:
    """Write what is given (not None) and differs, and return the row. Raises SegmentChanged, SegmentError, ConditionFault.

    With a `version` it is changed only as the caller saw it. A changed definition makes the kept members be looked for anew, here
    and in the segments that contain this one, without an event for each who joins or leaves by that.
    """
    account_id = segment.account_id
    _lock_definitions(account_id)
    before = Segment.objects.for_account(account_id).get(pk=segment.pk)
    _check_version(before, version)
    if before.archived_at is not None:
        raise SegmentError("archived", _("This segment is archived. Restore it to change it."))
    wanted = _clean(name=name, definition=definition, description=description, keeps_members=keeps_members)
    values = {field: value for field, value in wanted.items() if value != getattr(before, field)}
    if not values:
        return before
    outdated: set[str] = set()
    if "definition" in values:
        nesting = _check_definition(account_id, before.public_id, values["definition"])
        outdated = nesting.list_users(before.public_id)
    after = _write(before, values, outdated, now)
    record_audit(
        account_id, by=by, action="segment.changed", subject=after, name=after.name, fields=sorted(values)
    )
    return after


@transaction.atomic
def duplicate_segment(segment: Segment, *, name: str = "", by: Actor, now: datetime) -> Segment:
    """The same question under another name, by default “Copy of …”. Raises SegmentError, ConditionFault."""
    account_id = segment.account_id
    _lock_definitions(account_id)
    name = name or _find_free_name(account_id, _("Copy of %(name)s") % {"name": segment.name})
    values = _clean(
        name=name,
        definition=segment.definition,
        description=segment.description,
        keeps_members=segment.keeps_members,
    )
    copy = _add(account_id, values, by=by, now=now)
    record_audit(
        account_id, by=by, action="segment.duplicated", subject=copy, name=name, source=segment.public_id
    )
    return copy


# ── The archive ──────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def archive_segment(segment: Segment, *, other_uses: Sequence[Use] = (), by: Actor, now: datetime) -> None:
    """Put it away; its kept members are forgotten, its history stays. Twice is once.

    Raises SegmentInUse while another segment contains it, or one of `other_uses` (what callers above found) does.
    """
    _lock_definitions(segment.account_id)
    if uses := [*find_uses(segment.account_id, "segment", segment.public_id), *other_uses]:
        raise SegmentInUse(uses)
    rows = Segment.objects.for_account(segment.account_id).filter(pk=segment.pk, archived_at=None)
    if not rows.update(archived_at=now, updated_at=now, members_version=NEVER_BUILT, next_refresh_at=None):
        return
    segment.archived_at = now
    queue_refresh(segment.account_id, segment.pk)
    record_audit(segment.account_id, by=by, action="segment.archived", subject=segment, name=segment.name)


@transaction.atomic
def restore_segment(segment: Segment, *, by: Actor, now: datetime) -> Segment:
    """Take it out of the archive; its members are looked for anew. Raises SegmentError, ConditionFault."""
    account_id = segment.account_id
    _lock_definitions(account_id)
    _check_room(account_id)
    _check_definition(account_id, segment.public_id, segment.definition)
    rows = Segment.objects.for_account(account_id).filter(pk=segment.pk)
    restored = _guard_name(
        segment.name,
        lambda: rows.exclude(archived_at=None).update(archived_at=None, updated_at=now, next_refresh_at=now),
    )
    if restored:
        _queue_work(rows.get())
        record_audit(account_id, by=by, action="segment.restored", subject=segment, name=segment.name)
    return rows.get()


# ── The pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _clean(**values: Any) -> dict[str, Any]:
    """Fields that were given, as they are stored. Raises SegmentError, ConditionFault."""
    cleaners: dict[str, Callable[[Any], Any]] = {
        "name": _clean_name,
        "definition": _normalize,
        "description": _clean_description,
        "keeps_members": bool,
    }
    return {field: cleaners[field](value) for field, value in values.items() if value is not None}


def _add(account_id: int, values: dict[str, Any], *, by: Actor, now: datetime) -> Segment:
    _check_room(account_id)
    uid = new_id(now)
    _check_definition(account_id, to_public_id(Segment.public_prefix, uid), values["definition"])
    segment: Segment = _guard_name(
        values["name"],
        lambda: Segment.objects.add(
            account_id,
            uid=uid,
            created_at=now,
            next_refresh_at=now,
            updated_at=now,
            created_by=by if isinstance(by, User) else getattr(by, "user", None),
            **values,
        ),
    )
    _queue_work(segment)
    return segment


def _write(before: Segment, values: dict[str, Any], outdated: Iterable[str], now: datetime) -> Segment:
    """Lock in one order with whoever keeps members, write, and have everything looked at that depends on it."""
    rows = Segment.objects.for_account(before.account_id)
    users = [Segment.uid_from(public_id) for public_id in outdated]
    touched = rows.filter(Q(pk=before.pk) | Q(uid__in=users)).order_by("pk")
    locked = list(touched.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    if values.keys() & {"definition", "keeps_members"}:
        kept: Any = NEVER_BUILT
        values = {**values, "next_refresh_at": now, "problem": ""}
    else:
        # Members of the version before are members of this one: nothing that decides changed.
        kept = Case(When(members_version=F("version"), then=F("version") + 1), default=Value(NEVER_BUILT))
    _guard_name(
        values.get("name", before.name),
        lambda: rows.filter(pk=before.pk).update(
            **values, members_version=kept, version=F("version") + 1, updated_at=now
        ),
    )
    rows.filter(uid__in=users).update(members_version=NEVER_BUILT, next_refresh_at=now)
    after = rows.select_related("created_by").get(pk=before.pk)
    if kept == NEVER_BUILT:
        _queue_work(after)
    for pk in set(locked) - {before.pk}:
        queue_refresh(before.account_id, pk)
    return after


def _queue_work(segment: Segment) -> None:
    queue_count(segment.account_id, segment.pk)
    queue_refresh(segment.account_id, segment.pk)


def _lock_definitions(account_id: int) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [DEFINITIONS_LOCK, account_id % 2**31])


def _check_version(before: Segment, version: int | None) -> None:
    if version is None or version == before.version:
        return
    last = (
        AuditEntry.objects.for_account(before.account_id)
        .filter(subject_kind="segment", subject_id=before.public_id)
        .order_by("-at", "-pk")
        .first()
    )
    raise SegmentChanged(saved_version=before.version, by=last.actor_name if last else "")


def _check_room(account_id: int) -> None:
    if Segment.objects.for_account(account_id).filter(archived_at=None).count() >= MAX_SEGMENTS:
        text = _("An account has up to %(limit)s segments. Archive one that is no longer needed.")
        raise SegmentError("too_many", text % {"limit": MAX_SEGMENTS})


def _normalize(definition: Any) -> dict[str, Any]:
    """Raises ConditionFault."""
    return dict(to_json(parse_condition(definition)))


def _check_definition(account_id: int, public_id: str, document: Any) -> Nesting:
    """Everything named exists and fits, and segments lie in each other in no circle. Raises ConditionFault, SegmentError."""
    catalog = load_catalog(account_id)
    condition = parse_condition(document)
    nesting = read_nesting(catalog, put=(public_id, condition))
    names = _name_segments(catalog, public_id)
    if cycle := nesting.find_cycle(public_id):
        text = _("A segment cannot contain itself: %(path)s.")
        raise SegmentError("cycle", text % {"path": " → ".join(map(names, cycle))})
    if faults := check_new(condition, catalog):
        raise ConditionFault(faults)
    _check_depth(nesting, public_id, names)
    return nesting


def _check_depth(nesting: Nesting, public_id: str, names: Any) -> None:
    chains = [nesting.find_longest(outer) for outer in (public_id, *nesting.list_users(public_id))]
    longest = max(chains, key=len)
    if len(longest) > MAX_NESTED:
        text = _("Segments may lie %(limit)s deep in each other; this would be %(depth)s: %(path)s.")
        path = " → ".join(map(names, longest))
        raise SegmentError("too_deep", text % {"limit": MAX_NESTED, "depth": len(longest), "path": path})


def _name_segments(catalog: Catalog, own: str) -> Any:
    def name(public_id: str) -> str:
        known = catalog.segments.get(public_id)
        return f"“{known.name}”" if known else _("this segment") if public_id == own else public_id

    return name


def _guard_name(name: str, write: Any) -> Any:
    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        text = _("There is a segment called “%(name)s” already. Choose another name.")
        raise SegmentError("name_taken", text % {"name": name}) from None


def _find_free_name(account_id: int, wanted: str) -> str:
    taken = set(list_segments(account_id).values_list("name", flat=True))
    stem = wanted[: MAX_NAME - 5]
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem} {number}", number + 1
    return name


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())[:MAX_NAME].strip()
    if not cleaned:
        raise SegmentError("name_missing", _("Give the segment a name."))
    return cleaned


def _clean_description(text: str) -> str:
    return text.replace("\x00", "").strip()[:MAX_DESCRIPTION]
