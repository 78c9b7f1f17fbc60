"""All doors, for `app.py`."""

from __future__ import annotations

from dynamail.api.compat import listmonk, mailgun, postmark, resend, sendgrid

HANDLERS = [postmark.DOOR, resend.DOOR, sendgrid.DOOR, mailgun.DOOR, listmonk.DOOR]
