"""How forms look: every widget gets its class here, so that a form class never names one.

Set `FORM_RENDERER = "dynamail.web.forms_look.LookRenderer"`. Then `{{ form }}`, `{{ field.as_field_group }}`, `{% fields form %}` and
`{% field form.name %}` draw the same markup, for our forms and for those of libraries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.forms import BaseForm, ChoiceField
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.forms.widgets import CheckboxInput, RadioSelect
from django.http import HttpRequest

WIDGET_CLASSES = {
    "checkbox": "checkbox",
    "checkbox_option": "checkbox",
    "clearable_file_input": "file-input",
    "color": "input",
    "date": "input",
    "datetime": "input",
    "email": "input",
    "file": "file-input",
    "input": "input",
    "number": "input",
    "password": "input",
    "radio_option": "radio",
    "search": "input",
    "select": "select",
    "select_date": "select",
    "tel": "input",
    "text": "input",
    "textarea": "textarea",
    "time": "input",
    "url": "input",
}

# Django's own templates for a list of boxes are bare; ours make each choice a target as wide as the form.
WIDGET_TEMPLATES = {
    "django/forms/widgets/radio.html": "components/widgets/choices.html",
    "django/forms/widgets/checkbox_select.html": "components/widgets/choices.html",
    "django/forms/widgets/clearable_file_input.html": "components/widgets/clearable_file.html",
    "django/forms/widgets/password.html": "components/widgets/password.html",
}


class LookRenderer(TemplatesSetting):
    """Django's form renderer with our templates and the classes of the design system."""

    form_template_name = "components/form_body.html"
    formset_template_name = "components/formset_body.html"
    field_template_name = "components/field.html"

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if widget := context.get("widget"):
            _dress_widget(widget)
            template_name = WIDGET_TEMPLATES.get(template_name, template_name)
        return super().render(template_name, context, request)


def _dress_widget(widget: dict[str, Any]) -> None:
    _add_class(widget)
    for part in widget.get("subwidgets") or []:
        _dress_widget(part)
    for _group, options, _index in widget.get("optgroups") or []:
        for option in options:
            _add_class(option)


def _add_class(widget: dict[str, Any]) -> None:
    kind = widget["template_name"].rsplit("/", 1)[-1].removesuffix(".html")
    wanted = WIDGET_CLASSES.get(kind)
    attrs = widget["attrs"]
    given = attrs.get("class", "").split()
    if wanted and wanted not in given:
        # A copy: the widget's own attributes outlive this rendering.
        widget["attrs"] = {**attrs, "class": " ".join([wanted, *given])}


def offer_choices(form: BaseForm, field: str, choices: Iterable[tuple[str, Any]]) -> None:
    """Set what a choice field offers, for choices that only the request knows."""
    cast(ChoiceField, form.fields[field]).choices = list(choices)


def is_single_check(bound: BoundField) -> bool:
    """Is the field one box, whose label stands beside it?"""
    return isinstance(bound.field.widget, CheckboxInput)


def is_choice_list(bound: BoundField) -> bool:
    """Is the field a list of boxes, which needs a fieldset?"""
    return isinstance(bound.field.widget, RadioSelect)
