"""Pools and routing rules, and the question which way a message would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from dynamail.protocols.address import AddressError
from dynamail.senders.models import Pool, RoutingRule, Stream, Transport
from dynamail.senders.pools import HIGHEST_WEIGHT, Membership
from dynamail.senders.routing import RuleSettings, find_domain
from dynamail.senders.streams import is_built_in
from dynamail.web.forms.transports import read_domain

EVERY_STREAM = ("", _("Any message"))


class PoolForm(forms.Form):
    """A pool's name, and a weight for each transport that is in it."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("For yourself, such as “Campaign servers”.")
    )

    def __init__(
        self, *args: Any, transports: Sequence[Transport], members: Sequence[Membership] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.transports = transports
        weights = {member.transport.pk: member.weight for member in members}
        for transport in transports:
            self.fields[_weight_name(transport)] = forms.IntegerField(
                label=_("Weight of %s") % transport.name,
                min_value=0,
                max_value=HIGHEST_WEIGHT,
                required=False,
                initial=weights.get(transport.pk),
                widget=forms.NumberInput(attrs={"placeholder": "–"}),
            )

    def rows(self) -> Iterator[tuple[Transport, BoundField]]:
        """Each transport with the field of its weight."""
        return ((transport, self[_weight_name(transport)]) for transport in self.transports)

    def members(self) -> list[Membership]:
        weights = [(one, self.cleaned_data.get(_weight_name(one))) for one in self.transports]
        return [Membership(transport, weight) for transport, weight in weights if weight is not None]


class RuleForm(forms.Form):
    """Conditions, and where mail goes that meets all of them."""

    stream = forms.ChoiceField(label=_("Kind of message"), required=False)
    sender_domain = forms.CharField(
        label=_("From the domain"),
        max_length=253,
        required=False,
        help_text=_("Such as example.com; its subdomains are meant too. Empty: any."),
    )
    recipient_domain = forms.CharField(
        label=_("To the domain"),
        max_length=253,
        required=False,
        help_text=_("Such as gmail.com; its subdomains are meant too. Empty: any."),
    )
    target = forms.ChoiceField(label=_("Goes through"))

    def __init__(
        self,
        *args: Any,
        pools: Sequence[Pool],
        transports: Sequence[Transport],
        streams: Sequence[Stream],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        _offer(self.fields["stream"], [EVERY_STREAM, *name_streams(streams)])
        everything: list[Pool | Transport] = [*pools, *transports]
        self.targets = {one.public_id: one for one in everything}
        groups = [
            (_("Pools"), [(pool.public_id, pool.name) for pool in pools]),
            (_("Transports"), [(transport.public_id, transport.name) for transport in transports]),
        ]
        targets = [("", _("Choose…")), *((title, found) for title, found in groups if found)]
        _offer(self.fields["target"], targets)

    def clean_sender_domain(self) -> str:
        return _read_optional_domain(self.cleaned_data["sender_domain"])

    def clean_recipient_domain(self) -> str:
        return _read_optional_domain(self.cleaned_data["recipient_domain"])

    def settings(self) -> RuleSettings:
        target = self.targets[self.cleaned_data["target"]]
        return RuleSettings(
            self.cleaned_data["stream"],
            self.cleaned_data["sender_domain"],
            self.cleaned_data["recipient_domain"],
            target if isinstance(target, Pool) else None,
            target if isinstance(target, Transport) else None,
        )


class WayForm(forms.Form):
    """Which way would a message take?"""

    stream = forms.ChoiceField(label=_("Kind of message"))
    sender = forms.CharField(label=_("From"), max_length=254, required=False)
    recipient = forms.CharField(label=_("To"), max_length=254, required=False)

    def __init__(self, *args: Any, streams: Sequence[Stream], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self.fields["stream"], name_streams(streams))

    def clean_sender(self) -> str:
        return _read_address_or_domain(self.cleaned_data["sender"])

    def clean_recipient(self) -> str:
        return _read_address_or_domain(self.cleaned_data["recipient"])


def name_streams(streams: Sequence[Stream]) -> list[tuple[str, Any]]:
    """What a rule may name: a kind of streams, or one stream that the account made."""
    own = [(one.key, one.name) for one in streams if not is_built_in(one)]
    return [*RoutingRule.Stream.choices, *own]


def _offer(field: forms.Field, choices: list[Any]) -> None:
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 — says it to the type checker
    field.choices = choices


def _read_optional_domain(text: str) -> str:
    return read_domain(text.strip()) if text.strip() else ""


def _read_address_or_domain(text: str) -> str:
    """Its domain."""
    try:
        return find_domain(text) if text.strip() else ""
    except AddressError as error:
        raise forms.ValidationError(_("Write an address or a domain. %s") % error) from None


def _weight_name(transport: Transport) -> str:
    return f"weight_{transport.public_id}"
