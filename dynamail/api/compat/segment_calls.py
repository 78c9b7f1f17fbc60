"""What calls in Segment's shape come to: contacts that are identified, events that are tracked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from dynamail.accounts.zones import find_zone, list_zone_names
from dynamail.api.auth import Caller
from dynamail.api.compat.segment_people import People, Person, find_people, read_external_id
from dynamail.api.contact_shapes import Catalog, find_source, load_catalog
from dynamail.contacts.addressing import AddressError, ContactAddress, read_address
from dynamail.contacts.external_ids import BadExternalId
from dynamail.contacts.given_values import read_given
from dynamail.contacts.models import Attribute
from dynamail.contacts.own_events import NewOwnEvent, record_own_events
from dynamail.contacts.upserting import ContactChanges
from dynamail.contacts.values import Value, ValueProblem

USED_TYPES = ("identify", "alias", "track")
IGNORED_TYPES = ("page", "screen", "group")
NAME_TRAITS = frozenset(("email", "name", "firstName", "first_name", "lastName", "last_name"))
_FIELDS = {"name": "event", "contact": "userId"}  # of an own event, as Segment calls them
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Call(msgspec.Struct, rename="camel"):
    """One call, as the specification has it. What is not named here is not read."""

    type: str = ""
    user_id: str | int | None = None
    previous_id: str | int | None = None
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
    taken.take(calls)
    return taken.accepted, taken.ignored


@dataclass(slots=True)
class _Named:
    """A call, and how it names a person."""

    index: int
    call: Call
    address: ContactAddress | None
    external_id: str = ""
    previous_id: str = ""
    previous_key: str = ""
    fault: tuple[str, str] | None = None  # of an id: its field, and what is wrong with it


class _Taking:
    """Calls of one request on their way."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.catalog: Catalog = load_catalog(caller)
        self.people = People()
        self.accepted = 0
        self.ignored: list[Ignored] = []

    def ignore(self, index: int, call: Call, field: str, reason: str) -> None:
        self.ignored.append(Ignored(index, (call.message_id or "")[:200], field[:200], reason))

    def take(self, calls: Sequence[tuple[int, Call]]) -> None:
        """In their order: an event is of whom its id names then, or comes to name in the same request."""
        named = [_name_person(index, call) for index, call in calls if call.type in USED_TYPES]
        self.people = find_people(
            self.caller.account_id,
            {text for one in named for text in (one.external_id, one.previous_id) if text},
            {one.address.key for one in named if one.address} | {one.previous_key for one in named} - {""},
        )
        events: list[tuple[_Named, Person | None]] = []
        links: dict[str, _Named] = {}
        for one in named:
            if one.fault is not None:
                self.ignore(one.index, one.call, *one.fault)
            match one.call.type:
                case "identify":
                    self._identify(one)
                    links[one.external_id] = one
                case "alias":
                    self._alias(one)
                    links[one.external_id] = one
                case "track":
                    events.append((one, self.people.by_external_id.get(one.external_id)))
        for external_id in self.people.write(self.caller):
            one = links[external_id]
            self.ignore(one.index, one.call, "userId", "is one too many for this contact")
        self._track(events)
        for index, call in calls:
            if call.type not in USED_TYPES:
                reason = "has no use here" if call.type in IGNORED_TYPES else "is no type of call"
                self.ignore(index, call, "type", reason)

    def _identify(self, one: _Named) -> None:
        """Make or change the contact. That subscribes them to nothing."""
        person = self.people.meet(one.external_id, one.address)
        if person is None:
            if one.fault is None:
                self.ignore(one.index, one.call, "userId", "names nobody here yet, and traits have no email")
        elif person.is_restricted:
            self.ignore(one.index, one.call, "userId", "is of a contact who asked to be left alone")
        else:
            self.people.wishes.append((person, self._read_changes(one.index, one.call)))
            self.accepted += 1

    def _alias(self, one: _Named) -> None:
        """The new id names whom the previous one names. An id that nobody has is not kept: it may be a visitor's."""
        people = self.people
        person = people.by_external_id.get(one.previous_id) or people.by_key.get(one.previous_key)
        holder = people.by_external_id.get(one.external_id)
        if one.fault is not None:
            return
        if not one.external_id:
            self.ignore(one.index, one.call, "userId", "is no id that could be linked")
        elif person is None:
            self.ignore(one.index, one.call, "previousId", "names nobody here")
        elif person.is_restricted:
            self.ignore(one.index, one.call, "previousId", "is of a contact who asked to be left alone")
        elif holder is not None and holder is not person:
            self.ignore(one.index, one.call, "userId", "names another contact: merge the two")
        else:
            if holder is None:
                people.link(one.external_id, person)
            self.accepted += 1

    def _track(self, calls: Sequence[tuple[_Named, Person | None]]) -> None:
        """Keep own events of contacts; who is named by address is made where missing. The same `messageId` is the same event."""
        events, places = [], []
        for one, person in calls:
            index, call = one.index, one.call
            at = read_moment(call.timestamp)
            if call.timestamp and at is None:
                self.ignore(index, call, "timestamp", "is no time in ISO 8601")
                continue
            known = person or self.people.by_external_id.get(one.external_id)
            contact = known.contact if known else None
            if contact is None and one.address is None:
                if one.fault is None:
                    self.ignore(index, call, "userId", "names nobody here: identify them with an email first")
                continue
            places.append((index, call))
            events.append(
                NewOwnEvent(
                    name=call.event or "",
                    email=one.address.email if one.address and contact is None else "",
                    contact_id=contact.id if contact else None,
                    at=at,
                    properties=call.properties or {},
                    event_id=call.message_id or "",
                    create_contact=contact is None,
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
                field = _FIELDS.get(result.fault.field, result.fault.field)
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


def _name_person(index: int, call: Call) -> _Named:
    """`anonymousId` is not among it: whoever has no address here gets no mail, so nothing of a visitor is needed."""
    named = _Named(index, call, find_address(call))
    try:
        named.external_id = read_external_id(call.user_id)
    except BadExternalId as error:
        named.fault = ("userId", str(error))
    if call.type == "alias" and call.previous_id is not None:
        try:
            named.previous_id = read_external_id(call.previous_id)
            named.previous_key = "" if named.previous_id else read_address(str(call.previous_id)).key
        except (BadExternalId, AddressError) as error:
            named.fault = ("previousId", str(error))
    return named


def find_address(call: Call) -> ContactAddress | None:
    """Of the traits, or a `userId` that is one."""
    context_traits = (call.context or {}).get("traits")
    for said in _iter_candidates(call, context_traits if isinstance(context_traits, dict) else {}):
        if isinstance(said, str) and "@" in said:
            try:
                return read_address(said)
            except AddressError:
                continue
    return None


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
