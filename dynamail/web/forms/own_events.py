"""The account's own events: a description, and bringing in a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.importing_events.columns import PROPERTY, PROPERTY_TYPES, EventOptions, Target
from dynamail.contacts.importing_suppressions.rows import read_moment
from dynamail.contacts.models import Attribute, ContactImport
from dynamail.contacts.values import ValueProblem, parse_value
from dynamail.events.own_values import MAX_NAME, OwnEventFault, clean_event_name
from dynamail.protocols.address import AddressError, split_mailbox
from dynamail.web.forms.imports import ColumnChoice, Sample, TargetGroup

SHOWN_SAMPLES = 3


class DescriptionForm(forms.Form):
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("What it means, for whoever builds a segment with it."),
    )


class EventOptionsForm(forms.Form):
    """What holds for rows that do not say it themselves."""

    event = forms.CharField(
        label=gettext_lazy("Name of the event"),
        required=False,
        max_length=MAX_NAME,
        help_text=gettext_lazy("For rows without a name of their own, such as order.placed."),
        widget=forms.TextInput(attrs={"list": "known-events", "autocomplete": "off"}),
    )
    create_contacts = forms.BooleanField(
        label=gettext_lazy("Add contacts for addresses that nobody has"),
        required=False,
        help_text=gettext_lazy("Without it their rows are rejected. Being added is no permission to mail."),
    )

    def __init__(self, *arguments: Any, row: ContactImport, **options: Any) -> None:
        kept = EventOptions.from_json(row.options)
        initial = {"event": kept.event, "create_contacts": kept.create_contacts}
        super().__init__(*arguments, **(options | {"initial": initial}))

    def clean_event(self) -> str:
        name = self.cleaned_data["event"].strip()
        if not name:
            return ""
        try:
            return clean_event_name(name)
        except OwnEventFault as fault:
            raise forms.ValidationError(str(fault)) from None

    def make_options(self) -> EventOptions:
        return EventOptions(self.cleaned_data["event"], self.cleaned_data["create_contacts"])


def list_event_targets() -> list[TargetGroup]:
    types = [(f"{PROPERTY}{kind}", _("Property: %s") % kind.label) for kind in PROPERTY_TYPES]
    return [
        TargetGroup(_("Event"), [(value, str(label)) for value, label in Target.choices]),
        TargetGroup(_("Property"), types),
    ]


def list_event_columns(row: ContactImport, mapping: Sequence[str], *, zone: tzinfo) -> list[ColumnChoice]:
    """The columns of the mapping page, with what is wrong in the samples."""
    return [_make_column(row, place, target, zone) for place, target in enumerate(mapping)]


def _make_column(row: ContactImport, place: int, target: str, zone: tzinfo) -> ColumnChoice:
    cells = [sample[place] if place < len(sample) else "" for sample in row.samples]
    samples = [Sample(cell, _find_problem(target, cell, zone)) for cell in cells]
    problems = sum(1 for sample in samples if sample.problem)
    shown = sorted((one for one in samples if one.text or one.problem), key=lambda one: not one.problem)
    distinct = list(dict.fromkeys(shown))[:SHOWN_SAMPLES]
    return ColumnChoice(row.columns[place], f"column_{place}", target, distinct, problems)


def _find_problem(target: str, cell: str, zone: tzinfo) -> str:
    try:
        if target == Target.EMAIL:
            split_mailbox(cell)
        elif target == Target.TIME:
            read_moment(cell.strip(), zone=zone)
        elif target == Target.EVENT and cell.strip():
            clean_event_name(cell.strip())
        elif target.startswith(PROPERTY):
            parse_value(Attribute(type=target.removeprefix(PROPERTY)), cell, zone=zone)
    except (AddressError, RowProblem, OwnEventFault, ValueProblem) as problem:
        return str(problem)
    except KeyError:  # a type that there is not: the mapping is refused when it is sent
        return ""
    return ""
