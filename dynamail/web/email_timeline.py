"""What happened to one email, in words: taken, tried, delivered, opened. Oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.consent.gate import SENTENCES, Reason
from dynamail.events.models import Event
from dynamail.messages.email_log import EmailView, MailState, RecipientView

_LOOKS: dict[str, tuple[str, str, Promise]] = {
    "message.delivered": ("circle-check", "success", gettext_lazy("Delivered")),
    "message.delayed": ("clock", "warning", gettext_lazy("Put off by the other side")),
    "message.bounced": ("alert-circle", "error", gettext_lazy("Bounced")),
    "message.suppressed": ("ban", "neutral", gettext_lazy("Not sent")),
    "message.canceled": ("player-stop", "neutral", gettext_lazy("Canceled")),
    "message.expired": ("clock", "error", gettext_lazy("Given up after many tries")),
    "message.opened": ("mail-opened", "info", gettext_lazy("Opened")),
    "message.clicked": ("click", "info", gettext_lazy("Clicked")),
    "message.complained": ("flag", "error", gettext_lazy("Marked as spam")),
    "message.replied": ("arrow-back-up", "primary", gettext_lazy("Replied")),
}


@dataclass(frozen=True)
class Line:
    """One line of the conversation with the other server, both as text."""

    sent: str
    answered: str

    @property
    def tone(self) -> str:
        """Of the answer: by the first digit of its code (RFC 5321 §4.2.1)."""
        return {"4": "warning", "5": "error"}.get(self.answered[:1], "neutral")


@dataclass(frozen=True)
class Moment:
    """One entry. `detail` and `dialog` may come from outside: they are shown as text."""

    at: datetime
    icon: str
    tone: str
    title: str
    detail: str = ""
    who: str = ""  # the recipient, where there are several
    way: str = ""  # which server, how
    dialog: tuple[Line, ...] = ()
    is_ahead: bool = False

    @property
    def transcript(self) -> str:
        """The conversation to copy, as RFC 5321 appendix D writes one: C is this server, S the other."""
        said = [(who, text) for line in self.dialog for who, text in (("C", line.sent), ("S", line.answered))]
        return "\n".join(f"{who}: {text}" for who, text in said if text)


def list_moments(view: EmailView, *, key_name: str) -> list[Moment]:
    """From acceptance to what is still to come."""
    names = {one.message_id: one.email for one in view.recipients}
    many = len(names) > 1
    moments = [_tell_acceptance(view, key_name)]
    moments += [_tell_event(event, names if many else {}) for event in view.timeline]
    return moments + list(_list_ahead(view.waiting, many=many))


def _tell_acceptance(view: EmailView, key_name: str) -> Moment:
    source = view.email.get_source_kind_display()
    title = _("Accepted by %s") % source
    detail = _("with the key “%s”") % key_name if key_name else ""
    return Moment(view.email.at, "inbox", "neutral", title, detail)


def _tell_event(event: Event, names: dict[UUID, str]) -> Moment:
    icon, tone, title = _LOOKS.get(event.kind, ("info-circle", "neutral", event.get_kind_display()))
    data = event.data if isinstance(event.data, dict) else {}
    return Moment(
        at=event.at,
        icon=icon,
        tone=tone,
        title=str(title),
        detail=_write_detail(event.kind, data),
        who=names.get(event.message_id, "") if event.message_id else "",
        way=_write_way(data),
        dialog=tuple(_read_dialog(data.get("dialog"))),
    )


def _write_detail(kind: str, data: dict[str, Any]) -> str:
    if kind == "message.suppressed":
        reason = data.get("reason", "")
        known = SENTENCES.get(Reason(reason)) if reason in set(Reason) else None
        return str(known or data.get("reply") or reason)
    if kind == "message.clicked":
        return str(data.get("url") or data.get("link") or "")
    if data.get("bot") or data.get("machine"):
        return _("by a machine, not a person")
    return str(data.get("reply") or data.get("detail") or "")


def _write_way(data: dict[str, Any]) -> str:
    """Such as `mx.example (192.0.2.1), TLSv1.3, attempt 2`."""
    host, ip, tls = (str(data.get(name) or "") for name in ("host", "ip", "tls"))
    if not host and not ip:
        return ""
    server = f"{host} ({ip})" if host and ip and host != ip else host or ip
    parts = [server, tls or _("in the clear")]
    if isinstance(attempt := data.get("attempt"), int) and attempt > 1:
        parts.append(_("attempt %d") % attempt)
    return ", ".join(parts)


def _read_dialog(said: Any) -> list[Line]:
    if not isinstance(said, list):
        return []
    return [Line(str(one[0]), str(one[1])) for one in said if isinstance(one, list) and len(one) == 2]


def _list_ahead(waiting: Sequence[RecipientView], *, many: bool) -> list[Moment]:
    moments = []
    for one in waiting:
        if one.run_at is None:
            continue
        titles = {
            MailState.SCHEDULED: _("Will be sent"),
            MailState.QUEUED: _("Waits for its turn"),
            MailState.DEFERRED: _("Will be tried again"),
        }
        who = one.email if many else ""
        icon = "calendar" if one.state == MailState.SCHEDULED else "circle-dashed"
        moments.append(Moment(one.run_at, icon, "neutral", titles[one.state], who=who, is_ahead=True))
    return moments
