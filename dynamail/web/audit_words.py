"""The audit log in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.models import AuditEntry

NOUN_ICONS = {
    "account": "building",
    "api_key": "key",
    "campaign": "speakerphone",
    "contact": "address-book",
    "import": "file-import",
    "invitation": "mail-forward",
    "member": "users",
    "sender": "at",
    "template": "template",
    "topic": "tag",
    "transport": "send",
}
SENTENCES: dict[str, str | Promise] = {
    "account.created": gettext_lazy("Created the account"),
    "account.changed": gettext_lazy("Changed the account's settings"),
    "account.transferred": gettext_lazy("Made another member the owner"),
    "api_key.created": gettext_lazy("Created an API key"),
    "api_key.revoked": gettext_lazy("Revoked an API key"),
    "invitation.sent": gettext_lazy("Invited someone"),
    "invitation.resent": gettext_lazy("Sent an invitation again"),
    "invitation.revoked": gettext_lazy("Revoked an invitation"),
    "invitation.accepted": gettext_lazy("Accepted an invitation"),
    "member.role_changed": gettext_lazy("Changed a member's role"),
    "member.removed": gettext_lazy("Removed a member"),
    "member.left": gettext_lazy("Left the account"),
    "work.canceled": gettext_lazy("Canceled work in progress"),
}


@dataclass(frozen=True)
class AuditLine:
    """An entry as the page shows it."""

    at: datetime
    actor: str
    actor_kind: str
    sentence: str
    action: str
    icon: str
    details: list[tuple[str, str]]


def describe_entry(entry: AuditEntry) -> AuditLine:
    noun, _dot, past = entry.action.partition(".")
    sentence = SENTENCES.get(entry.action) or f"{noun} {past}".replace("_", " ").capitalize()
    return AuditLine(
        at=entry.at,
        actor=entry.actor_name or _("DynaMail"),
        actor_kind=entry.actor_kind,
        sentence=str(sentence),
        action=entry.action,
        icon=NOUN_ICONS.get(noun, "circle-check"),
        details=[(name.replace("_", " "), _write(value)) for name, value in entry.data.items()],
    )


def _write(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_write, value))
    return "" if value is None else str(value)
