"""The only way a view gets a campaign."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from dynamail.campaigns.models import Campaign
from dynamail.campaigns.previewing import find_person
from dynamail.contacts.models import Contact
from dynamail.lib.ids import UnknownId, from_public_id


def get_campaign(request: Any, public_id: str) -> Campaign:
    """The account's campaign of that public id. Raises Http404."""
    rows = Campaign.objects.for_account(request.account).select_related(
        "account", "topic", "sender", "created_by"
    )
    try:
        campaign = rows.filter(uid=Campaign.uid_from(public_id)).first()
    except UnknownId:
        campaign = None
    if campaign is None:
        raise Http404
    return campaign


def get_person(request: Any, public_id: str) -> Contact | None:
    """Whose data a preview shows; None (a made-up person) for an id that is nobody's here."""
    try:
        return find_person(request.account.pk, from_public_id("con", public_id)) if public_id else None
    except UnknownId:
        return None
