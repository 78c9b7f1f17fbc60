from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dynamail.senders.destination_rules import BOUNDS, read_site
from dynamail.senders.destinations import (
    LIMIT_NAMES,
    MOST_MESSAGES,
    OTHER,
    DestinationLimits,
    find_destination,
    load_destinations,
)
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DestinationRule, Transport
from dynamail.senders.warmup_plans import LONGEST, SHORTEST, USUAL
from dynamail.web.forms_look import offer_choices
from dynamail.web.numbers import format_number

ANOTHER = "another"
SLOWEST = 0.001  # messages a second
LABELS = {
    "connections": _("Connections at once"),
    "per_second": _("Messages per second"),
    "per_minute": _("Messages per minute"),
    "per_hour": _("Messages per hour"),
    "per_day": _("Messages per day"),
    "per_connection": _("Messages per connection"),
}
HEADINGS = {
    "connections": _("Connections"),
    "per_second": _("per second"),
    "per_minute": _("per minute"),
    "per_hour": _("per hour"),
    "per_day": _("per day"),
    "per_connection": _("per connection"),
}


class RuleForm(forms.Form):
    """An account's own limits towards one destination. An empty limit leaves the built-in one in force."""

    destination = forms.ChoiceField(label=_("Destination"))
    site = forms.CharField(
        label=_("Domain of its mail hosts"),
        max_length=253,
        required=False,
        help_text=_("Only for another site: the end of the MX host names, such as example.com."),
    )
    transport = forms.ChoiceField(label=_("Transport"), required=False)

    def __init__(
        self,
        *args: Any,
        transports: list[Transport],
        rule: DestinationRule | None = None,
        destination: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._destination = destination
        self._transports = {transport.public_id: transport for transport in transports}
        titles = [(one.name, one.title) for one in load_destinations()]
        offer_choices(self, "destination", [*titles, (ANOTHER, gettext("Another site"))])
        offer_choices(
            self,
            "transport",
            [("", gettext("All transports")), *((key, one.name) for key, one in self._transports.items())],
        )
        for name, field in self._make_limit_fields(rule.site if rule else destination).items():
            self.fields[name] = field
        for name in self._list_settled(rule):
            del self.fields[name]

    def _list_settled(self, rule: DestinationRule | None) -> tuple[str, ...]:
        """A rule keeps its place; a destination that was chosen on the page before needs no further word."""
        if rule is not None:
            return "destination", "site", "transport"
        return ("destination", "site") if self._destination else ()

    @property
    def place_fields(self) -> list[BoundField]:
        return [bound for bound in self if bound.name not in LIMIT_NAMES]

    @property
    def limit_fields(self) -> list[BoundField]:
        return [bound for bound in self if bound.name in LIMIT_NAMES]

    def _make_limit_fields(self, site: str) -> dict[str, forms.Field]:
        built_in = _find_built_in(site)
        return {
            name: _make_limit_field(name, getattr(built_in, name) if built_in else None)
            for name in LIMIT_NAMES
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "site" in self.fields and values.get("destination") == ANOTHER:
            self._clean_site(values)
        if not self.errors and all(values.get(name) is None for name in LIMIT_NAMES):
            self.add_error("connections", _("Set at least one limit."))
        return values

    def _clean_site(self, values: dict[str, Any]) -> None:
        try:
            values["site"] = read_site(values.get("site", ""))
        except SenderError as error:
            self.add_error("site", str(error))

    @property
    def chosen_site(self) -> str:
        """The destination's name or the site, after validation."""
        chosen = self._destination or self.cleaned_data["destination"]
        return self.cleaned_data["site"] if chosen == ANOTHER else chosen

    @property
    def chosen_transport(self) -> Transport | None:
        return self._transports.get(self.cleaned_data["transport"])

    @property
    def limits(self) -> DestinationLimits:
        return DestinationLimits(**{name: self.cleaned_data[name] for name in LIMIT_NAMES})


class WarmupForm(forms.Form):
    """How a transport is warmed up."""

    target_per_day = forms.IntegerField(
        label=_("Messages per day in the end"),
        min_value=1,
        max_value=MOST_MESSAGES,
        help_text=_("What you want to send on a usual day."),
    )
    days = forms.IntegerField(
        label=_("Days until then"),
        min_value=SHORTEST,
        max_value=LONGEST,
        initial=USUAL,
        help_text=_("The first day allows 50 messages, each further day some more."),
    )


def _find_built_in(site: str) -> DestinationLimits | None:
    if not site or site == ANOTHER:
        return next(one.limits for one in load_destinations() if one.name == OTHER)
    named = next((one.limits for one in load_destinations() if one.name == site), None)
    return named or find_destination(site).limits


def _make_limit_field(name: str, built_in: float | None) -> forms.Field:
    shown = gettext("no limit") if built_in is None else format_number(built_in)
    widget = forms.NumberInput(attrs={"placeholder": gettext("Built in: %s") % shown})
    most = BOUNDS.get(name, MOST_MESSAGES)
    if name == "per_second":
        return forms.FloatField(
            label=LABELS[name], min_value=SLOWEST, max_value=most, required=False, widget=widget
        )
    return forms.IntegerField(label=LABELS[name], min_value=1, max_value=most, required=False, widget=widget)
