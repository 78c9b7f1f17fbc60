"""A condition in a form: the hidden input that the builder writes, read, checked and said what is wrong with."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.checking import check_condition
from dynamail.conditions.faults import ConditionFault, Fault, make_fault, show_text
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.printing import to_json
from dynamail.conditions.tree import EVERYBODY
from dynamail.segments.wording import translate_fault

MAX_DOCUMENT = 65_536  # characters


def read_json(text: str | bytes) -> Any:
    """Decoded JSON of foreign hands. Raises ConditionFault for what is none, too large or too deep to be read."""
    if len(text) > MAX_DOCUMENT:
        problem = _("it has more than %(limit)d KB; divide it into segments") % {
            "limit": MAX_DOCUMENT // 1024
        }
        raise ConditionFault([make_fault("", "no_json", problem=problem)])
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ConditionFault([make_fault("", "too_deep")]) from None
    except ValueError as error:
        problem = show_text(getattr(error, "msg", "") or type(error).__name__)
        raise ConditionFault([make_fault("", "no_json", problem=problem)]) from None


class ConditionField(forms.Field):
    """JSON of the condition language; its value is the canonical document, {} for everybody. `give_catalog` comes first."""

    widget = forms.HiddenInput
    catalog = Catalog()

    def __init__(self, *, label: Any = None, widget: Any = None) -> None:
        super().__init__(required=False, label=label or _("Conditions"), widget=widget)

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False)

    def to_python(self, value: Any) -> dict[str, Any]:
        try:
            document = read_json(value or "{}")
            condition = parse_condition(document)
        except ConditionFault as error:
            raise _explain(error.faults) from None
        if faults := check_condition(condition, self.catalog):
            raise _explain(faults)
        return {} if condition == EVERYBODY else dict(to_json(condition))


def give_catalog(form: forms.BaseForm, catalog: Catalog) -> None:
    """Let the conditions of a form be held against what the account has."""
    for one in form.fields.values():
        if isinstance(one, ConditionField):
            one.catalog = catalog


def read_sent(bound: forms.BoundField) -> Any:
    """The condition as it was sent, however faulty: the builder shows it with its marks."""
    try:
        return read_json(bound.value() or "{}")
    except ConditionFault:
        return {}


def _explain(faults: Any) -> ValidationError:
    """One sentence for each; the builder marks the places."""
    told: dict[str, Fault] = {translate_fault(fault): fault for fault in faults}
    return ValidationError([ValidationError(text, code=fault.code) for text, fault in told.items()])


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON
