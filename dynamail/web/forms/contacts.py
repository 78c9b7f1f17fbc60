"""A contact's form, made of the account's attributes; and the list's address line, read into a filter."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.models import LANGUAGES
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.editing import Profile
from dynamail.contacts.models import Attribute, Contact, Tag
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
