"""Where mail is taken: an address at this server's domain, a domain of the account's own."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class InboundAddressForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=63,
        required=False,
        help_text=_("What stands before the @. Empty: one is drawn."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "font-mono"}),
    )
    note = forms.CharField(
        label=_("What it is for"),
        max_length=100,
        required=False,
        help_text=_("For your team alone."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class InboundDomainForm(forms.Form):
    domain = forms.CharField(
        label=_("Domain"),
        max_length=253,
        help_text=_("Such as reply.example.com. All its mail comes here, whatever stands before the @."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "font-mono"}),
    )
