"""Where an attribute is asked for: conditions of segments and audiences, and the Liquid of templates and unsent campaigns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.campaigns.models import Campaign
from dynamail.campaigns.uses import UNSENT, find_campaign_uses
from dynamail.contacts.models import Attribute
from dynamail.content.models import Template
from dynamail.segments.usage import Thing, find_uses

KINDS: dict[str, Promise] = {
    "segment": _("Segment"),
    "campaign": _("Audience of a campaign"),
    "content": _("Content of a campaign"),
    "template": _("Template"),
}


@dataclass(frozen=True)
class AttributeUse:
    """One place, with a way there."""

    kind: str
    name: str
    url: str

    @property
    def label(self) -> str:
        return str(KINDS[self.kind])


def list_attribute_uses(attribute: Attribute) -> list[AttributeUse]:
    """Segments first: they are what a change of type may break."""
    account_id, key = attribute.account_id, attribute.key
    uses = [
        AttributeUse("segment", use.name, reverse("segment", args=[use.public_id]))
        for use in find_uses(account_id, Thing.ATTRIBUTE, key)
    ]
    uses += [
        AttributeUse("campaign", use.name, reverse("campaign", args=[use.public_id]))
        for use in find_campaign_uses(account_id, Thing.ATTRIBUTE, key)
    ]
    return uses + _list_contents(account_id, key)


def _list_contents(account_id: int, key: str) -> list[AttributeUse]:
    """By the word in the text: `contact.city`, and not `contact.city_of_birth`."""
    word = rf"contact\.{re.escape(key)}\M"
    campaigns = (
        Campaign.objects.for_account(account_id)
        .filter(state__in=UNSENT)
        .filter(Q(subject__regex=word) | Q(preheader__regex=word) | Q(body__regex=word) | Q(text__regex=word))
    )
    templates = (
        Template.objects.for_account(account_id)
        .filter(archived_at=None)
        .filter(Q(subject__regex=word) | Q(preheader__regex=word) | Q(source__regex=word))
    )
    uses = [
        AttributeUse("content", row.name, reverse("campaign", args=[row.public_id]))
        for row in campaigns.order_by("name")
    ]
    return uses + [
        AttributeUse("template", row.name, reverse("template", args=[row.public_id]))
        for row in templates.order_by("name")
    ]
