"""Providers that carry mail by their HTTP API: what each asks for, as data. Sending is `delivery.provider_api`.

Those that django-anymail serves over HTTPS alone, that keep our header fields and that return our id with what they report later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
REGION = "region"
_KEY = r"[!-~]{6,300}"
_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
_WORD = r"[A-Za-z0-9._-]{1,100}"


@dataclass(frozen=True, slots=True)
class ProviderField:
    """One thing that a provider asks for. `name` is what anymail calls it; `pattern` must match the whole value."""

    name: str
    label: Text
    help_text: Text = ""
    pattern: str = _KEY
    is_secret: bool = False
    is_required: bool = True

    def matches(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True, slots=True)
class Region:
    """Where a provider keeps an account: an address of its own."""

    code: str
    label: Text
    url: str


@dataclass(frozen=True, slots=True)
class Provider:
    """`name` is anymail's. `rewrites_links`: if it tracks, only its own settings can switch that off, not a message.

    `refused_headers` are fields that its API does not take, in lower case. `extra_headers` make it keep what it would replace.
    """

    name: str
    title: str
    fields: tuple[ProviderField, ...]
    regions: tuple[Region, ...] = ()
    rewrites_links: bool = False
    refused_headers: frozenset[str] = frozenset()
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    where: Text = ""  # its key is found

    @property
    def secret_names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.fields if one.is_secret)


def _secret(name: str, label: Text) -> ProviderField:
    return ProviderField(name, label, is_secret=True)


_API_KEY = _secret("api_key", _("API key"))

PROVIDERS: tuple[Provider, ...] = (
    Provider(
        "postmark",
        "Postmark",
        (
            _secret("server_token", _("Server API token")),
            ProviderField(
                "message_stream",
                _("Message stream"),
                _("Such as “broadcast” for campaigns. Empty: Postmark's default transactional stream."),
                pattern=_WORD,
                is_required=False,
            ),
        ),
        extra_headers={"X-PM-KeepID": "true"},
        where=_("Postmark → your server → API tokens"),
    ),
    Provider(
        "mailgun",
        "Mailgun",
        (
            _API_KEY,
            ProviderField(
                "sender_domain",
                _("Sending domain"),
                _("As it is called at Mailgun, such as mg.example.com."),
                pattern=_DOMAIN,
            ),
        ),
        regions=(
            Region("us", _("United States"), "https://api.mailgun.net/v3/"),
            Region("eu", _("European Union"), "https://api.eu.mailgun.net/v3/"),
        ),
        where=_("Mailgun → API security"),
    ),
    Provider(
        "sendgrid",
        "SendGrid",
        (_API_KEY,),
        regions=(
            Region("global", _("Global"), "https://api.sendgrid.com/v3/"),
            Region("eu", _("European Union"), "https://api.eu.sendgrid.com/v3/"),
        ),
        where=_("SendGrid → Settings → API keys, with the right “Mail Send”"),
    ),
    Provider(
        "brevo",
        "Brevo",
        (_API_KEY,),
        rewrites_links=True,
        where=_("Brevo → SMTP & API → API keys"),
    ),
    Provider(
        "mailjet",
        "Mailjet",
        (_API_KEY, _secret("secret_key", _("Secret key"))),
        refused_headers=frozenset(("message-id", "list-id", "feedback-id", "x-feedback-id")),
        where=_("Mailjet → Account settings → API key management"),
    ),
    Provider(
        "mailtrap",
        "Mailtrap",
        (_secret("api_token", _("API token")),),
        rewrites_links=True,
        where=_("Mailtrap → Settings → API tokens"),
    ),
    Provider(
        "resend",
        "Resend",
        (_API_KEY,),
        rewrites_links=True,
        where=_("Resend → API keys"),
    ),
    Provider(
        "sparkpost",
        "SparkPost",
        (_API_KEY,),
        regions=(
            Region("us", _("United States"), "https://api.sparkpost.com/api/v1/"),
            Region("eu", _("European Union"), "https://api.eu.sparkpost.com/api/v1/"),
        ),
        where=_("SparkPost → Configuration → API keys, with the right “Transmissions: Read/Write”"),
    ),
    Provider(
        "mandrill",
        "Mailchimp Transactional",
        (_API_KEY,),
        where=_("Mailchimp Transactional (Mandrill) → Settings → SMTP & API info"),
    ),
    Provider(
        "scaleway",
        "Scaleway",
        (
            _secret("secret_key", _("Secret key")),
            ProviderField("project_id", _("Project ID"), pattern=r"[0-9a-fA-F-]{36}"),
        ),
        regions=(
            Region(
                "fr-par",
                _("Paris"),
                "https://api.scaleway.com/transactional-email/v1alpha1/regions/fr-par/",
            ),
        ),
        rewrites_links=True,
        where=_("Scaleway → IAM → API keys"),
    ),
    Provider(
        "unisender_go",
        "Unisender Go",
        (_API_KEY,),
        regions=(
            Region("go1", "go1.unisender.ru", "https://go1.unisender.ru/ru/transactional/api/v1/"),
            Region("go2", "go2.unisender.ru", "https://go2.unisender.ru/ru/transactional/api/v1/"),
        ),
        where=_("Unisender Go → Account → Security → API key"),
    ),
)
_BY_NAME = {provider.name: provider for provider in PROVIDERS}


def find_provider(name: str) -> Provider | None:
    return _BY_NAME.get(name)


def find_api_url(provider: Provider, region: str) -> str | None:
    """The address to call: the operator's (DYNAMAIL_PROVIDER_URLS), else the region's; None: the only one there is."""
    if provider.name in settings.PROVIDER_URLS:
        return str(settings.PROVIDER_URLS[provider.name])
    for known in provider.regions:
        if known.code == region:
            return known.url
    return provider.regions[0].url if provider.regions else None
