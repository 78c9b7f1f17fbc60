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
    "destination": "adjustments-horizontal",
    "email": "mail",
    "destination_rule": "adjustments-horizontal",
    "import": "file-import",
    "import_source": "file-import",
    "invitation": "mail-forward",
    "media": "photo",
    "member": "users",
    "report_mailbox": "mail-forward",
    "segment": "filter",
    "sender": "at",
    "stream": "route",
    "suppression": "ban",
    "suppressions": "ban",
    "sending_domain": "world",
    "template": "template",
    "topic": "tag",
    "transport": "send",
    "pool": "send",
    "routing_rule": "route",
    "webhook": "webhook",
}
SENTENCES: dict[str, str | Promise] = {
    "account.created": gettext_lazy("Created the account"),
    "account.limited": gettext_lazy("Limited the account's messages"),
    "account.changed": gettext_lazy("Changed the account's settings"),
    "account.transferred": gettext_lazy("Made another member the owner"),
    "api_key.created": gettext_lazy("Created an API key"),
    "api_key.revoked": gettext_lazy("Revoked an API key"),
    "email.canceled": gettext_lazy("Canceled an email"),
    "email.rescheduled": gettext_lazy("Moved an email to another time"),
    "email.resent": gettext_lazy("Sent an email again"),
    "invitation.sent": gettext_lazy("Invited someone"),
    "invitation.resent": gettext_lazy("Sent an invitation again"),
    "invitation.revoked": gettext_lazy("Revoked an invitation"),
    "invitation.accepted": gettext_lazy("Accepted an invitation"),
    "member.role_changed": gettext_lazy("Changed a member's role"),
    "member.removed": gettext_lazy("Removed a member"),
    "member.left": gettext_lazy("Left the account"),
    "contact.deleted": gettext_lazy("Deleted contacts"),
    "contact.merged": gettext_lazy("Merged two contacts"),
    "contacts.add_tag": gettext_lazy("Tagged many contacts"),
    "contacts.remove_tag": gettext_lazy("Took a tag off many contacts"),
    "contacts.set_attribute": gettext_lazy("Set an attribute of many contacts"),
    "contacts.unsubscribe": gettext_lazy("Unsubscribed many contacts from a topic"),
    "contacts.suppress": gettext_lazy("Suppressed the addresses of many contacts"),
    "contacts.delete": gettext_lazy("Deleted many contacts"),
    "contacts.undone": gettext_lazy("Took a change of many contacts back"),
    "contacts.merged_by_rule": gettext_lazy("Merged duplicates by a rule"),
    "attribute.aside_forgotten": gettext_lazy("Dropped values that had been put aside"),
    "attribute.type_changed": gettext_lazy("Changed the type of an attribute"),
    "contacts.exported": gettext_lazy("Exported contacts"),
    "import_source.added": gettext_lazy("Added a source of imports"),
    "import_source.changed": gettext_lazy("Changed a source of imports"),
    "import_source.failing": gettext_lazy("A source of imports failed three times in a row"),
    "import_source.file_refused": gettext_lazy("Refused a file of a source of imports"),
    "import_source.key_accepted": gettext_lazy("Accepted another key of a server"),
    "import_source.paused": gettext_lazy("Paused a source of imports"),
    "import_source.removed": gettext_lazy("Removed a source of imports"),
    "import_source.resumed": gettext_lazy("Resumed a source of imports"),
    "import_source.scheduled": gettext_lazy("Scheduled a source of imports"),
    "contacts.import_started": gettext_lazy("Started an import"),
    "contacts.uploaded": gettext_lazy("Uploaded a file"),
    "attribute.archived": gettext_lazy("Archived an attribute"),
    "attribute.changed": gettext_lazy("Changed an attribute"),
    "attribute.created": gettext_lazy("Added an attribute"),
    "attribute.restored": gettext_lazy("Brought an attribute back"),
    "tag.created": gettext_lazy("Added a tag"),
    "tag.deleted": gettext_lazy("Deleted a tag"),
    "tag.merged": gettext_lazy("Merged two tags"),
    "tag.renamed": gettext_lazy("Renamed a tag"),
    "topic.created": gettext_lazy("Added a topic"),
    "topic.changed": gettext_lazy("Changed a topic"),
    "topic.archived": gettext_lazy("Archived a topic"),
    "topic.restored": gettext_lazy("Brought a topic back"),
    "address.suppressed": gettext_lazy("Suppressed an address"),
    "suppression.changed": gettext_lazy("Changed until when an address is suppressed"),
    "suppression.lifted": gettext_lazy("Lifted a suppression"),
    "event_name.described": gettext_lazy("Described an event"),
    "events.import_started": gettext_lazy("Started an import of events"),
    "events.import_finished": gettext_lazy("Imported events"),
    "events.import_canceled": gettext_lazy("Canceled an import of events"),
    "events.import_failed": gettext_lazy("An import of events stopped"),
    "events.uploaded": gettext_lazy("Uploaded a file of events"),
    "export.fetched": gettext_lazy("Fetched the file of an export"),
    "emails.exported": gettext_lazy("Exported the log of messages"),
    "suppressions.exported": gettext_lazy("Exported suppressions"),
    "suppressions.import_started": gettext_lazy("Started an import of suppressions"),
    "suppressions.uploaded": gettext_lazy("Uploaded a file of suppressions"),
    "campaign.created": gettext_lazy("Created a campaign"),
    "campaign.deleted": gettext_lazy("Deleted a draft"),
    "campaign.duplicated": gettext_lazy("Duplicated a campaign"),
    "campaign.scheduled": gettext_lazy("Scheduled a campaign"),
    "campaign.unscheduled": gettext_lazy("Took a campaign off the schedule"),
    "campaign.launched": gettext_lazy("Launched a campaign"),
    "campaign.paused": gettext_lazy("Paused a campaign"),
    "campaign.resumed": gettext_lazy("Resumed a campaign"),
    "campaign.canceled": gettext_lazy("Canceled a campaign"),
    "campaign.held": gettext_lazy("A scheduled campaign was not ready and is a draft again"),
    "campaign.resent": gettext_lazy("Sent messages in doubt again"),
    "campaign.tested": gettext_lazy("Sent a test"),
    "segment.archived": gettext_lazy("Archived a segment"),
    "segment.changed": gettext_lazy("Changed a segment"),
    "segment.created": gettext_lazy("Created a segment"),
    "segment.duplicated": gettext_lazy("Duplicated a segment"),
    "segment.restored": gettext_lazy("Brought a segment back"),
    "template.created": gettext_lazy("Created a template"),
    "template.duplicated": gettext_lazy("Duplicated a template"),
    "template.renamed": gettext_lazy("Renamed a template"),
    "template.archived": gettext_lazy("Archived a template"),
    "template.restored": gettext_lazy("Brought a template back"),
    "media.added": gettext_lazy("Added a file"),
    "media.removed": gettext_lazy("Removed a file"),
    "stream.created": gettext_lazy("Created a stream"),
    "stream.changed": gettext_lazy("Changed a stream"),
    "stream.archived": gettext_lazy("Archived a stream"),
    "stream.restored": gettext_lazy("Brought a stream back"),
    "sender.added": gettext_lazy("Added a sender"),
    "sender.changed": gettext_lazy("Changed a sender"),
    "sender.made_default": gettext_lazy("Chose the default sender"),
    "sender.removed": gettext_lazy("Removed a sender"),
    "inbound_address.created": gettext_lazy("Created an address for incoming mail"),
    "inbound_address.removed": gettext_lazy("Removed an address for incoming mail"),
    "inbound_domain.added": gettext_lazy("Added a domain for incoming mail"),
    "inbound_domain.removed": gettext_lazy("Removed a domain for incoming mail"),
    "inbound_domain.verified": gettext_lazy("A domain for incoming mail is verified"),
    "sending_domain.added": gettext_lazy("Added a sending domain"),
    "sending_domain.changed": gettext_lazy("Changed the hosts of a sending domain"),
    "sending_domain.keys_rotated": gettext_lazy("Made new signing keys"),
    "sending_domain.lost": gettext_lazy("A sending domain is no longer verified"),
    "sending_domain.removed": gettext_lazy("Removed a sending domain"),
    "sending_domain.verified": gettext_lazy("A sending domain is verified"),
    "transport.added": gettext_lazy("Added a transport and authorized it"),
    "transport.changed": gettext_lazy("Changed a transport"),
    "transport.chosen": gettext_lazy("Chose the way out for mail"),
    "transport.removed": gettext_lazy("Removed a transport"),
    "transport.switched_off": gettext_lazy("Switched a transport off"),
    "transport.switched_on": gettext_lazy("Switched a transport on"),
    "pool.added": gettext_lazy("Added a pool of transports"),
    "pool.changed": gettext_lazy("Changed a pool of transports"),
    "pool.removed": gettext_lazy("Removed a pool of transports"),
    "routing_rule.added": gettext_lazy("Added a routing rule"),
    "routing_rule.changed": gettext_lazy("Changed a routing rule"),
    "routing_rule.moved": gettext_lazy("Moved a routing rule"),
    "routing_rule.removed": gettext_lazy("Removed a routing rule"),
    "transport.warmup_started": gettext_lazy("Began to warm a transport up"),
    "transport.warmup_stopped": gettext_lazy("Ended the warm-up of a transport"),
    "destination_rule.set": gettext_lazy("Set limits for a destination"),
    "destination_rule.removed": gettext_lazy("Removed own limits for a destination"),
    "destination.retried": gettext_lazy("Let the workers try a destination again"),
    "report_mailbox.added": gettext_lazy("Added a mailbox for reports"),
    "report_mailbox.changed": gettext_lazy("Changed a mailbox for reports"),
    "report_mailbox.removed": gettext_lazy("Removed a mailbox for reports"),
    "mailbox.cleared": gettext_lazy("Cleared the Mailbox"),
    "webhook.created": gettext_lazy("Added a webhook"),
    "webhook.changed": gettext_lazy("Changed a webhook"),
    "webhook.authorization_withdrawn": gettext_lazy("Withdrew the authorization of a webhook"),
    "webhook.paused": gettext_lazy("Paused a webhook"),
    "webhook.resumed": gettext_lazy("Resumed a webhook"),
    "webhook.disabled": gettext_lazy("A webhook was switched off"),
    "webhook.removed": gettext_lazy("Removed a webhook"),
    "webhook.keys_rotated": gettext_lazy("Made new signing keys of a webhook"),
    "webhook.tested": gettext_lazy("Tested a webhook"),
    "webhook.replayed": gettext_lazy("Sent a webhook delivery again"),
    "webhook.range_replayed": gettext_lazy("Sent a range of webhook deliveries again"),
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
        details=[
            (name.replace("_", " "), text) for name, value in entry.data.items() if (text := _write(value))
        ],
    )


def _write(value: object) -> str:
    """A detail as people write it; what says nothing (none, no, zero) is left out."""
    match value:
        case True:
            return _("yes")
        case None | False | 0:
            return ""
        case dict():
            parts = [(name.replace("_", " "), _write(part)) for name, part in value.items()]
            return "; ".join(f"{name}: {part}" for name, part in parts if part)
        case list() | tuple():
            return ", ".join(filter(None, map(_write, value)))
    return str(value)
