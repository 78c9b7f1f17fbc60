from __future__ import annotations

from django import forms
from django.utils.translation import gettext as _


def clean_host_name(text: str, *, example: str) -> str:
    """A server's name alone, lower case. Raises ValidationError for an address or a path."""
    host = text.strip().rstrip(".").lower()
    if "://" in host or "/" in host or " " in host:
        raise forms.ValidationError(_("Write the name alone, such as %s.") % example)
    return host
