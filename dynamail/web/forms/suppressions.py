"""The list of suppressions: its address line, adding by hand, giving an end, and bringing in a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.consent.mass_suppressing import NewSuppression
from dynamail.consent.models import SuppressionReason, SuppressionScope
from dynamail.consent.suppressing import MAX_DETAIL
from dynamail.consent.suppression_list import (
    EITHER,
    ENDED,
    IN_FORCE,
    LONGEST,
    MAX_AT_ONCE,
    STATED_REASONS,
    SuppressionFilter,
)
from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.importing_suppressions.columns import Defaults, Target
from dynamail.contacts.importing_suppressions.rows import read_moment
from dynamail.contacts.importing_suppressions.words import read_reason, read_scope
from dynamail.contacts.models import ContactImport
from dynamail.protocols.address import AddressError, split_mailbox
from dynamail.web.forms.imports import ColumnChoice, Sample, TargetGroup
from dynamail.web.forms_look import offer_choices

SHOWN_PROBLEMS = 5
SHOWN_SAMPLES = 3

# A word for a column or a filter; the model's labels are sentences.
REASON_WORDS: dict[str, Promise] = {
    SuppressionReason.HARD_BOUNCE: gettext_lazy("Bounced"),
    SuppressionReason.COMPLAINT: gettext_lazy("Complained"),
    SuppressionReason.UNSUBSCRIBE: gettext_lazy("Unsubscribed"),
    SuppressionReason.MANUAL: gettext_lazy("By hand"),
    SuppressionReason.ERASURE: gettext_lazy("Erased"),
}
REASON_TONES: dict[str, str] = {
    SuppressionReason.HARD_BOUNCE: "error",
    SuppressionReason.COMPLAINT: "error",
    SuppressionReason.UNSUBSCRIBE: "warning",
}
STATED_CHOICES = [(reason.value, REASON_WORDS[reason]) for reason in STATED_REASONS]


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class SuppressionQuery:
    """The list's address, understood. A word that means nothing is left out."""

    wanted: SuppressionFilter
    values: Mapping[str, str]

    def encode(self, **changes: str) -> str:
        """The query string of this list, with changes; an empty value drops its key."""
        return "?" + urlencode({key: value for key, value in {**self.values, **changes}.items() if value})

    @property
    def is_plain(self) -> bool:
        return not any(self.values.values())


def read_suppression_query(query: QueryDict) -> SuppressionQuery:
    source = query.get("import", "")
    values = {
        "q": query.get("q", "").strip()[:320],
        "reason": _one_of(query.get("reason", ""), SuppressionReason.values),
        "scope": _one_of(query.get("scope", ""), SuppressionScope.values),
        "state": _one_of(query.get("state", ""), (ENDED, EITHER)),
        "import": source[:64] if source.startswith("imp_") else "",
    }
    wanted = SuppressionFilter(
        search=values["q"],
        reason=values["reason"],
        scope=values["scope"],
        state=values["state"] or IN_FORCE,
        source_id=values["import"],
    )
    return SuppressionQuery(wanted, values)


def _one_of(text: str, words: Sequence[str]) -> str:
    return text if text in words else ""


# ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _make_end_field(label: Any, **options: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        **options,
    )


def find_end(day: Any, *, zone: tzinfo, now: datetime) -> datetime | None:
    """The end of a day, when what holds until that day is over; None for no day. Raises ValidationError."""
    if day is None:
        return None
    try:
        end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    except OverflowError:
        end = now + 2 * LONGEST
    if not now < end <= now + LONGEST:
        raise forms.ValidationError(_("Choose a day from today on, within a century."))
    return end


class SuppressionForm(forms.Form):
    """Addresses that must not be mailed, and why."""

    addresses = forms.CharField(
        label=gettext_lazy("Addresses"),
        max_length=400_000,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("One on each line, or separated by commas."),
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=STATED_CHOICES, initial=SuppressionReason.MANUAL
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("What is not sent"),
        choices=SuppressionScope.choices,
        initial=SuppressionScope.ALL,
        widget=forms.RadioSelect,
    )
    detail = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=MAX_DETAIL)
    until = _make_end_field(
        gettext_lazy("Until the end of"), help_text=gettext_lazy("Leave it empty to suppress forever.")
    )

    def __init__(self, *arguments: Any, zone: tzinfo, now: datetime, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._zone, self._now = zone, now

    def clean_addresses(self) -> list[str]:
        """Their keys, each once."""
        pieces = [piece.strip() for piece in re.split(r"[,;\r\n]+", self.cleaned_data["addresses"])]
        keys, problems = [], []
        for piece in filter(None, pieces):
            try:
                keys.append(split_mailbox(piece).address.key)
            except AddressError as error:
                problems.append(f"“{piece[:80]}”: {error}")
        if problems:
            shown = problems[:SHOWN_PROBLEMS]
            if len(problems) > SHOWN_PROBLEMS:
                shown.append(_("… and %(count)s more.") % {"count": len(problems) - SHOWN_PROBLEMS})
            raise forms.ValidationError([forms.ValidationError(text) for text in shown])
        keys = list(dict.fromkeys(keys))
        if not keys:
            raise forms.ValidationError(_("Write at least one address."))
        if len(keys) > MAX_AT_ONCE:
            raise forms.ValidationError(
                _("That is more than %(limit)s addresses: import them as a file.") % {"limit": MAX_AT_ONCE}
            )
        return keys

    def clean_until(self) -> datetime | None:
        return find_end(self.cleaned_data["until"], zone=self._zone, now=self._now)

    def make_rows(self) -> list[NewSuppression]:
        data = self.cleaned_data
        detail = " ".join(data["detail"].split())
        return [
            NewSuppression(key, data["reason"], data["scope"], self._now, detail, data["until"])
            for key in data["addresses"]
        ]


class EndForm(forms.Form):
    """Until when a suppression stands."""

    until = _make_end_field(
        gettext_lazy("Until the end of"), help_text=gettext_lazy("Leave it empty to suppress forever.")
    )

    def __init__(self, *arguments: Any, zone: tzinfo, now: datetime, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._zone, self._now = zone, now

    def clean_until(self) -> datetime | None:
        return find_end(self.cleaned_data["until"], zone=self._zone, now=self._now)


# ── A file ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class DefaultsForm(forms.Form):
    """What is meant by rows that do not say it themselves."""

    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=STATED_CHOICES)
    scope = forms.ChoiceField(label=gettext_lazy("What is not sent"), required=False)

    def __init__(self, *arguments: Any, row: ContactImport, **options: Any) -> None:
        self._defaults = Defaults.from_json(row.options)
        initial = {"reason": self._defaults.reason, "scope": self._defaults.scope}
        super().__init__(*arguments, **(options | {"initial": initial}))
        offer_choices(
            self,
            "scope",
            [("", _("Campaigns after an unsubscribe, else all mail")), *SuppressionScope.choices],
        )

    def make_defaults(self) -> Defaults:
        return Defaults(self.cleaned_data["reason"], self.cleaned_data["scope"])


def list_suppression_targets() -> list[TargetGroup]:
    return [TargetGroup(_("Suppression"), [(value, str(label)) for value, label in Target.choices])]


def list_suppression_columns(
    row: ContactImport, mapping: Sequence[str], *, zone: tzinfo
) -> list[ColumnChoice]:
    """The columns of the mapping page; a sample of a reason says how it is understood."""
    return [_make_column(row, place, target, zone) for place, target in enumerate(mapping)]


def _make_column(row: ContactImport, place: int, target: str, zone: tzinfo) -> ColumnChoice:
    cells = [sample[place] if place < len(sample) else "" for sample in row.samples]
    samples = [_make_sample(target, cell, zone) for cell in cells]
    problems = sum(1 for sample in samples if sample.problem)
    shown = sorted((one for one in samples if one.text or one.problem), key=lambda one: not one.problem)
    distinct = list(dict.fromkeys(shown))[:SHOWN_SAMPLES]
    known = target if target in Target.values else ""
    return ColumnChoice(row.columns[place], f"column_{place}", known, distinct, problems)


def _make_sample(target: str, cell: str, zone: tzinfo) -> Sample:
    try:
        match target:
            case Target.EMAIL:
                split_mailbox(cell)
            case Target.SINCE | Target.EXPIRES if cell.strip():
                read_moment(cell.strip(), zone=zone)
            case Target.REASON | Target.SCOPE if cell.strip():
                return Sample(f"{cell} → {_say_meaning(target, cell)}", "")
    except (AddressError, RowProblem) as problem:
        return Sample(cell, str(problem))
    return Sample(cell, "")


def _say_meaning(target: str, cell: str) -> str:
    if target == Target.SCOPE:
        scope = read_scope(cell)
        return str(SuppressionScope(scope).label) if scope else _("as the reason says")
    meaning = read_reason(cell)
    if meaning is None:
        return _("the reason below, with this as a note")
    return str(REASON_WORDS[meaning.reason]) if meaning.is_suppressed else _("left alone")
