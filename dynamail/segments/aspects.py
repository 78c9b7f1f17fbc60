"""What a condition depends on, and what an event changes: where both meet, members are looked at again.

Pure. An aspect is a short text: `attribute:city`, `tags`, `topics`, `opened`, `event:order.placed`, … What no event tells (the passing
of time, mail that went out, an import without an event for each person) is found when a segment is refreshed as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.referring import References, find_references
from dynamail.conditions.tree import Act, Condition
from dynamail.events.kinds import EventKind
from dynamail.events.tailing import LoggedEvent
from dynamail.segments.nesting import iter_nested

Aspects = frozenset[str]
EVERYTHING = "everything"  # an event after which anything may be different
PROFILE, TAGS, TOPICS, STANDING = "profile", "tags", "topics", "standing"
SENDING = "sending"  # mail that went out: no event tells of each
LAST_CAMPAIGNS = "last_campaigns"  # of a topic, or at all: each launch makes them others
NOTHING: Aspects = frozenset()
_SENT = frozenset({Act.SENT, Act.RECEIVED})
_SCORED = frozenset({Act.OPENED, Act.CLICKED})

# Facts about one contact.
_BY_KIND: Mapping[str, Aspects] = {
    EventKind.CONTACT_CREATED: frozenset({EVERYTHING}),
    EventKind.CONTACT_MERGED: frozenset({EVERYTHING}),
    EventKind.CONTACT_DELETED: frozenset({EVERYTHING}),
    EventKind.CONTACT_TAGGED: frozenset({TAGS}),
    EventKind.CONTACT_UNTAGGED: frozenset({TAGS}),
    EventKind.CONTACT_SUBSCRIBED: frozenset({TOPICS}),
    EventKind.CONTACT_UNSUBSCRIBED: frozenset({TOPICS}),
    EventKind.CONTACT_SUPPRESSED: frozenset({STANDING}),
    EventKind.MESSAGE_OPENED: frozenset({Act.OPENED.value}),
    EventKind.MESSAGE_CLICKED: frozenset({Act.CLICKED.value, Act.OPENED.value}),
    EventKind.MESSAGE_BOUNCED: frozenset({Act.BOUNCED.value, Act.RECEIVED.value, SENDING, STANDING}),
    EventKind.MESSAGE_COMPLAINED: frozenset({Act.COMPLAINED.value, STANDING}),
    EventKind.MESSAGE_REPLIED: frozenset({Act.REPLIED.value}),
}
# Facts after which everybody has to be looked at.
_WHOLE_BY_KIND: Mapping[str, Aspects] = {
    EventKind.CONTACTS_IMPORTED: frozenset({EVERYTHING}),
    EventKind.CAMPAIGN_LAUNCHED: frozenset({LAST_CAMPAIGNS}),
    EventKind.CAMPAIGN_PAUSED: frozenset({SENDING}),
    EventKind.CAMPAIGN_CANCELED: frozenset({SENDING}),
    EventKind.CAMPAIGN_FINISHED: frozenset({SENDING}),
}


def find_aspects(condition: Condition, catalog: Catalog) -> Aspects:
    """Of a condition with all segments in it."""
    parts = iter_nested(condition, catalog)
    return frozenset(aspect for part in parts for aspect in _list_aspects(find_references(part)))


def changes_unheard(condition: Condition, catalog: Catalog) -> bool:
    """Do its members change in the course of a day without an event that says so?"""
    parts = iter_nested(condition, catalog)
    return SENDING in find_aspects(condition, catalog) or any(
        find_references(part).depends_on_time for part in parts
    )


def name_changed(event: LoggedEvent, keys: Mapping[int, str]) -> Aspects:
    """What a fact about one contact may have changed; `keys` are those of attributes by number."""
    if event.kind == EventKind.CONTACT_UPDATED:
        return _name_fields(event.data.get("fields"), keys)
    return _BY_KIND.get(event.kind, NOTHING)


def name_changed_for_all(event: LoggedEvent) -> Aspects:
    """What a fact about no contact in particular may have changed for many."""
    return _WHOLE_BY_KIND.get(event.kind, NOTHING)


def do_meet(changed: Aspects, asked: Aspects) -> bool:
    return EVERYTHING in changed or not changed.isdisjoint(asked)


def name_event(name: str) -> str:
    """The aspect of an account's own events."""
    return f"event:{name}"


def _name_fields(fields: object, keys: Mapping[int, str]) -> Aspects:
    """`attribute:<number>`, `tags`, `email`, …: what contacts/editing.py names. Nothing named: anything."""
    if not isinstance(fields, list) or not fields:
        return frozenset({EVERYTHING})
    return NOTHING.union(*(_name_field(str(field), keys) for field in fields))


def _name_field(field: str, keys: Mapping[int, str]) -> Aspects:
    kind, _colon, number = field.partition(":")
    match kind:
        case "attribute" if number.isdecimal():
            key = keys.get(int(number))
            return frozenset({f"attribute:{key}"} if key else ())
        case "tags":
            return frozenset({TAGS})
        case "state":
            return frozenset({EVERYTHING})  # nobody who is restricted is in a segment
    return frozenset({PROFILE, STANDING})  # another address may be a suppressed one


def _list_aspects(asked: References) -> Iterator[str]:
    for key in asked.attributes:
        yield f"attribute:{key}"
    if asked.attributes or asked.fields or asked.source or asked.address:
        yield PROFILE  # attributes as well: what day it is depends on the contact's time zone
    if asked.has_tag_test:
        yield TAGS
    if asked.topic_states:
        yield TOPICS
    if asked.standing:
        yield STANDING
    if asked.launches:
        yield LAST_CAMPAIGNS
    if asked.score or asked.acts & _SENT:
        yield SENDING
    yield from (act.value for act in asked.acts | (_SCORED if asked.score else frozenset()))
    yield from map(name_event, asked.events)
