"""Where suppressions came from, in words and with the way there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dynamail.accounts.models import ApiKey
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Suppression, SuppressionReason
from dynamail.contacts.models import ContactImport
from dynamail.feedback.models import FeedbackReport
from dynamail.lib.ids import UnknownId
from dynamail.messages.models import Message


@dataclass(frozen=True)
class SourceLine:
    """What to call it, and its page where it has one."""

    text: str
    url: str = ""


def find_sources(account_id: int, rows: Sequence[Suppression], *, sees_reports: bool) -> list[SourceLine]:
    """One for each row, looked up together."""
    named: dict[str, set[str]] = {}
    for row in rows:
        named.setdefault(row.source_kind, set()).add(row.source_id)
    messages = _read_uuids(named.get("message", ()))
    campaign_of = _find_campaigns_of_messages(account_id, messages)
    reports = _find_reports(account_id, messages) if sees_reports else {}
    wanted = _read_uuids(named.get("campaign", ())).values()
    campaigns = _find_campaigns(account_id, {*wanted, *campaign_of.values()})
    finders = {
        "message": lambda source: _tell_message(source, messages, reports, campaign_of, campaigns),
        "campaign": lambda source: _tell_campaign(_read_uuid(source), campaigns),
        "import": _make_finder(_find_imports(account_id, named.get("import", ()))),
        "api": _make_finder(_find_keys(account_id, named.get("api", ()))),
    }
    return [_tell_row(row, finders) for row in rows]


def _tell_row(row: Suppression, finders: dict[str, Any]) -> SourceLine:
    finder = finders.get(row.source_kind)
    if finder is not None and (found := finder(row.source_id)) is not None:
        return found  # type: ignore[no-any-return]
    words = {
        "message": _("A message"),
        "campaign": _("A campaign"),
        "import": _("An import"),
        "api": _("API"),
        "form": _("Added by hand"),
    }
    if row.source_kind in words:
        return SourceLine(words[row.source_kind])
    return SourceLine(_("Added by hand") if row.reason == SuppressionReason.MANUAL else "")


def _tell_message(
    source: str,
    messages: dict[str, UUID],
    reports: dict[UUID, SourceLine],
    campaign_of: dict[UUID, UUID],
    campaigns: dict[UUID, SourceLine],
) -> SourceLine | None:
    message_id = messages.get(source)
    if message_id is None:
        return None
    return reports.get(message_id) or _tell_campaign(campaign_of.get(message_id), campaigns)


def _tell_campaign(campaign_id: UUID | None, campaigns: dict[UUID, SourceLine]) -> SourceLine | None:
    return campaigns.get(campaign_id) if campaign_id is not None else None


def _make_finder(lines: dict[str, SourceLine]) -> Any:
    return lines.get


def _find_campaigns_of_messages(account_id: int, messages: dict[str, UUID]) -> dict[UUID, UUID]:
    if not messages:
        return {}
    rows = Message.objects.for_account(account_id).filter(id__in=messages.values(), source_kind="campaign")
    return dict(rows.values_list("id", "source_id"))


def _find_reports(account_id: int, messages: dict[str, UUID]) -> dict[UUID, SourceLine]:
    if not messages:
        return {}
    rows = FeedbackReport.objects.for_account(account_id).filter(message_id__in=messages.values())
    return {
        row.message_id: SourceLine(_("A report"), reverse("feedback_report", args=[row.public_id]))
        for row in rows.only("account_id", "id", "message_id")
    }


def _find_campaigns(account_id: int, uids: set[UUID]) -> dict[UUID, SourceLine]:
    if not uids:
        return {}
    rows = Campaign.objects.for_account(account_id).filter(uid__in=uids).only("account_id", "uid", "name")
    return {row.uid: SourceLine(row.name, reverse("campaign", args=[row.public_id])) for row in rows}


def _find_imports(account_id: int, public_ids: Iterable[str]) -> dict[str, SourceLine]:
    uids = _read_public_ids(ContactImport, public_ids)
    if not uids:
        return {}
    rows = ContactImport.objects.for_account(account_id).filter(
        uid__in=uids, subject=ContactImport.Subject.SUPPRESSIONS
    )
    return {
        row.public_id: SourceLine(row.file_name, reverse("suppression_import", args=[row.public_id]))
        for row in rows
    }


def _find_keys(account_id: int, public_ids: Iterable[str]) -> dict[str, SourceLine]:
    uids = _read_public_ids(ApiKey, public_ids)
    rows = ApiKey.objects.for_account(account_id).filter(uid__in=uids) if uids else []
    return {row.public_id: SourceLine(_("API: %s") % row.name) for row in rows}


def _read_public_ids(model: Any, public_ids: Iterable[str]) -> list[UUID]:
    uids = []
    for text in public_ids:
        try:
            uids.append(model.uid_from(text))
        except UnknownId:
            continue
    return uids


def _read_uuids(texts: Iterable[str]) -> dict[str, UUID]:
    found = {text: _read_uuid(text) for text in texts}
    return {text: uid for text, uid in found.items() if uid is not None}


def _read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
