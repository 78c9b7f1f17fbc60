"""A contact's form, made of the account's attributes; and the list's address line, read into a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.models import LANGUAGES
from dynamail.consent.models import ConsentState, Topic
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.editing import Profile
from dynamail.contacts.models import Attribute, Contact, ContactState, Tag
from dynamail.contacts.queries import NEVER_ASKED, ORDERS, ContactFilter
from dynamail.contacts.tags import get_or_create_tags
from dynamail.contacts.values import (
    MAX_TEXT_LENGTH,
    Value,
    ValueProblem,
    format_value,
    parse_value,
    split_list,
)
from dynamail.web.forms_look import offer_choices

SOURCES: dict[str, Promise] = {
    "form": gettext_lazy("Added by hand"),
    "import": gettext_lazy("Import"),
    "api": gettext_lazy("API"),
    "integration": gettext_lazy("Integration"),
    "demo": gettext_lazy("Demonstration data"),
}
CONSENT_CHOICES = [*ConsentState.choices, (NEVER_ASKED, gettext_lazy("Never asked"))]


# ── One contact ──────────────────────────────────────────────────────────────────────────────────────────────────────
class ContactForm(forms.Form):
    """Address, name, tags and every attribute with an input of its type."""

    email = forms.CharField(
        label=gettext_lazy("Email"), max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        max_length=2_000,
        required=False,
        help_text=gettext_lazy("Separated by commas. A new word makes a new tag."),
    )

    def __init__(
        self, *arguments: Any, account_id: int, zone: tzinfo, contact: Contact | None = None, **options: Any
    ) -> None:
        self._account_id = account_id
        self._zone = zone
        self.attributes = list_attributes(account_id)
        super().__init__(*arguments, **(options | {"initial": self._make_initial(contact)}))
        # An international local part is fine here, and the browser's own check for type=email refuses it.
        self.fields["email"].widget.input_type = "text"
        self.fields["email"].widget.attrs |= {"inputmode": "email", "spellcheck": "false"}
        offer_choices(self, "language", _language_choices(contact))
        self.fields["tags"].widget.attrs |= {"list": "tag-names"}
        for attribute in self.attributes:
            self.fields[_field_name(attribute)] = _make_field(
                attribute, self.initial.get(_field_name(attribute), "")
            )

    @property
    def attribute_fields(self) -> list[forms.BoundField]:
        return [self[_field_name(attribute)] for attribute in self.attributes]

    def clean_email(self) -> str:
        try:
            return read_address(self.cleaned_data["email"]).email
        except AddressError as error:
            raise forms.ValidationError(_(str(error)), code=error.code) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._values: dict[int, Value | None] = {}
        for attribute in self.attributes:
            name = _field_name(attribute)
            try:
                self._values[attribute.number] = parse_value(
                    attribute, cleaned.get(name) or "", zone=self._zone
                )
            except ValueProblem as problem:
                self.add_error(name, str(problem))
        return cleaned

    def make_profile(self) -> Profile:
        """What was typed, with its tags made where they are new. Raises TagError."""
        tags = get_or_create_tags(self._account_id, split_list(self.cleaned_data["tags"]))
        return Profile(
            email=self.cleaned_data["email"],
            name=self.cleaned_data["name"],
            language=self.cleaned_data["language"],
            attributes=self._values,
            tag_ids=[tag.pk for tag in tags.values()],
        )

    def _make_initial(self, contact: Contact | None) -> dict[str, Any]:
        if contact is None:
            return {}
        names = dict(
            Tag.objects.for_account(self._account_id).filter(pk__in=contact.tags).values_list("pk", "name")
        )
        initial: dict[str, Any] = {
            "email": contact.email,
            "name": contact.name,
            "language": contact.language,
            "tags": ", ".join(names[tag] for tag in contact.tags if tag in names),
        }
        for attribute in self.attributes:
            value = contact.attributes.get(str(attribute.number))
            initial[_field_name(attribute)] = _show_value(attribute, value, self._zone)
        return initial


def _field_name(attribute: Attribute) -> str:
    return f"attribute_{attribute.public_id}"


def _make_field(attribute: Attribute, shown: str) -> forms.Field:
    """All are text or choices: `parse_value` reads them, here as in an import."""
    options: dict[str, Any] = {"label": attribute.label, "required": False}
    if attribute.type == Attribute.Type.BOOLEAN:
        return forms.ChoiceField(choices=[("", "—"), ("yes", _("Yes")), ("no", _("No"))], **options)
    if attribute.type == Attribute.Type.CHOICE:
        return forms.ChoiceField(choices=[("", "—"), *((one, one) for one in attribute.choices)], **options)
    if attribute.type == Attribute.Type.LIST:
        options["help_text"] = _("Separated by commas.")
    return forms.CharField(max_length=MAX_TEXT_LENGTH, widget=_make_widget(attribute.type, shown), **options)


def _make_widget(kind: str, shown: str) -> forms.Widget:
    if "\n" in shown:  # one line would lose the break at the next saving
        return forms.Textarea(attrs={"rows": 3})
    match kind:
        case Attribute.Type.DATE:
            return forms.DateInput(attrs={"type": "date"})
        case Attribute.Type.TIME:
            return forms.DateTimeInput(attrs={"type": "datetime-local"})
        case Attribute.Type.NUMBER:
            return forms.TextInput(attrs={"inputmode": "decimal"})
    return forms.TextInput()


def _show_value(attribute: Attribute, value: Any, zone: tzinfo) -> str:
    if value is None:
        return ""
    if attribute.type == Attribute.Type.BOOLEAN:
        return "yes" if value else "no"
    if attribute.type == Attribute.Type.TIME:
        return datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    return format_value(value)


def _language_choices(contact: Contact | None) -> list[tuple[str, str]]:
    choices = [("", "—"), *LANGUAGES]
    if contact is not None and contact.language not in dict(choices):
        choices.append((contact.language, contact.language))
    return choices


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
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
}
DEFAULT_COLUMNS = ("tags", "state", "source", "created")
FILTER_KEYS = ("q", "tag", "topic", "consent", "state", "source", "import", "attribute", "value")


@dataclass(frozen=True)
class ListQuery:
    """The list's address, understood. What does not exist any more is left out."""

    wanted: ContactFilter
    values: Mapping[str, str]  # the filter's keys as they stand in the address
    sort: str
    columns: Sequence[Column]
    all_columns: Sequence[Column]
    tags: Sequence[Tag]
    topics: Sequence[Topic]
    attributes: Sequence[Attribute]
    default_columns: bool = True
    chips: Sequence[Chip] = field(default_factory=tuple)

    def encode(self, **changes: str) -> str:
        """The query string of this list, with changes; an empty value drops its key."""
        pairs = {**self.values, "sort": self.sort if self.sort != "newest" else "", **changes}
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
    wanted, values = _read_filter(query, tags, topics, attributes)
    result = ListQuery(
        wanted=wanted,
        values=values,
        sort=sort if sort in ORDERS else "newest",
        columns=chosen,
        all_columns=columns,
        tags=tags,
        topics=topics,
        attributes=attributes,
        default_columns=[column.key for column in chosen] == list(DEFAULT_COLUMNS),
    )
    return replace(result, chips=_list_chips(result))


def _list_columns(attributes: Sequence[Attribute], topics: Sequence[Topic]) -> list[Column]:
    plain = [Column(key, str(label)) for key, label in PLAIN_COLUMNS.items()]
    plain += [Column(row.public_id, row.label, attribute=row) for row in attributes]
    return plain + [Column(row.public_id, row.name, topic=row) for row in topics]


def _read_filter(
    query: QueryDict, tags: Sequence[Tag], topics: Sequence[Topic], attributes: Sequence[Attribute]
) -> tuple[ContactFilter, dict[str, str]]:
    values = {key: query.get(key, "").strip()[:200] for key in FILTER_KEYS}
    tag = _find(tags, values["tag"])
    topic = _find(topics, values["topic"])
    attribute = _find(attributes, values["attribute"])
    value = _parse_quietly(attribute, values["value"]) if attribute else None
    consent = (
        values["consent"] if values["consent"] in dict(CONSENT_CHOICES) else ConsentState.SUBSCRIBED.value
    )
    state = values["state"] if values["state"] in ContactState.values else ""
    source = values["source"] if values["source"] in SOURCES else ""
    wanted = ContactFilter(
        search=values["q"],
        tag_id=tag.pk if tag else None,
        topic_id=topic.pk if topic else None,
        topic_state=consent,
        state=state,
        source_kind=source,
        source_id=values["import"] if values["import"].startswith("imp_") else "",
        attribute_number=attribute.number if attribute and value is not None else None,
        attribute_value=value,
    )
    kept = {
        "q": wanted.search,
        "tag": tag.public_id if tag else "",
        "topic": topic.public_id if topic else "",
        "consent": consent if topic else "",
        "state": state,
        "source": source,
        "import": wanted.source_id,
        "attribute": attribute.public_id if wanted.attribute_number and attribute else "",
        "value": values["value"] if wanted.attribute_number else "",
    }
    return wanted, kept


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
    values, chips = query.values, []
    if tag := _find(query.tags, values["tag"]):
        chips.append(Chip(_("Tag: %s") % tag.name, query.encode(tag="")))
    if topic := _find(query.topics, values["topic"]):
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
