"""A stream: its name, what it counts, how long its mail is kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamail.senders.models import Stream
from dynamail.senders.streams import BODY_DAYS, LOG_DAYS, Habits


class StreamForm(forms.Form):
    """Of a stream that exists the key and the kind stay."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("Such as “Receipts” or “Password resets”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    key = forms.CharField(
        label=_("Key"),
        max_length=40,
        required=False,
        help_text=_("What requests and routing rules say. Empty: made from the name. It stays for good."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "font-mono"}),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (Stream.Kind.TRANSACTIONAL, _("Transactional: what somebody's own act asked for")),
            (Stream.Kind.MARKETING, _("Marketing: only to people who agreed to it")),
        ],
        initial=Stream.Kind.TRANSACTIONAL,
        widget=forms.RadioSelect,
    )
    body_days = forms.IntegerField(
        label=_("Days that contents are kept"),
        min_value=BODY_DAYS[0],
        max_value=BODY_DAYS[1],
        initial=30,
        help_text=_("HTML, text and attachments. 0: only until the mail is sent."),
    )
    log_days = forms.IntegerField(
        label=_("Days that the log is kept"),
        min_value=LOG_DAYS[0],
        max_value=LOG_DAYS[1],
        initial=396,
        help_text=_("Who got what and what became of it, without contents."),
    )
    tracks_opens = forms.BooleanField(label=_("Count opens"), required=False)
    tracks_clicks = forms.BooleanField(label=_("Count clicks"), required=False)

    def __init__(self, *args: Any, stream: Stream | None = None, **kwargs: Any) -> None:
        if stream is not None:
            kwargs["initial"] = {field: getattr(stream, field) for field in self.base_fields}
        super().__init__(*args, **kwargs)
        if stream is not None:
            del self.fields["key"], self.fields["kind"]

    @property
    def habits(self) -> Habits:
        data = self.cleaned_data
        return Habits(data["body_days"], data["log_days"], data["tracks_opens"], data["tracks_clicks"])
