"""The list's address line, read into a filter: search, chosen values, and a condition of the segments' language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.checking import check_condition
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.printing import to_json
from dynamail.conditions.tree import EVERYBODY, Condition
from dynamail.consent.models import ConsentState, Topic
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.models import Attribute, ContactState, Tag
from dynamail.contacts.queries import NEVER_ASKED, ORDERS, ContactFilter
from dynamail.contacts.values import Value, ValueProblem, parse_value
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.wording import describe_condition, translate_fault
from dynamail.web.forms.conditions import ConditionField, read_json

SOURCES: dict[str, Promise] = {
    "form": gettext_lazy("Added by hand"),
    "import": gettext_lazy("Import"),
    "api": gettext_lazy("API"),
    "integration": gettext_lazy("Integration"),
    "demo": gettext_lazy("Demonstration data"),
}
CONSENT_CHOICES = [*ConsentState.choices, (NEVER_ASKED, gettext_lazy("Never asked"))]


@dataclass(frozen=True)
class Column:
    """A column that the list can show. `key` stands in the address."""

    key: str
    label: str
    attribute: Attribute | None = None
    topic: Topic | None = None


@dataclass(frozen=True)
class Chip:
    """A filter in force: what it says, and the address without it."""

    label: str
    url: str


PLAIN_COLUMNS: dict[str, Promise] = {
    "tags": gettext_lazy("Tags"),
    "state": gettext_lazy("State"),
    "language": gettext_lazy("Language"),
    "source": gettext_lazy("Source"),
    "created": gettext_lazy("Added"),
    "active": gettext_lazy("Last activity"),
}
DEFAULT_COLUMNS = ("tags", "state", "source", "created")
LONGEST_CONDITION = 8_000  # characters as the address line writes it; a longer one is saved as a segment
LONGEST_FAULTY = 1_000
LONGEST_VALUE = 200
FILTER_KEYS = ("q", "tag", "topic", "consent", "state", "source", "import", "attribute", "value")
# What a filter says that names nothing: dropped without a word, a change of "all that match" would mean everybody.
_STALE: dict[str, Promise] = {
    "q": gettext_lazy("This text cannot be searched for."),
    "tag": gettext_lazy("The tag of the filter does not exist (any more)."),
    "topic": gettext_lazy("The topic of the filter does not exist (any more)."),
    "consent": gettext_lazy("The filter names no standing on a topic."),
    "state": gettext_lazy("The state of the filter does not exist."),
    "source": gettext_lazy("The source of the filter does not exist."),
    "import": gettext_lazy("The import of the filter does not exist."),
    "attribute": gettext_lazy("The attribute of the filter does not exist (any more)."),
    "value": gettext_lazy("The value of the filter cannot be searched for."),
}


@dataclass(frozen=True)
class AskedCondition:
    """The condition of the address line. One with faults fits nobody: an act on "all that match" must not mean everybody."""

    condition: Condition = EVERYBODY
    document: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""  # as the address says it
    sentence: str = ""
    faults: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        return not self.document and not self.faults


class ConditionForm(forms.Form):
    """The builder's hidden input, part of the filters' form wherever it stands in the page."""

    condition = ConditionField(widget=forms.HiddenInput(attrs={"form": "contact-filters"}))


@dataclass(frozen=True)
class ListQuery:
    """The list's address, understood. A filter that names what does not exist (any more) fits nobody, until it is taken out."""

    wanted: ContactFilter
    values: Mapping[str, str]  # the filter's keys as they stand in the address
    sort: str
    columns: Sequence[Column]
    all_columns: Sequence[Column]
    tags: Sequence[Tag]
    topics: Sequence[Topic]
    attributes: Sequence[Attribute]
    asked: AskedCondition = AskedCondition()
    stale: Mapping[str, str] = field(default_factory=dict)  # by the filter's key, what is wrong with it
    default_columns: bool = True
    chips: Sequence[Chip] = field(default_factory=tuple)

    @property
    def faults(self) -> list[str]:
        """Why nobody is listed, and nothing may be done to "all that match"."""
        return [*self.stale.values(), *self.asked.faults]

    @property
    def is_empty(self) -> bool:
        return self.wanted.is_empty and self.asked.is_empty and not self.stale

    def encode(self, **changes: str) -> str:
        """The query string of this list, with changes; an empty value drops its key."""
        pairs = {
            **self.values,
            "condition": self.asked.text,
            "sort": self.sort if self.sort != "newest" else "",
            **changes,
        }
        parts = [(key, value) for key, value in pairs.items() if value]
        if not self.default_columns:
            parts += [("col", column.key) for column in self.columns]
        return f"?{urlencode(parts)}"


def read_list_query(account_id: int, query: QueryDict) -> ListQuery:
    tags = list(Tag.objects.for_account(account_id).order_by("name"))
    topics = list(Topic.objects.for_account(account_id).filter(archived_at=None).order_by("position", "pk"))
    attributes = list_attributes(account_id)
    columns = _list_columns(attributes, topics)
    keys = query.getlist("col") or DEFAULT_COLUMNS
    chosen = [column for column in columns if column.key in keys]
    sort = query.get("sort", "newest")
    wanted, values, stale = _read_filter(query, tags, topics, attributes)
    result = ListQuery(
        wanted=wanted,
        values=values,
        sort=sort if sort in ORDERS else "newest",
        columns=chosen,
        all_columns=columns,
        tags=tags,
        topics=topics,
        attributes=attributes,
        asked=read_condition(account_id, query.get("condition", "")),
        stale=stale,
        default_columns=[column.key for column in chosen] == list(DEFAULT_COLUMNS),
    )
    return replace(result, chips=_list_chips(result))


def read_condition(account_id: int, text: str) -> AskedCondition:
    """Never raises: what is wrong stands in `faults`."""
    if not text.strip():
        return AskedCondition()
    document: Any = {}
    try:
        document = read_json(text)
        condition = parse_condition(document)
        catalog: Catalog = load_catalog(account_id)
        faults = check_condition(condition, catalog)
    except ConditionFault as error:
        shown = document if isinstance(document, dict) else {}
        return AskedCondition(document=shown, text=text[:LONGEST_FAULTY], faults=_tell(error.faults))
    if condition == EVERYBODY:
        return AskedCondition()
    canonical = dict(to_json(condition))
    compact = json.dumps(canonical, ensure_ascii=False, separators=(",", ":"))
    if len(quote(compact)) > LONGEST_CONDITION:
        told = _("This condition is too long for a filter: save it as a segment.")
        return AskedCondition(document=canonical, faults=[told])
    sentence = "" if faults else describe_condition(condition, catalog)
    return AskedCondition(condition, canonical, compact, sentence, _tell(faults))


def _tell(faults: Any) -> list[str]:
    return list(dict.fromkeys(translate_fault(fault) for fault in faults))


def _list_columns(attributes: Sequence[Attribute], topics: Sequence[Topic]) -> list[Column]:
    plain = [Column(key, str(label)) for key, label in PLAIN_COLUMNS.items()]
    plain += [Column(row.public_id, row.label, attribute=row) for row in attributes]
    return plain + [Column(row.public_id, row.name, topic=row) for row in topics]


def _read_filter(
    query: QueryDict, tags: Sequence[Tag], topics: Sequence[Topic], attributes: Sequence[Attribute]
) -> tuple[ContactFilter, dict[str, str], dict[str, str]]:
    """The filter, the values as they stay in the address, and what is wrong with some of them."""
    given = {key: query.get(key, "").strip() for key in FILTER_KEYS}
    values = {key: text.replace("\x00", "")[:LONGEST_VALUE] for key, text in given.items()}
    tag = _find(tags, values["tag"])
    topic = _find(topics, values["topic"])
    attribute = _find(attributes, values["attribute"])
    value = _parse_quietly(attribute, values["value"]) if attribute else None
    consent = values["consent"] or ConsentState.SUBSCRIBED.value
    known = {
        "tag": tag is not None,
        "topic": topic is not None,
        "consent": consent in dict(CONSENT_CHOICES),
        "state": values["state"] in ContactState.values,
        "source": values["source"] in SOURCES,
        "import": values["import"].startswith("imp_"),
        "attribute": attribute is not None,
        "value": attribute is None or value not in (None, []),
    }
    stale = {
        key: str(_STALE[key])
        for key, text in given.items()
        if text and (text != values[key] or not known.get(key, True))
    }
    wanted = ContactFilter(
        search=values["q"],
        tag_id=tag.pk if tag else None,
        topic_id=topic.pk if topic else None,
        topic_state=consent,
        state=values["state"],
        source_kind=values["source"],
        source_id=values["import"],
        attribute_number=attribute.number if attribute and value is not None else None,
        attribute_value=value,
    )
    kept = values | {
        "consent": consent if values["topic"] or "consent" in stale else "",
        "attribute": values["attribute"] if values["value"] or "attribute" in stale else "",
        "value": values["value"] if values["attribute"] or "value" in stale else "",
    }
    return wanted, kept | {key: given[key][: LONGEST_VALUE + 1] for key in stale}, stale


def _find(rows: Sequence[Any], public_id: str) -> Any:
    return next((row for row in rows if row.public_id == public_id), None) if public_id else None


def _parse_quietly(attribute: Attribute, text: str) -> Value | None:
    try:
        value = parse_value(attribute, text)
    except ValueProblem:
        return text  # equal to nothing that is stored: the list is empty, and the chip says why
    return value


def _list_chips(query: ListQuery) -> list[Chip]:
    """What narrows the list, each with a way out; the search box speaks for itself."""
    values, chips = query.values, list[Chip]()
    chips += [Chip(fault, query.encode(**{key: ""})) for key, fault in query.stale.items()]
    values = {key: "" if key in query.stale else text for key, text in values.items()}
    if query.asked.sentence:
        chips.append(Chip(query.asked.sentence, query.encode(condition="")))
    if tag := _find(query.tags, values["tag"]):
        chips.append(Chip(_("Tag: %s") % tag.name, query.encode(tag="")))
    if (topic := _find(query.topics, values["topic"])) and values["consent"]:
        label = dict(CONSENT_CHOICES)[values["consent"]]
        chips.append(Chip(f"{topic.name}: {label}", query.encode(topic="", consent="")))
    if values["state"]:
        chips.append(Chip(_("State: %s") % ContactState(values["state"]).label, query.encode(state="")))
    if values["source"]:
        chips.append(Chip(_("Source: %s") % SOURCES[values["source"]], query.encode(source="")))
    if values["import"]:
        chips.append(Chip(_("From one import"), query.encode(**{"import": ""})))
    if attribute := _find(query.attributes, values["attribute"]):
        chips.append(Chip(f"{attribute.label}: {values['value']}", query.encode(attribute="", value="")))
    return chips
