"""What the log of messages is asked for, as the page's address says it. What makes no sense is left out, never an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.contacts.addressing import AddressError, read_address
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.messages.email_log import EmailFilter, MailState
from dynamail.messages.email_reactions import Reaction
from dynamail.senders.models import Stream
from dynamail.web.periods import Period
from dynamail.web.states import look_up_state

CAMPAIGN, TEST = "campaign", "test"
SOURCES = {
    "api": gettext_lazy("API"),
    "smtp": gettext_lazy("SMTP"),
    TEST: gettext_lazy("Test keys"),
    CAMPAIGN: gettext_lazy("Campaigns"),
}
STATES = tuple(state.value for state in MailState if state != MailState.ACCEPTED)
REACTIONS = {
    Reaction.OPENED.value: gettext_lazy("Opened"),
    Reaction.CLICKED.value: gettext_lazy("Clicked"),
    Reaction.COMPLAINED.value: gettext_lazy("Marked as spam"),
    Reaction.RETURNED.value: gettext_lazy("Came back later"),
}
SHORTEST_PREFIX = 3  # characters of an address


@dataclass(frozen=True)
class Chip:
    """A field that narrows, and the address without it."""

    label: str
    url: str


@dataclass(frozen=True)
class LogQuery:
    """`address` is the key of a whole address, when one was asked for: campaigns' mail is found by it alone."""

    filters: EmailFilter
    values: Mapping[str, str]
    address: str
    before: UUID | None
    chips: Sequence[Chip]

    @property
    def source(self) -> str:
        return self.values.get("source", "")

    @property
    def is_empty(self) -> bool:
        return not self.values and self.before is None

    @property
    def wants_single(self) -> bool:
        return self.source != CAMPAIGN

    @property
    def wants_campaigns(self) -> bool:
        """Campaigns' messages have no tags, and no stream but that of marketing."""
        asked = self.source in ("", CAMPAIGN) and self.filters.stream in ("", Stream.Kind.MARKETING)
        return bool(self.address) and asked and not self.filters.tag

    @property
    def needs_address(self) -> bool:
        return self.source == CAMPAIGN and not self.address

    @property
    def is_prefix(self) -> bool:
        """Only the beginning of an address was asked for."""
        return bool(self.filters.recipient) and not self.address

    @property
    def is_short(self) -> bool:
        return 0 < len(self.values.get("q", "")) < SHORTEST_PREFIX

    def url(self, route: str = "messages", **more: str) -> str:
        query = {name: value for name, value in {**self.values, **more}.items() if value}
        return reverse(route) + ("?" + urlencode(query) if query else "")


def read_log_query(
    query: Mapping[str, Any], *, streams: Sequence[Stream], now: datetime, zone: tzinfo
) -> LogQuery:
    get = {name: value.replace("\x00", "").strip()[:254] for name, value in query.items()}
    period = Period.read(get, now=now, zone=zone)
    values = {
        "q": get.get("q", ""),
        "state": _among(get, "state", (*STATES, *REACTIONS)),
        "tag": get.get("tag", "")[:100],
        "stream": _among(get, "stream", [stream.key for stream in streams]),
        "source": _among(get, "source", SOURCES),
        **period.values,
    }
    values = {name: value for name, value in values.items() if value}
    text, key = _read_recipient(values.get("q", ""))
    source, state = values.get("source", ""), values.get("state", "")
    filters = EmailFilter(
        state="" if state in REACTIONS else state,
        reaction=state if state in REACTIONS else "",
        tag=values.get("tag", ""),
        recipient=text if len(text) >= SHORTEST_PREFIX else "",
        stream=values.get("stream", ""),
        source_kind=source if source in ("api", "smtp") else "",
        is_test=True if source == TEST else None,
        since=period.since,
        until=period.until,
    )
    chips = tuple(_list_chips(values, streams))
    return LogQuery(filters, values, key, _read_before(get.get("before", "")), chips)


def _among(get: Mapping[str, str], name: str, known: Any) -> str:
    value = get.get(name, "")
    return value if value in known else ""


def _read_recipient(text: str) -> tuple[str, str]:
    """The text as recipients are kept, and the key when it is a whole address."""
    try:
        address = read_address(text)
    except AddressError:
        return text, ""
    return address.email, address.key


def _read_before(text: str) -> UUID | None:
    try:
        return from_public_id("eml", text) if text else None
    except UnknownId:
        return None


def _list_chips(values: Mapping[str, str], streams: Sequence[Stream]) -> list[Chip]:
    """Of what hides in the filter's menu."""
    names = {stream.key: stream.name for stream in streams}
    words = {
        "tag": lambda value: _("Tag: %s") % value,
        "stream": lambda value: _("Stream: %s") % names[value],
        "source": lambda value: _("From: %s") % SOURCES[value],
    }
    chips = []
    for name, write in words.items():
        if name in values:
            rest = {other: value for other, value in values.items() if other != name}
            chips.append(Chip(write(values[name]), reverse("messages") + "?" + urlencode(rest)))
    return chips


def list_state_choices() -> list[tuple[str, object]]:
    return [(state, look_up_state(state).label) for state in STATES]


class RescheduleForm(forms.Form):
    """Another time for mail that waits, in the account's time zone, which is the active one."""

    at = forms.DateTimeField(
        label=gettext_lazy("Send at"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].help_text = _("In the time zone %s, up to 30 days ahead.") % zone
