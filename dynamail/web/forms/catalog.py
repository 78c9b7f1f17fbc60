from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamail.consent.models import Topic
from dynamail.contacts.models import Attribute, Tag
from dynamail.contacts.tags import MAX_NAME_LENGTH
from dynamail.web.forms_look import offer_choices


class AttributeForm(forms.Form):
    """A field of the catalogue. The key is chosen once, the type changes after a dry run: NewTypeForm."""

    label = forms.CharField(label=_("Name"), max_length=100)
    type = forms.ChoiceField(label=_("Type"), choices=Attribute.Type.choices, initial=Attribute.Type.TEXT)
    key = forms.CharField(
        label=_("Key"),
        max_length=60,
        required=False,
        help_text=_("What templates say: {{ contact.key }}. Left empty, it is made from the name."),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    choices = forms.CharField(
        label=_("Choices"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("For “One of a list”: one choice a line."),
    )

    def __init__(self, *arguments: Any, attribute: Attribute | None = None, **options: Any) -> None:
        initial = options.pop("initial", None) or {}
        if attribute is not None:
            initial = {"label": attribute.label, "choices": "\n".join(attribute.choices)}
        super().__init__(*arguments, **(options | {"initial": initial}))
        if attribute is not None:
            del self.fields["type"], self.fields["key"]
            if attribute.type != Attribute.Type.CHOICE:
                del self.fields["choices"]

    def clean_choices(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()]


class NewTypeForm(forms.Form):
    """What an attribute with values shall become."""

    type = forms.ChoiceField(label=_("New type"), choices=Attribute.Type.choices)
    choices = forms.CharField(
        label=_("Choices"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("For “One of a list”: one choice a line."),
    )

    def __init__(self, *arguments: Any, attribute: Attribute, **options: Any) -> None:
        initial = {"type": attribute.type, "choices": "\n".join(attribute.choices)}
        super().__init__(*arguments, **({"initial": initial, "prefix": "new"} | options))

    def clean_choices(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()]


class TagForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=MAX_NAME_LENGTH)


class MergeTagForm(forms.Form):
    into = forms.ChoiceField(label=_("Merge into"))

    def __init__(self, *arguments: Any, others: list[Tag], **options: Any) -> None:
        super().__init__(*arguments, **options)
        offer_choices(self, "into", [(tag.public_id, tag.name) for tag in others])


class TopicForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("People see it on the preference page.")
    )
    description = forms.CharField(
        label=_("Description"), max_length=300, required=False, help_text=_("What one gets, and how often.")
    )
    is_public = forms.BooleanField(
        label=_("Shown on the preference page"),
        required=False,
        initial=True,
        help_text=_("Unsubscribing is always possible; this is about subscribing."),
    )
    tracking = forms.ChoiceField(
        label=_("Opens and clicks"),
        choices=Topic.Tracking.choices,
        widget=forms.RadioSelect,
        initial=Topic.Tracking.NONE,
    )
