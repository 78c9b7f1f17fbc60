from __future__ import annotations

from django import template

from dynamail.senders.providers import find_provider

register = template.Library()


@register.simple_tag
def provider_name(name: str) -> str:
    """What a provider calls itself; a provider that this version does not know is shown as it is stored."""
    provider = find_provider(name)
    return provider.title if provider else name
