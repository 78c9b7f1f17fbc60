from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class WebhookError(Exception):
    """What was asked cannot be done; the text says why and what to do. `code` is stable, `field` names what was wrong."""

    def __init__(self, code: str, text: str | Promise, *, field: str = "") -> None:
        super().__init__(str(text))
        self.code = code
        self.field = field


def not_authorized() -> WebhookError:
    return WebhookError(
        "not_authorized",
        _("Nothing may be sent to this address yet: authorize the transfer first."),
    )


# Why an attempt failed, by `WebhookDelivery.error`.
PROBLEMS: dict[str, Promise] = {
    "url": _("The address cannot be asked for."),
    "port": _("This port is not open to webhooks: use 443, or one above 1023."),
    "name": _("The host is not known to the DNS."),
    "address": _("The host has an address inside a private network; nothing is sent there."),
    "connect": _("The server cannot be reached."),
    "tls": _("The certificate of the server is not valid for it."),
    "timeout": _("The server did not answer within 15 seconds."),
    "protocol": _("The server's answer makes no sense."),
    "status": _("The server refused it."),
    "redirect": _("The server leads on to another address, which is not followed: enter that one."),
    "gone": _("The server says that nobody wants this any more (410)."),
    "busy": _("The server asked for patience."),
    "keys": _("The signing keys cannot be opened with this server's secret: rotate them."),
    "restricted": _("Processing of this person's data is restricted; nothing was sent."),
    "erased": _("The person was deleted before it was sent."),
    "lost": _("The worker ended before it could write down what came of it: it may have arrived."),
    "withdrawn": _("The authorization was withdrawn before it was sent."),
    "removed": _("The webhook was removed before it was sent."),
    "unwanted": _("The webhook was no longer told of this event when it was to be sent."),
}
