"""Every page by noun. A noun's routes stand in its own list, so that two nouns never meet in one line."""

from __future__ import annotations

from importlib import import_module

from django.urls import URLPattern, path

NOUNS = (
    "home",
    "accounts",
    "api_keys",
    "members",
    "policies",
    "contacts",
    "contact_list",
    "disclosures",
    "merging",
    "attributes",
    "segments",
    "segment_parts",
    "segment_builder",
    "import_sources",  # before the imports: an import's address would swallow them
    "imports",
    "suppressions",
    "suppression_imports",
    "event_imports",
    "own_events",
    "catalog",
    "templates",
    "campaigns",
    "reports",
    "messages",
    "message",
    "api_requests",
    "developers",
    "senders",
    "transports",
    "routing",
    "limits",
    "streams",
    "domains",
    "feedback",
    "provider_webhooks",
    "webhooks",
    "inbound",
    "mailbox",
    "public",
    "confirming",
    "work",
    "palette",
    "styleguide",
)

urlpatterns: list[URLPattern] = []
for _noun in NOUNS:
    urlpatterns += import_module(f"dynamail.web.views.{_noun}").urlpatterns

__all__ = ["path", "urlpatterns"]
