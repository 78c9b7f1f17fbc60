"""The closed vocabulary of events, noun.past, each with its sentence."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EventKind(models.TextChoices):
    CONTACT_CREATED = "contact.created", _("Added")
    CONTACT_UPDATED = "contact.updated", _("Changed")
    CONTACT_TAGGED = "contact.tagged", _("Tagged")
    CONTACT_UNTAGGED = "contact.untagged", _("Tag removed")
    CONTACT_SUBSCRIBED = "contact.subscribed", _("Subscribed to a topic")
    CONTACT_UNSUBSCRIBED = "contact.unsubscribed", _("Unsubscribed from a topic")
    CONTACT_SUPPRESSED = "contact.suppressed", _("Suppressed")
    CONTACT_MERGED = "contact.merged", _("Merged with another contact")
    CONTACT_DELETED = (
        "contact.deleted",
        _("Deleted"),
    )  # nothing but the id, for those who keep something of contacts
    CONTACTS_IMPORTED = "contacts.imported", _("Imported contacts")  # once an import; the source says which
    SEGMENT_ENTERED = "segment.entered", _("Joined a segment")
    SEGMENT_LEFT = "segment.left", _("Left a segment")
    MESSAGE_DELIVERED = "message.delivered", _("Delivered")
    MESSAGE_SUPPRESSED = "message.suppressed", _("Not sent: suppressed")
    MESSAGE_CANCELED = "message.canceled", _("Canceled")
    MESSAGE_EXPIRED = "message.expired", _("Given up")
    MESSAGE_OPENED = "message.opened", _("Opened")
    MESSAGE_CLICKED = "message.clicked", _("Clicked")
    MESSAGE_BOUNCED = "message.bounced", _("Bounced")
    MESSAGE_COMPLAINED = "message.complained", _("Marked as spam")
    MESSAGE_REPLIED = "message.replied", _("Replied")
    MESSAGE_RECEIVED = "message.received", _("Came in")
    MESSAGE_DELAYED = "message.delayed", _("Delayed")
    CAMPAIGN_LAUNCHED = "campaign.launched", _("Campaign launched")
    CAMPAIGN_PAUSED = "campaign.paused", _("Campaign paused")
    CAMPAIGN_RESUMED = "campaign.resumed", _("Campaign resumed")
    CAMPAIGN_CANCELED = "campaign.canceled", _("Campaign canceled")
    CAMPAIGN_FINISHED = "campaign.finished", _("Campaign finished")
