"""Which contacts a list shows: filter, order, page by key, count."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Exists,
    F,
    Func,
    JSONField,
    Lookup,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Greatest
from django.db.models.lookups import IContains

from dynamail.consent.models import ConsentState, Subscription
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.models import Contact, ContactAlias, ContactExternalId
from dynamail.events.models import Engagement
from dynamail.lib.keyset import Order, cut_page, read_cursor
from dynamail.lib.sql import SqlFragment

PAGE_SIZE = 50
EXACT_COUNT_LIMIT = 100_000  # beyond it the planner's estimate is shown
SMALL = 20_000  # contacts: an account up to this size is counted at once
LOOKED_AT = 5_000  # contacts in an estimate of a larger one, more or less
SAMPLES = 1_000  # contact.sample is 0…999
LATEST = 2_000  # of those who did something last: a page by activity is looked for among them first
NEVER_ASKED = "none"


@dataclass(frozen=True)
class ContactFilter:
    """What to show; an empty field does not narrow. Plain values, so that a task can carry it."""

    search: str = ""
    tag_id: int | None = None
    topic_id: int | None = None
    topic_state: str = ConsentState.SUBSCRIBED  # or `none`: never asked
    state: str = ""
    source_kind: str = ""
    source_id: str = ""
    attribute_number: int | None = None
    attribute_value: Any = None

    @property
    def is_empty(self) -> bool:
        return self == ContactFilter(topic_state=self.topic_state)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ContactFilter:
        return cls(**data)


ORDERS: dict[str, Order] = {
    "newest": Order((("created_at", DateTimeField()), ("id", UUIDField())), descending=True),
    "email": Order((("email_key", CharField()),)),
    "name": Order((("name", CharField()), ("id", UUIDField()))),
    "active": Order((("active_at", DateTimeField()), ("id", UUIDField())), descending=True),
}
_ORDER_OF_ACTS = Order((("active_at", DateTimeField()), ("contact_id", UUIDField())), descending=True)
_LAST_ACT = Greatest("last_opened_at", "last_clicked_at")
_LIKE_KEYS = re.compile(r'[\d\s":,{}\[\]]{1,6}')
_NEVER = datetime(1, 1, 1, tzinfo=UTC)  # of those who never opened or clicked: they come last


@dataclass(frozen=True)
class ContactPage:
    """One page of a list, and the cursors of its neighbors (empty where there is none)."""

    contacts: Sequence[Contact]
    before: str
    after: str


@dataclass(frozen=True)
class Count:
    number: int
    exact: bool = True


def filter_contacts(
    account_id: int, wanted: ContactFilter, narrowing: SqlFragment | None = None
) -> QuerySet[Contact]:
    """Who matches the filter, and the compiled condition besides: an expression over the alias `contact`."""
    rows = Contact.objects.for_account(account_id)
    if narrowing is not None:
        expression = RawSQL(narrowing.text, narrowing.parameters, output_field=BooleanField())  # noqa: S611 compiled
        rows = rows.filter(expression)
    if wanted.search:
        rows = rows.filter(_match_text(account_id, wanted.search))
    if wanted.tag_id is not None:
        rows = rows.filter(tags__contains=[wanted.tag_id])
    if wanted.topic_id is not None:
        rows = rows.filter(_match_topic(account_id, wanted.topic_id, wanted.topic_state))
    if wanted.attribute_number is not None:
        rows = rows.filter(attributes__contains={str(wanted.attribute_number): wanted.attribute_value})
    for name in ("state", "source_kind", "source_id"):
        if value := getattr(wanted, name):
            rows = rows.filter(**{name: value})
    return rows


def list_page(
    account_id: int,
    wanted: ContactFilter,
    *,
    narrowing: SqlFragment | None = None,
    sort: str = "newest",
    before: str = "",
    after: str = "",
    size: int = PAGE_SIZE,
) -> ContactPage:
    """The page that follows the cursor `after` or precedes `before`, else the first one. A bad cursor is the first page."""
    order = ORDERS.get(sort, ORDERS["newest"])
    rows = filter_contacts(account_id, wanted, narrowing)
    if sort == "active":
        return _list_by_activity(account_id, rows, before, after, size)
    page = cut_page(rows, order, before=before, after=after, size=size)
    return ContactPage(page.rows, page.before, page.after)


def _list_by_activity(
    account_id: int, rows: QuerySet[Contact], before: str, after: str, size: int
) -> ContactPage:
    """Among the next who did something, and among all only where these do not fill a page: sorting a million takes seconds."""
    rows = rows.annotate(active_at=_last_activity(account_id))
    order = ORDERS["active"]
    latest, are_all = _find_latest(account_id, before=before, after=after)
    if latest:
        page = cut_page(rows.filter(id__in=latest), order, before=before, after=after, size=size)
        if are_all or (page.before if before else page.after):  # nobody else could be on it
            return ContactPage(page.rows, page.before, page.after)
    page = cut_page(rows, order, before=before, after=after, size=size)
    return ContactPage(page.rows, page.before, page.after)


def _find_latest(account_id: int, *, before: str, after: str) -> tuple[list[UUID], bool]:
    """Contacts by their last act from the cursor on, in one reading of engagement; and whether these are all in that direction.

    Forward they never are: those who did nothing come last, and before one of these others of them come first.
    """
    start = read_cursor(_ORDER_OF_ACTS, before) if before else None
    if start is not None and start[0] <= _NEVER:
        return [], False
    rows = Engagement.objects.for_account(account_id).annotate(active_at=_LAST_ACT)
    page = cut_page(
        rows.filter(active_at__isnull=False).only("contact_id"),
        _ORDER_OF_ACTS,
        before=before,
        after=after,
        size=LATEST,
    )
    return [row.contact_id for row in page.rows], start is not None and not page.before


def count_contacts(
    account_id: int,
    wanted: ContactFilter,
    *,
    narrowing: SqlFragment | None = None,
    limit: int | None = EXACT_COUNT_LIMIT,
) -> Count:
    """Exact up to the limit, then the planner's estimate. Without a limit, exact whatever it takes."""
    rows = filter_contacts(account_id, wanted, narrowing).order_by()
    if limit is None:
        return Count(rows.count())
    counted = rows[: limit + 1].count()
    if counted <= limit:
        return Count(counted)
    return Count(max(_estimate(rows), limit), exact=False)


def estimate_contacts(
    account_id: int, wanted: ContactFilter, *, narrowing: SqlFragment | None = None
) -> Count:
    """In a few milliseconds: exact in a small account, from a stable share of the contacts in a large one."""
    share = find_share(account_id)
    rows = filter_contacts(account_id, wanted, narrowing).order_by()
    if share == SAMPLES:
        return Count(rows.count())
    found = rows.filter(sample__lt=share).count()
    return Count(found * SAMPLES // share, exact=False)


def find_share(account_id: int) -> int:
    """How many of a thousand samples to look at for an estimate: all of them in a small account."""
    total = _estimate(Contact.objects.for_account(account_id))
    return SAMPLES if total <= SMALL else max(1, min(SAMPLES, -(-SAMPLES * LOOKED_AT // total)))


def _match_text(account_id: int, text: str) -> Q:
    """A whole address is found by its key, also when it was merged away; anything else is looked for inside address, name and values.

    A whole external id finds whom it names too.
    """
    text = text.strip().replace("\x00", "")
    try:
        key = read_address(text).key
    except AddressError:
        inside = Q(email_key__contains=text.lower()) | Q(name__icontains=text) | Q(_match_values(text))
        links = ContactExternalId.objects.for_account(account_id).filter(external_id=text)
        named = links.values_list("contact_id", flat=True).first()
        return inside | Q(id=named) if named else inside
    merged = ContactAlias.objects.for_account(account_id).filter(email_key=key)
    kept = list(
        merged.values_list("contact_id", flat=True)
    )  # beforehand: a sub-select would read the whole table
    return Q(email_key=key) | Q(id__in=kept)


def _match_values(text: str) -> Lookup:
    """In the values as JSON text, so the text is written as JSON writes it.

    The keys are numbers of up to three digits: only for a text that looks like one are they taken out first, which costs as much
    again as the search.
    """
    values: Any = F("attributes")
    if _LIKE_KEYS.fullmatch(text):
        values = Func(values, Value("$.*"), function="jsonb_path_query_array", output_field=JSONField())
    return IContains(Cast(values, TextField()), json.dumps(text, ensure_ascii=False)[1:-1])


def add_last_activity(account_id: int, contacts: Sequence[Contact]) -> None:
    """Put `last_activity` on each: when they last opened or clicked, None for never."""
    known = Engagement.objects.for_account(account_id).filter(contact_id__in=[one.id for one in contacts])
    moments = {row.contact_id: (row.last_opened_at, row.last_clicked_at) for row in known}
    for contact in contacts:
        latest = max(filter(None, moments.get(contact.id, ())), default=None)
        contact.last_activity = latest  # type: ignore[attr-defined]


def _last_activity(account_id: int) -> Coalesce:
    """When somebody last opened or clicked."""
    known = Engagement.objects.for_account(account_id).filter(contact_id=OuterRef("id"))
    latest = known.values(latest=_LAST_ACT)
    return Coalesce(Subquery(latest), Value(_NEVER), output_field=DateTimeField())


def _match_topic(account_id: int, topic_id: int, state: str) -> Q | Exists:
    asked = Subscription.objects.for_account(account_id).filter(topic_id=topic_id, contact_id=OuterRef("id"))
    return Q(~Exists(asked)) if state == NEVER_ASKED else Q(Exists(asked.filter(state=state)))


def _estimate(rows: QuerySet[Contact]) -> int:
    statement, parameters = rows.values("id").query.sql_with_params()
    with connections["default"].cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return int(plan[0]["Plan"]["Plan Rows"])
