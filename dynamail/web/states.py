"""Words for the states that pages show, and the tone each is colored in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Tone = Literal["neutral", "info", "primary", "success", "warning", "error"]


@dataclass(frozen=True)
class StateLook:
    """How a state is shown. `live` states pulse: something is happening right now."""

    label: str | Promise
    tone: Tone = "neutral"
    live: bool = False


STATES: dict[str, StateLook] = {
    # Campaigns, scenarios, imports and other work
    "draft": StateLook(_("Draft")),
    "scheduled": StateLook(_("Scheduled"), "warning"),
    "launching": StateLook(_("Launching"), "info", live=True),
    "uploaded": StateLook(_("Uploaded")),
    "checking": StateLook(_("Checking"), "info", live=True),
    "checked": StateLook(_("Checked"), "info"),
    "remaining": StateLook(_("To come")),
    "preparing": StateLook(_("Preparing"), "info", live=True),
    "queued": StateLook(_("Queued"), "info"),
    "waiting": StateLook(_("Waiting"), "info"),
    "running": StateLook(_("Running"), "info", live=True),
    "sending": StateLook(_("Sending"), "info", live=True),
    "paused": StateLook(_("Paused"), "warning"),
    "finished": StateLook(_("Finished"), "success"),
    "done": StateLook(_("Done"), "success"),
    "sent": StateLook(_("Sent"), "success"),
    "canceled": StateLook(_("Canceled")),
    "failed": StateLook(_("Failed"), "error"),
    "archived": StateLook(_("Archived")),
    # Messages
    "accepted": StateLook(_("Accepted"), "info"),
    "delivered": StateLook(_("Delivered"), "success"),
    "deferred": StateLook(_("Deferred"), "warning"),
    "bounced": StateLook(_("Bounced"), "error"),
    "complained": StateLook(_("Complained"), "error"),
    "suppressed": StateLook(_("Suppressed")),
    "expired": StateLook(_("Expired"), "warning"),
    "held": StateLook(_("Held"), "warning"),
    "unknown": StateLook(_("Unknown"), "warning"),
    "opened": StateLook(_("Opened"), "success"),
    "clicked": StateLook(_("Clicked"), "success"),
    # Consent
    "subscribed": StateLook(_("Subscribed"), "success"),
    "unsubscribed": StateLook(_("Unsubscribed")),
    "pending": StateLook(_("Pending"), "warning"),
    "confirmed": StateLook(_("Confirmed"), "success"),
    # Settings, members, domains, keys
    "active": StateLook(_("Active"), "success"),
    "inactive": StateLook(_("Inactive")),
    "enabled": StateLook(_("On"), "success"),
    "disabled": StateLook(_("Off")),
    "verified": StateLook(_("Verified"), "success"),
    "unverified": StateLook(_("Not verified"), "warning"),
    "invited": StateLook(_("Invited"), "info"),
    "revoked": StateLook(_("Revoked")),
    "new": StateLook(_("New"), "primary"),
    "updated": StateLook(_("Updated"), "info"),
    "unchanged": StateLook(_("Unchanged")),
    "invalid": StateLook(_("Invalid"), "error"),
    "ready": StateLook(_("Ready"), "success"),
    "missing": StateLook(_("Missing"), "warning"),
    # Transports
    "healthy": StateLook(_("Healthy"), "success"),
    "slow": StateLook(_("Slow"), "warning"),
    "down": StateLook(_("Down"), "error"),
    "off": StateLook(_("Off")),
    "unchecked": StateLook(_("Not checked"), "warning"),
}


def look_up_state(state: str) -> StateLook:
    """The look of `state`; a word that is not in the table is shown as it is, in a neutral tone."""
    known = STATES.get(state.lower())
    return known or StateLook(state.replace("_", " ").capitalize())
