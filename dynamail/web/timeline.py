"""What happened with a contact, from every table that knows: messages, opens and clicks, consent, edits. One list, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.campaigns.models import Campaign
from dynamail.consent.models import LawfulBasis, SuppressionReason, Topic
from dynamail.contacts.models import Attribute, ContactImport, Tag
from dynamail.contacts.timeline import OWN, Moment, list_moments
from dynamail.messages.models import Message, MessageState
from dynamail.segments.models import Segment
from dynamail.tracking.models import Link

PAGE_SIZE = 30


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `detail` may come from outside (a relay's reply): it is shown as text."""

    at: datetime
    icon: str
    tone: str
    title: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True)
class TimelinePage:
    entries: Sequence[Entry]
    older: str  # the moment to ask on from, empty at the end


@dataclass(frozen=True)
class _Names:
    """What ids in the entries are called."""

    campaigns: dict[UUID, Campaign]
    imports: dict[UUID, ContactImport]
    topics: dict[int, str]
    tags: dict[int, str]
    attributes: dict[int, str]
    links: dict[tuple[UUID, int], str]
    segments: dict[UUID, Segment]


def list_entries(account_id: int, contact_id: UUID, *, before: datetime | None) -> TimelinePage:
    """A page of the contact's timeline."""
    messages = _list_messages(account_id, contact_id, before)
    moments = list_moments(account_id, contact_id, before=before, limit=PAGE_SIZE + 1)
    told = {message.id for message in messages}
    moments = [
        moment for moment in moments if moment.message_id not in told or moment.kind != "message.bounced"
    ]
    names = _look_up_names(account_id, moments, messages)
    entries = [_tell_message(message, names) for message in messages]
    entries += [_tell_moment(moment, names) for moment in moments]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    more = len(entries) > PAGE_SIZE
    entries = entries[:PAGE_SIZE]
    return TimelinePage(entries, entries[-1].at.isoformat() if more else "")


def _list_messages(account_id: int, contact_id: UUID, before: datetime | None) -> list[Message]:
    rows = Message.objects.for_account(account_id).filter(contact_id=contact_id)
    if before is not None:
        rows = rows.filter(at__lt=before)
    return list(rows.order_by("-at", "-id")[: PAGE_SIZE + 1])


def _look_up_names(account_id: int, moments: Iterable[Moment], messages: Iterable[Message]) -> _Names:
    named = [*(one.source_id for one in moments), *(one.source_id for one in messages)]
    sources = {source_id for source_id in named if source_id is not None}
    return _Names(
        campaigns={row.uid: row for row in Campaign.objects.for_account(account_id).filter(uid__in=sources)},
        imports={
            row.uid: row for row in ContactImport.objects.for_account(account_id).filter(uid__in=sources)
        },
        topics=dict(Topic.objects.for_account(account_id).values_list("pk", "name")),
        tags=dict(Tag.objects.for_account(account_id).values_list("pk", "name")),
        attributes=dict(Attribute.objects.for_account(account_id).values_list("number", "label")),
        links=_look_up_links(account_id, moments),
        segments={row.uid: row for row in Segment.objects.for_account(account_id).filter(uid__in=sources)},
    )


def _look_up_links(account_id: int, moments: Iterable[Moment]) -> dict[tuple[UUID, int], str]:
    clicked = {one.source_id for one in moments if one.kind == "message.clicked" and one.source_id}
    rows = Link.objects.for_account(account_id).filter(source_id__in=clicked) if clicked else []
    return {(row.source_id, row.number): row.label or row.url for row in rows}


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
_OUTCOMES: dict[MessageState, tuple[str, str, Promise]] = {
    MessageState.DELIVERED: ("mail", "success", gettext_lazy("“%s” was delivered")),
    MessageState.BOUNCED: ("alert-circle", "error", gettext_lazy("“%s” bounced")),
    MessageState.SUPPRESSED: ("ban", "neutral", gettext_lazy("“%s” was not sent: the address is suppressed")),
    MessageState.CANCELED: ("player-stop", "neutral", gettext_lazy("“%s” was canceled before it was sent")),
    MessageState.EXPIRED: ("clock", "warning", gettext_lazy("“%s” was given up after many tries")),
    MessageState.UNKNOWN: ("help-circle", "warning", gettext_lazy("“%s” may or may not have arrived")),
}


def _tell_message(message: Message, names: _Names) -> Entry:
    icon, tone, sentence = _OUTCOMES[MessageState(message.state)]
    campaign = names.campaigns.get(message.source_id) if message.source_id else None
    title = str(sentence) % (campaign.name if campaign else message.get_source_kind_display())
    return Entry(
        message.at,
        icon,
        tone,
        title,
        message.reply if message.state != MessageState.DELIVERED else "",
        _report(campaign),
    )


def _report(campaign: Campaign | None) -> str:
    return reverse("campaign", args=[campaign.public_id]) if campaign else ""


# ── Moments ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _tell_moment(moment: Moment, names: _Names) -> Entry:
    tell = _TELLERS.get(moment.kind, _tell_other)
    return tell(moment, names)


def _tell_own(moment: Moment, names: _Names) -> Entry:
    properties = " · ".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in moment.data["properties"].items()
    )
    return Entry(moment.at, "bolt", "info", moment.data["name"], properties)


def _tell_other(moment: Moment, names: _Names) -> Entry:
    return Entry(moment.at, "bolt", "neutral", moment.kind)


def _tell_created(moment: Moment, names: _Names) -> Entry:
    row = names.imports.get(moment.source_id) if moment.source_id else None
    if row is not None:
        return Entry(
            moment.at, "file-import", "primary", _("Added by import"), row.file_name, _import_url(row)
        )
    return Entry(moment.at, "user-plus", "primary", _("Added"), _by(moment.data))


def _tell_updated(moment: Moment, names: _Names) -> Entry:
    row = names.imports.get(moment.source_id) if moment.source_id else None
    if row is not None:
        return Entry(
            moment.at, "file-import", "neutral", _("Changed by import"), row.file_name, _import_url(row)
        )
    fields = ", ".join(_name_field(one, names) for one in moment.data.get("fields", ()))
    title = _("Changed: %s") % fields if fields else _("Changed")
    return Entry(moment.at, "pencil", "neutral", title, _by(moment.data))


def _name_field(name: str, names: _Names) -> str:
    kind, _colon, number = name.partition(":")
    if kind == "attribute":
        return names.attributes.get(int(number), _("a deleted attribute"))
    plain = {
        "email": _("Email"),
        "name": _("Name"),
        "language": _("Language"),
        "timezone": _("Time zone"),
        "tags": _("Tags"),
        "state": _("State"),
        "external_ids": _("External ids"),
    }
    return plain.get(kind, kind)


def _tell_tagged(moment: Moment, names: _Names) -> Entry:
    tag = names.tags.get(moment.data.get("tag", 0), _("a deleted tag"))
    if moment.kind == "contact.tagged":
        return Entry(moment.at, "tag", "neutral", _("Tag “%s” added") % tag, _by(moment.data))
    return Entry(moment.at, "tag", "neutral", _("Tag “%s” removed") % tag, _by(moment.data))


def _tell_suppressed(moment: Moment, names: _Names) -> Entry:
    reason = moment.data.get("reason", "")
    label = dict(SuppressionReason.choices).get(reason, reason)
    return Entry(moment.at, "ban", "error", _("Suppressed"), str(label))


def _tell_merged(moment: Moment, names: _Names) -> Entry:
    return Entry(
        moment.at, "users", "primary", _("Another contact was merged into this one"), _by(moment.data)
    )


def _tell_bounced(moment: Moment, names: _Names) -> Entry:
    return Entry(
        moment.at, "alert-circle", "error", _("A message bounced"), str(moment.data.get("reply", ""))
    )


def _tell_replied(moment: Moment, names: _Names) -> Entry:
    campaign = names.campaigns.get(moment.source_id) if moment.source_id else None
    name = campaign.name if campaign else _("a message")
    return Entry(moment.at, "mail-forward", "success", _("Replied to “%s”") % name, url=_report(campaign))


def _tell_opened(moment: Moment, names: _Names) -> Entry:
    campaign = names.campaigns.get(moment.source_id) if moment.source_id else None
    name = campaign.name if campaign else _("a message")
    if moment.data.get("machine"):
        return Entry(
            moment.at, "eye-off", "neutral", _("A machine loaded “%s”") % name, url=_report(campaign)
        )
    return Entry(moment.at, "mail-opened", "success", _("Opened “%s”") % name, url=_report(campaign))


def _tell_clicked(moment: Moment, names: _Names) -> Entry:
    campaign = names.campaigns.get(moment.source_id) if moment.source_id else None
    name = campaign.name if campaign else _("a message")
    link = names.links.get((moment.source_id, moment.data.get("link", -1)), "") if moment.source_id else ""
    if moment.data.get("machine"):
        return Entry(
            moment.at,
            "eye-off",
            "neutral",
            _("A machine followed a link in “%s”") % name,
            link,
            _report(campaign),
        )
    return Entry(moment.at, "click", "success", _("Clicked in “%s”") % name, link, _report(campaign))


_CONSENT: dict[str, tuple[str, str, Promise]] = {
    "given": ("circle-check", "success", gettext_lazy("Subscribed to “%s”")),
    "requested": ("clock", "warning", gettext_lazy("Asked to confirm “%s”")),
    "confirmed": ("circle-check", "success", gettext_lazy("Confirmed “%s”")),
    "withdrawn": ("logout", "neutral", gettext_lazy("Unsubscribed from “%s”")),
    "imported": ("file-import", "success", gettext_lazy("Subscribed to “%s” by the statement of an import")),
    "tracking_on": ("eye", "neutral", gettext_lazy("Allowed personal statistics for “%s”")),
    "tracking_off": ("eye-off", "neutral", gettext_lazy("Refused personal statistics for “%s”")),
}


def _tell_consent(moment: Moment, names: _Names) -> Entry:
    icon, tone, sentence = _CONSENT[moment.kind.removeprefix("consent.")]
    topic = names.topics.get(moment.topic_id or 0, "—")
    return Entry(moment.at, icon, tone, str(sentence) % topic, describe_proof(moment.data))


def describe_proof(data: dict[str, Any]) -> str:
    """How an act of consent came about, in a few words: the door, who acted, the basis, since when, the text."""
    parts = [str(METHODS.get(data["method"], data["method"]))]
    if data.get("actor"):
        parts.append(data["actor"])
    if data.get("basis") and data["basis"] != LawfulBasis.CONSENT:
        parts.append(str(dict(LawfulBasis.choices).get(data["basis"], data["basis"])))
    if data.get("since"):
        parts.append(_("since %s") % data["since"].isoformat())
    if data.get("text"):
        parts.append(f"“{data['text']}”")
    return " · ".join(parts)


METHODS = {
    "import": gettext_lazy("Import"),
    "page": gettext_lazy("Unsubscribe page"),
    "one_click": gettext_lazy("One click in the mail program"),
    "preference_page": gettext_lazy("Preference page"),
    "confirmation": gettext_lazy("Link in the confirmation mail"),
    "api": gettext_lazy("API"),
    "member": gettext_lazy("By a member"),
    "demo": gettext_lazy("Demonstration data"),
    "merge": gettext_lazy("Said by an address that was merged into this contact"),
}


def _by(data: dict[str, Any]) -> str:
    return _("by %s") % data["by"] if data.get("by") else ""


def _import_url(row: ContactImport) -> str:
    return reverse("contact_import", args=[row.public_id])


def _tell_segment(moment: Moment, names: _Names) -> Entry:
    segment = names.segments.get(moment.source_id) if moment.source_id else None
    name = segment.name if segment else _("a deleted segment")
    url = reverse("segment", args=[segment.public_id]) if segment else ""
    if moment.kind == "segment.entered":
        return Entry(moment.at, "filter", "neutral", _("Joined the segment “%s”") % name, url=url)
    return Entry(moment.at, "filter", "neutral", _("Left the segment “%s”") % name, url=url)


_TELLERS: dict[str, Callable[[Moment, _Names], Entry]] = {
    OWN: _tell_own,
    "contact.created": _tell_created,
    "contact.updated": _tell_updated,
    "contact.tagged": _tell_tagged,
    "contact.untagged": _tell_tagged,
    "contact.suppressed": _tell_suppressed,
    "contact.merged": _tell_merged,
    "segment.entered": _tell_segment,
    "segment.left": _tell_segment,
    "message.bounced": _tell_bounced,
    "message.replied": _tell_replied,
    "message.opened": _tell_opened,
    "message.clicked": _tell_clicked,
    **{f"consent.{act}": _tell_consent for act in _CONSENT},
}
