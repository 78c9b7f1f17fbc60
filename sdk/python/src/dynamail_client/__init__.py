"""The client of DynaMail's API.

    from dynamail_client import DynaMail

    with DynaMail("dm_live_…", base_url="https://mail.example.com") as dynamail:
        sent = dynamail.emails.send({"from": "Acme <hello@acme.example>", "to": "ann@example.com", "subject": "Hi", "text": "Hello!"})

`AsyncDynaMail` has the same methods to await. Errors are `ApiError` with the server's code, sentence and request id.
"""

from __future__ import annotations

from dynamail_client import types
from dynamail_client.client import AsyncDynaMail, DynaMail
from dynamail_client.errors import ApiError, FieldError, NoAnswer
from dynamail_client.webhooks import WebhookError, verify_webhook

__all__ = [
    "ApiError",
    "AsyncDynaMail",
    "DynaMail",
    "FieldError",
    "NoAnswer",
    "WebhookError",
    "types",
    "verify_webhook",
]
