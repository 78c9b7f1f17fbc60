"""Forms of templates and of the source editor, which campaigns share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamail.content.models import Template

LONGEST_SOURCE = 1_000_000  # characters; mail programs cut an email off at a tenth of it


class NewTemplateForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=150)


class SourceForm(forms.Form):
    """The text of an email. Blank is allowed, and so is what does not compile: it is work in progress."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    kind = forms.ChoiceField(choices=Template.Kind.choices, widget=forms.HiddenInput)
    body = forms.CharField(
        label=_("Source"),
        required=False,
        strip=False,
        max_length=LONGEST_SOURCE,
        widget=forms.Textarea(attrs={"spellcheck": "false"}),
    )

    def clean_body(self) -> str:
        return _plain(self.cleaned_data["body"])

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "seen"}


class CampaignSourceForm(SourceForm):
    """With a text part of one's own."""

    text = forms.CharField(
        label=_("Text part"),
        required=False,
        strip=False,
        max_length=LONGEST_SOURCE,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("For readers without HTML. Leave it empty: it is made from the message."),
    )

    def clean_text(self) -> str:
        return _plain(self.cleaned_data["text"])


class TemplateSourceForm(SourceForm):
    """With what a template says besides its source."""

    name = forms.CharField(label=_("Name"), max_length=150)
    subject = forms.CharField(label=_("Subject"), max_length=300, required=False)
    preheader = forms.CharField(label=_("Preheader"), max_length=300, required=False)

    def values(self) -> dict[str, Any]:
        return {("source" if name == "body" else name): value for name, value in super().values().items()}


def _plain(text: str) -> str:
    """Browsers send CR LF; the lines that problems name are those of the editor."""
    return text.replace("\r\n", "\n").replace("\x00", "")
