from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamail.senders.models import Transport
from dynamail.senders.relays import RelaySettings


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


class RelayForm(forms.Form):
    """A relay, as its operator describes it."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("For yourself, such as “Company server”.")
    )
    host = forms.CharField(label=_("Host"), max_length=253)
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, initial=587)
    security = forms.ChoiceField(
        label=_("Encryption"), choices=Transport.Security.choices, initial=Transport.Security.STARTTLS
    )
    verify_certificate = forms.BooleanField(label=_("Check the certificate"), required=False, initial=True)
    username = forms.CharField(label=_("User name"), max_length=254, required=False)
    password = forms.CharField(
        label=_("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    connections = forms.IntegerField(label=_("Connections at once"), min_value=1, max_value=100, initial=5)
    rate_per_second = forms.IntegerField(
        label=_("Messages per second at most"),
        min_value=1,
        max_value=10_000,
        required=False,
        help_text=_("Empty: as fast as the relay takes them."),
    )
    authorize = forms.BooleanField(
        label=_("I authorize handing this account's mail to this relay"),
        help_text=_(
            "Addresses and content of your messages are transferred to the relay's operator. Your name and the time are recorded."
        ),
    )

    def __init__(self, *args: Any, relay: Transport | None = None, **kwargs: Any) -> None:
        if relay is not None:
            fields = (
                "name",
                "host",
                "port",
                "security",
                "verify_certificate",
                "username",
                "connections",
                "rate_per_second",
            )
            kwargs.setdefault(
                "initial", {field: getattr(relay, field) for field in fields} | {"authorize": True}
            )
        super().__init__(*args, **kwargs)
        self.relay = relay
        if relay is not None and relay.password_sealed:
            self.fields["password"].help_text = _("Leave it empty to keep the stored one.")

    def clean_host(self) -> str:
        host = self.cleaned_data["host"].strip().rstrip(".").lower()
        if "://" in host or "/" in host or " " in host:
            raise forms.ValidationError(_("Write the name alone, such as smtp.example.com."))
        return host

    def settings(self) -> RelaySettings:
        """What was typed; an empty password keeps the stored one while the user name is the same."""
        values = {key: value for key, value in self.cleaned_data.items() if key != "authorize"}
        kept = self.relay is not None and self.relay.username == values["username"]
        if not values["password"] and kept:
            values["password"] = None
        return RelaySettings(**values)
