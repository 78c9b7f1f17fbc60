"""A new API key: what for, what it may do, from where, until when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.api_keys import BadNetwork, Scope, clean_networks

CUSTOM = "custom"
PRESETS: dict[str, tuple[object, tuple[Scope, ...]]] = {
    "send": (gettext_lazy("Send only: an app that sends mail, by API or SMTP"), (Scope.SEND_MESSAGES,)),
    "send_read": (
        gettext_lazy("Send and look up: it also asks what became of its mail"),
        (Scope.SEND_MESSAGES, Scope.READ_MESSAGES),
    ),
    "site": (
        gettext_lazy("Contacts and events: a shop or a site that tells about its customers"),
        (Scope.READ_CONTACTS, Scope.WRITE_CONTACTS, Scope.READ_TOPICS, Scope.READ_EVENTS, Scope.WRITE_EVENTS),
    ),
    "all": (gettext_lazy("Everything"), tuple(Scope)),
}
NOUNS = {
    "messages": gettext_lazy("Messages"),
    "templates": gettext_lazy("Templates"),
    "contacts": gettext_lazy("Contacts"),
    "topics": gettext_lazy("Topics"),
    "segments": gettext_lazy("Segments"),
    "campaigns": gettext_lazy("Campaigns"),
    "events": gettext_lazy("Events"),
    "suppressions": gettext_lazy("Suppressions"),
    "domains": gettext_lazy("Domains"),
    "webhooks": gettext_lazy("Webhooks"),
    "inbound": gettext_lazy("Inbound"),
    "requests": gettext_lazy("Requests"),
}


class ApiKeyForm(forms.Form):
    EXPIRY = (
        ("30", gettext_lazy("30 days")),
        ("90", gettext_lazy("90 days")),
        ("365", gettext_lazy("1 year")),
        ("", gettext_lazy("Never")),
    )
    MODES = (
        ("live", gettext_lazy("Live: mail goes out to its recipients")),
        ("test", gettext_lazy("Test: mail goes to the Mailbox alone, nobody gets it")),
    )

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Where it will be used, such as “Shop, production”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=MODES, initial="live", widget=forms.RadioSelect
    )
    preset = forms.ChoiceField(label=gettext_lazy("Rights"), initial="send", widget=forms.RadioSelect)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May"), required=False, widget=forms.CheckboxSelectMultiple
    )
    expires = forms.ChoiceField(
        label=gettext_lazy("Expires after"), choices=EXPIRY, required=False, initial="365"
    )
    networks = forms.CharField(
        label=gettext_lazy("Only from these addresses"),
        required=False,
        max_length=4000,
        help_text=gettext_lazy(
            "One IP address or network a line, such as 203.0.113.7 or 203.0.113.0/24. Empty: from anywhere."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "font-mono"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        presets = [(key, label) for key, (label, _scopes) in PRESETS.items()]
        self.fields["preset"].choices = [*presets, (CUSTOM, _("Let me choose"))]  # type: ignore[attr-defined]
        self.fields["scopes"].choices = list(group_scopes())  # type: ignore[attr-defined]

    def clean_networks(self) -> list[str]:
        words = re.split(r"[\s,;]+", self.cleaned_data["networks"].strip())
        try:
            return clean_networks(filter(None, words))
        except BadNetwork as fault:
            raise forms.ValidationError(str(fault)) from None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("preset") == CUSTOM and not data.get("scopes") and "scopes" not in self.errors:
            self.add_error("scopes", _("Choose at least one thing that the key may do."))
        return data

    @property
    def chosen_scopes(self) -> list[str]:
        preset = self.cleaned_data["preset"]
        return self.cleaned_data["scopes"] if preset == CUSTOM else list(PRESETS[preset][1])

    def expires_at(self, *, now: datetime) -> datetime | None:
        days = self.cleaned_data["expires"]
        return now + timedelta(days=int(days)) if days else None


def group_scopes() -> Iterable[tuple[object, list[tuple[str, object]]]]:
    """The scopes under what they are about, as choices of a form."""
    for noun, title in NOUNS.items():
        yield title, [(scope.value, scope.label) for scope in Scope if scope.value.startswith(f"{noun}.")]


def find_preset(scopes: Iterable[str]) -> object | None:
    """The short name of exactly these scopes, when they have one."""
    wanted = set(scopes)
    for label, offered in PRESETS.values():
        if wanted == set(offered):
            return str(label).split(":")[0]
    return None
