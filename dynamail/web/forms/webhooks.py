from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.events.kinds import EventKind
from dynamail.webhooks.authorizing import STATEMENT
from dynamail.webhooks.endpoints import MOST_DESCRIPTION, MOST_URL, EndpointSettings, is_wider
from dynamail.webhooks.errors import WebhookError
from dynamail.webhooks.kinds import ALL, KINDS, USUAL_FIELDS, FieldGroup
from dynamail.webhooks.models import WebhookEndpoint
from dynamail.webhooks.replaying import ReplayRange

EMAIL_KINDS = tuple(
    kind for kind in KINDS if kind.startswith("message.") and kind != EventKind.MESSAGE_RECEIVED
)
PRESETS = (
    ("emails", gettext_lazy("What becomes of messages: delivered, bounced, opened, clicked …")),
    ("all", gettext_lazy("Everything, also what is added later")),
    ("custom", gettext_lazy("Chosen events")),
)
_NOUNS = {
    "message": gettext_lazy("Messages"),
    "contact": gettext_lazy("Contacts"),
    "contacts": gettext_lazy("Contacts"),
    "segment": gettext_lazy("Segments"),
    "campaign": gettext_lazy("Campaigns"),
}


def group_kinds() -> list[tuple[Any, list[tuple[str, str]]]]:
    """The events by their nouns, as a field of choices takes them."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind in KINDS:
        noun = str(_NOUNS[kind.partition(".")[0]])
        groups.setdefault(noun, []).append((kind, f"{EventKind(kind).label} ({kind})"))
    return list(groups.items())


class WebhookForm(forms.Form):
    """Where to, which events, with which fields, and that it is allowed."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=MOST_URL,
        widget=forms.URLInput(attrs={"placeholder": "https://shop.example/hook", "autocomplete": "off"}),
        help_text=gettext_lazy("It is sent a POST for each event, and answers with 2xx within 15 seconds."),
    )
    description = forms.CharField(
        label=gettext_lazy("Who receives it"),
        max_length=MOST_DESCRIPTION,
        required=False,
        help_text=gettext_lazy("Such as: the order system, run by our agency."),
    )
    preset = forms.ChoiceField(
        label=gettext_lazy("Events"), choices=PRESETS, initial="emails", widget=forms.RadioSelect
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Which ones"), required=False, widget=forms.CheckboxSelectMultiple
    )
    fields_given = forms.MultipleChoiceField(
        label=gettext_lazy("Given besides ids, types and codes"),
        choices=FieldGroup.choices,
        required=False,
        initial=list(USUAL_FIELDS),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Give what the receiver needs and no more: it leaves this server."),
    )
    authorized = forms.BooleanField(label=STATEMENT, required=False)

    def __init__(self, *args: Any, endpoint: WebhookEndpoint | None = None, **kwargs: Any) -> None:
        self.endpoint = endpoint
        if endpoint is not None:
            kwargs.setdefault("initial", _read_endpoint(endpoint))
        super().__init__(*args, **kwargs)
        field = self.fields["kinds"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 — for the type checker
        field.choices = group_kinds()  # type: ignore[assignment]

    def clean_url(self) -> str:
        return str(self.cleaned_data["url"]).strip()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("preset") == "custom" and not values.get("kinds"):
            self.add_error("kinds", _("Choose at least one event."))
        if not self.errors and not values["authorized"] and self._needs_authorization():
            self.add_error("authorized", _("Nothing is sent without it: tick it to authorize the transfer."))
        return values

    def chosen(self) -> EndpointSettings:
        values = self.cleaned_data
        kinds = {"emails": EMAIL_KINDS, "all": (ALL,)}.get(values["preset"], tuple(values["kinds"]))
        return EndpointSettings(values["url"], kinds, tuple(values["fields_given"]), values["description"])

    def refuse(self, error: WebhookError) -> None:
        names = {"url": "url", "events": "kinds", "fields": "fields_given", "authorized": "authorized"}
        self.add_error(names.get(error.field), str(error))

    def _needs_authorization(self) -> bool:
        if self.endpoint is None or not self.endpoint.is_authorized:
            return True
        try:
            return is_wider(self.endpoint, self.chosen())
        except Exception:  # an address that cannot be read is refused by the verb, in its words
            return False


class ReplayForm(forms.Form):
    """Which events to send again."""

    since = forms.DateTimeField(
        label=gettext_lazy("From"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Now, when it is left empty."),
    )
    again = forms.BooleanField(
        label=gettext_lazy("Also what was delivered"),
        required=False,
        help_text=gettext_lazy("It comes with the same webhook-id, so that a receiver knows it."),
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"since": timezone.localtime(now - timedelta(days=1))})
        super().__init__(*args, **kwargs)
        self.now = now

    def wanted(self) -> ReplayRange:
        values = self.cleaned_data
        return ReplayRange(values["since"], values["until"] or self.now, only_missing=not values["again"])


def _read_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "preset": _find_preset(endpoint.kinds),
        "kinds": [] if ALL in endpoint.kinds else endpoint.kinds,
        "fields_given": endpoint.fields,
    }


def _find_preset(kinds: Iterable[str]) -> str:
    if ALL in kinds:
        return "all"
    return "emails" if set(kinds) == set(EMAIL_KINDS) else "custom"
