from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class DomainForm(forms.Form):
    """A name; what it may be is checked where it is added."""

    name = forms.CharField(
        label=_("Domain"),
        max_length=300,
        help_text=_(
            "What stands after the @ in your From addresses, such as example.com. Names below it are included."
        ),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "url"}
        ),
    )


class HostNamesForm(forms.Form):
    """The first word of the two hosts below a domain."""

    return_path = forms.CharField(
        label=_("For bounces"),
        max_length=63,
        help_text=_("Messages that cannot be delivered come back under this name."),
    )
    tracking = forms.CharField(
        label=_("For links"), max_length=63, help_text=_("Links in your messages show this name.")
    )
