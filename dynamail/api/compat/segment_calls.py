"""What calls in Segment's shape come to: contacts that are identified, events that are tracked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from dynamail.accounts.zones import find_zone, list_zone_names
from dynamail.api.auth import Caller
from dynamail.api.contact_shapes import Catalog, find_source, load_catalog
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.given_values import read_given
from dynamail.contacts.models import Attribute, ContactState
from dynamail.contacts.own_events import NewOwnEvent, record_own_events
from dynamail.contacts.upserting import ContactChanges
from dynamail.contacts.upserting_many import Wish, find_contacts_by_keys, upsert_contacts
from dynamail.contacts.values import Value, ValueProblem

IGNORED_TYPES = ("page", "screen", "group", "alias")
NAME_TRAITS = frozenset(("email", "name", "firstName", "first_name", "lastName", "last_name"))
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Call(msgspec.Struct, rename="camel"):
    """One call, as the specification has it. What is not named here is not read."""

    type: str = ""
    user_id: str | int | None = None
    message_id: str | None = None
    timestamp: str | None = None
    event: str | None = None
    traits: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class Ignored(msgspec.Struct, frozen=True, rename="camel"):
    """What of a call was left out; `index` is its place in the batch."""

    index: int
    message_id: str
    field: str
    reason: str


def take_calls(caller: Caller, calls: Sequence[tuple[int, Call]]) -> tuple[int, list[Ignored]]:
    """How many had an effect, and what was left out. People are identified before events are told of them."""
    taken = _Taking(caller)
    taken.identify([(index, call) for index, call in calls if call.type == "identify"])
    taken.track([(index, call) for index, call in calls if call.type == "track"])
    for index, call in calls:
        if call.type not in ("identify", "track"):
            reason = "has no use here" if call.type in IGNORED_TYPES else "is no type of call"
            taken.ignore(index, call, "type", reason)
    return taken.accepted, taken.ignored


class _Taking:
    """Calls of one request on their way."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.catalog: Catalog = load_catalog(caller)
        self.accepted = 0
        self.ignored: list[Ignored] = []

    def ignore(self, index: int, call: Call, field: str, reason: str) -> None:
        self.ignored.append(Ignored(index, (call.message_id or "")[:200], field[:200], reason))

    def identify(self, calls: Sequence[tuple[int, Call]]) -> None:
        """Make or change the contacts. That subscribes them to nothing."""
        caller = self.caller
        named = []
        for index, call in calls:
            if email := find_email(call):
                named.append((index, call, read_address(email)))
            else:
                self.ignore(index, call, "userId", "is no email address, and traits have none")
        known = find_contacts_by_keys(caller.account_id, {address.key for _index, _call, address in named})
        wishes = []
        for index, call, address in named:
            contact = known.get(address.key)
            if contact is not None and contact.state == ContactState.RESTRICTED:
                self.ignore(index, call, "userId", "is of a contact who asked to be left alone")
            else:
                wishes.append(Wish(address, self._read_changes(index, call)))
        upsert_contacts(caller.account_id, wishes, source=find_source(caller), by=caller.key, now=caller.now)
        self.accepted += len(wishes)

    def track(self, calls: Sequence[tuple[int, Call]]) -> None:
        """Keep own events of contacts, who are made where they are missing. The same `messageId` is the same event."""
        events, places = [], []
        for index, call in calls:
            at = read_moment(call.timestamp)
            if call.timestamp and at is None:
                self.ignore(index, call, "timestamp", "is no time in ISO 8601")
                continue
            email = find_email(call)
            if not email:
                self.ignore(index, call, "userId", "is no email address, and traits have none")
                continue
            places.append((index, call))
            events.append(
                NewOwnEvent(
                    name=call.event or "",
                    email=email,
                    at=at,
                    properties=call.properties or {},
                    event_id=call.message_id or "",
                    create_contact=True,
                )
            )
        self._record(places, events)

    def _record(self, places: Sequence[tuple[int, Call]], events: Sequence[NewOwnEvent]) -> None:
        caller = self.caller
        if not events:
            return
        results = record_own_events(
            caller.account_id,
            events,
            source_kind="api",
            by=caller.key,
            now=caller.now,
            source=find_source(caller),
        )
        for (index, call), result in zip(places, results, strict=True):
            if result.fault is None:
                self.accepted += 1
            else:
                field = "event" if result.fault.field == "name" else result.fault.field
                self.ignore(index, call, field, str(result.fault))

    def _read_changes(self, index: int, call: Call) -> ContactChanges:
        traits = call.traits or {}
        values: dict[int, Value | None] = {}
        known = {attribute.key: attribute for attribute in self.catalog.attributes}
        for trait, value in traits.items():
            attribute = known.get(trait) or known.get(to_key(trait))
            if attribute is None:
                if trait not in NAME_TRAITS:
                    self.ignore(index, call, f"traits.{trait}", "is no attribute of this account")
                continue
            try:
                values[attribute.number] = _read_trait(attribute, value, self.catalog.timezone)
            except ValueProblem as problem:
                self.ignore(index, call, f"traits.{trait}", str(problem))
        zone = (call.context or {}).get("timezone")
        return ContactChanges(
            name=find_name(traits),
            timezone=zone if isinstance(zone, str) and zone in list_zone_names() else None,
            attributes=values,
        )


def find_email(call: Call) -> str:
    """Of the traits, or a `userId` that is one; empty for none."""
    context_traits = (call.context or {}).get("traits")
    for said in _iter_candidates(call, context_traits if isinstance(context_traits, dict) else {}):
        if isinstance(said, str) and "@" in said:
            try:
                return read_address(said).email
            except AddressError:
                continue
    return ""


def _iter_candidates(call: Call, context_traits: Mapping[str, Any]) -> Iterator[object]:
    yield (call.traits or {}).get("email")
    yield context_traits.get("email")
    yield call.user_id


def find_name(traits: Mapping[str, Any]) -> str | None:
    """None where the traits say nothing."""
    if isinstance(name := traits.get("name"), str) and name.strip():
        return name
    parts = [
        traits.get("firstName") or traits.get("first_name"),
        traits.get("lastName") or traits.get("last_name"),
    ]
    return " ".join(part for part in parts if isinstance(part, str)).strip() or None


def to_key(trait: str) -> str:
    """`postalCode` and `Postal Code` as an attribute's key would have them: `postal_code`."""
    return re.sub(r"[^a-z0-9]+", "_", _HUMP.sub("_", trait).lower()).strip("_")


def read_moment(text: str | None) -> datetime | None:
    """In UTC where the text names no offset."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_trait(attribute: Attribute, value: object, zone: str) -> Value | None:
    """Numbers and yes or no are text where the attribute is. Raises ValueProblem."""
    if attribute.type in (Attribute.Type.TEXT, Attribute.Type.CHOICE):
        value = str(value).lower() if isinstance(value, bool) else value
        value = str(value) if isinstance(value, int | float) else value
    return read_given(attribute, value, zone=find_zone(zone))
