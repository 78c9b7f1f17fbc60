"""What a member types about a way out, by its kind."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from dynamail.protocols.address import AddressError
from dynamail.senders.apis import ApiSettings, read_settings, read_shown_settings
from dynamail.senders.direct import DirectSettings
from dynamail.senders.models import Transport
from dynamail.senders.providers import REGION, Provider
from dynamail.senders.relays import RelaySettings
from dynamail.senders.routing import find_domain
from dynamail.web.forms.hosts import clean_host_name

MOST_MESSAGES = 1_000_000_000
LIMITS = ("connections", "rate_per_second", "per_hour", "per_day")
KEPT = _("Leave it empty to keep the stored one.")


class TransportForm(forms.Form):
    """What every kind asks for. The subclass names the columns that it shows again in `shown`."""

    shown: tuple[str, ...] = ()

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("For yourself, such as “Company server”.")
    )
    connections = forms.IntegerField(
        label=_("Connections at once"),
        min_value=1,
        max_value=100,
        initial=5,
        help_text=_("Over all workers of this installation."),
    )
    rate_per_second = forms.IntegerField(
        label=_("Messages per second at most"),
        min_value=1,
        max_value=10_000,
        required=False,
        help_text=_("Empty: as fast as they are taken."),
    )
    per_hour = forms.IntegerField(
        label=_("Messages per hour at most"), min_value=1, max_value=MOST_MESSAGES, required=False
    )
    per_day = forms.IntegerField(
        label=_("Messages per day at most"),
        min_value=1,
        max_value=MOST_MESSAGES,
        required=False,
        help_text=_("What is over waits for the next day."),
    )

    def __init__(self, *args: Any, transport: Transport | None = None, **kwargs: Any) -> None:
        self.transport = transport
        if transport is not None:
            kwargs.setdefault("initial", self.read_initial(transport))
        super().__init__(*args, **kwargs)

    def read_initial(self, transport: Transport) -> dict[str, Any]:
        fields = ("name", *LIMITS, *self.shown)
        return {field: getattr(transport, field) for field in fields} | {"authorize": True}

    def limits(self) -> list[BoundField]:
        return [self[name] for name in LIMITS]

    def others(self) -> list[BoundField]:
        """The fields that are no limits, without the authorization, which stands last."""
        return [bound for bound in self.visible_fields() if bound.name not in (*LIMITS, "authorize")]

    @property
    def has_limits(self) -> bool:
        """Is there something about the limits to be seen: one that is set, or one that is wrong?"""
        return any(bound.errors or (bound.name != "connections" and bound.value()) for bound in self.limits())

    def read_pace(self) -> dict[str, Any]:
        return {key: self.cleaned_data[key] for key in ("name", *LIMITS)}


class RelayForm(TransportForm):
    """A relay, as its operator describes it."""

    shown = ("host", "port", "security", "verify_certificate", "username")
    field_order = (
        "name",
        "host",
        "port",
        "security",
        "verify_certificate",
        "username",
        "password",
    )

    host = forms.CharField(label=_("Host"), max_length=253, help_text=_("Such as smtp.example.com."))
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
    authorize = forms.BooleanField(
        label=_("I authorize handing this account's mail to this relay"),
        help_text=_(
            "Addresses and content of your messages are transferred to the relay's operator. Your name and the time are recorded."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.transport is not None and self.transport.password_sealed:
            self.fields["password"].help_text = KEPT

    def clean_host(self) -> str:
        return clean_host_name(self.cleaned_data["host"], example="smtp.example.com")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        asks_password = (
            self.transport is not None and self.transport.password_sealed and values.get("username")
        )
        if asks_password and not values.get("password") and not self._is_same_login(values):
            self.add_error(
                "password", _("Enter it again: the stored one is not handed to another server or user.")
            )
        return values

    def settings(self) -> RelaySettings:
        """What was typed; an empty password keeps the stored one, for the same user of the same server."""
        values = {key: value for key, value in self.cleaned_data.items() if key != "authorize"}
        if not values["password"] and self._is_same_login(values):
            values["password"] = None
        return RelaySettings(**values)

    def _is_same_login(self, values: dict[str, Any]) -> bool:
        stored = self.transport
        return stored is not None and (stored.host, stored.username) == (
            values.get("host"),
            values.get("username"),
        )


class DirectForm(TransportForm):
    """Sending to the recipients' servers without anyone in between."""

    shown = ("source_address", "helo_name")
    field_order = ("name", "source_address", "helo_name")

    source_address = forms.CharField(
        label=_("Source address"),
        max_length=45,
        required=False,
        help_text=_(
            "The IP address that mail leaves from, for a machine with several. Empty: the system's choice."
        ),
    )
    helo_name = forms.CharField(
        label=_("HELO name"),
        max_length=253,
        required=False,
        help_text=_(
            "The name this server gives itself; it must lead to the source address. Empty: the installation's."
        ),
    )

    def read_initial(self, transport: Transport) -> dict[str, Any]:
        return super().read_initial(transport) | {"source_address": transport.source_address or ""}

    def clean_source_address(self) -> str | None:
        text = str(self.cleaned_data["source_address"]).strip()
        if not text:
            return None
        try:
            address = ip_address(text)
        except ValueError:
            raise forms.ValidationError(_("Write an IP address, such as 203.0.113.7.")) from None
        if address.is_unspecified or address.is_multicast:
            raise forms.ValidationError(_("Mail cannot leave from this address."))
        return str(address)

    def clean_helo_name(self) -> str:
        text = str(self.cleaned_data["helo_name"]).strip().rstrip(".")
        return read_domain(text) if text else ""

    def settings(self) -> DirectSettings:
        return DirectSettings(
            **self.read_pace(),
            source_address=self.cleaned_data["source_address"],
            helo_name=self.cleaned_data["helo_name"],
        )


class ApiForm(TransportForm):
    """A provider's API; its own fields come from the provider's description."""

    authorize = forms.BooleanField()

    def __init__(self, *args: Any, provider: Provider, **kwargs: Any) -> None:
        self.provider = provider
        super().__init__(*args, **kwargs)
        self.stored = read_settings(self.transport) if self.transport else {}
        self.fields["name"].initial = provider.title
        for one in provider.fields:
            self.fields[one.name] = self._make_field(one.name)
        if len(provider.regions) > 1:
            self.fields[REGION] = forms.ChoiceField(
                label=_("Region"), choices=[(region.code, region.label) for region in provider.regions]
            )
        self.fields["authorize"] = forms.BooleanField(
            label=_("I authorize handing this account's mail to %s") % provider.title,
            help_text=_(
                "Addresses and content of your messages are transferred to the provider. Your name and the time are recorded."
            ),
        )
        names = [one.name for one in provider.fields]
        self.order_fields(["name", *names, REGION])

    def read_initial(self, transport: Transport) -> dict[str, Any]:
        return super().read_initial(transport) | read_shown_settings(transport)

    def clean(self) -> dict[str, Any]:
        for one in self.provider.fields:
            value = self.cleaned_data.get(one.name)
            if value and not one.matches(value):
                text = _("This does not look right: check that you copied all of it and nothing else.")
                self.add_error(one.name, forms.ValidationError(text))
        return self.cleaned_data

    def settings(self) -> ApiSettings:
        """What was typed; an empty secret keeps the stored one."""
        values: dict[str, str | None] = {REGION: self.cleaned_data.get(REGION, "")}
        for one in self.provider.fields:
            value = self.cleaned_data[one.name]
            values[one.name] = None if one.is_secret and not value else value
        return ApiSettings(**self.read_pace(), provider=self.provider, values=values)

    def _make_field(self, name: str) -> forms.CharField:
        one = next(field for field in self.provider.fields if field.name == name)
        is_kept = one.is_secret and bool(self.stored.get(name))
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"}) if one.is_secret else None
        return forms.CharField(
            label=str(one.label),
            max_length=500,
            required=one.is_required and not is_kept,
            help_text=str(
                KEPT if is_kept else one.help_text or (self.provider.where if one.is_secret else "")
            ),
            widget=widget,
        )


def read_domain(text: str) -> str:
    """A domain in lower-case A-labels. Raises ValidationError."""
    try:
        if "@" in text:
            raise forms.ValidationError(_("Write the domain alone, such as example.com."))
        return find_domain(text)
    except AddressError as error:
        raise forms.ValidationError(_("This is no domain: %s") % error) from None
