from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class SenderForm(forms.Form):
    """Who a message is from."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("People see it first: “Anna from Acme”.")
    )
    email = forms.EmailField(label=_("Email"), max_length=254)
    reply_to = forms.EmailField(
        label=_("Reply to"),
        max_length=254,
        required=False,
        help_text=_("Leave it empty to get replies at the address above."),
    )
