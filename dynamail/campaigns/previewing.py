"""What one person would see, before anything is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.accounts.models import Account
from dynamail.campaigns.models import Campaign
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.models import Contact
from dynamail.contacts.queries import ContactFilter, list_page
from dynamail.content.compiling import CompiledEmail, EmailSource, Kind
from dynamail.content.preview import sample_context
from dynamail.content.programs import PlainResolver
from dynamail.messages.composing import Copy
from dynamail.messages.personalizing import Recipient, Surroundings, build_context, name_attributes

PEOPLE_SHOWN = 8


def email_of(campaign: Campaign) -> EmailSource:
    """What the compiler takes."""
    return EmailSource(
        Kind(campaign.kind), campaign.body, campaign.subject, campaign.preheader, campaign.text or None
    )


def find_people(account_id: int, search: str) -> list[Contact]:
    """A few contacts to preview as: those that match, or the newest."""
    return list(list_page(account_id, ContactFilter(search=search), size=PEOPLE_SHOWN).contacts)


def find_person(account_id: int, contact_id: UUID) -> Contact | None:
    return Contact.objects.for_account(account_id).filter(id=contact_id).first()


def make_context(
    account: Account, contact: Contact | None, *, name: str, subject: str = "", now: datetime
) -> dict[str, Any]:
    """The data for a copy: that of a contact, or of a made-up person. `name` is that of the campaign or template."""
    if contact is None:
        return sample_context(
            account_name=account.name,
            postal_address=account.postal_address,
            campaign_name=name,
            subject=subject,
            now=now,
        )
    surroundings = Surroundings(
        account_name=account.name,
        account_address=account.postal_address,
        account_website=account.website,
        campaign_name=name,
    )
    return build_context(make_recipient(contact), surroundings, today=now.date())


def make_recipient(contact: Contact) -> Recipient:
    catalogue = {str(one.number): one.key for one in list_attributes(contact.account_id)}
    return Recipient(
        contact_id=contact.id,
        email=contact.email,
        name=contact.name,
        language=contact.language,
        attributes=name_attributes(contact.attributes, catalogue),
    )


def render_copy(compiled: CompiledEmail, context: dict[str, Any], *, own_pages: str) -> Copy:
    """A copy as it would be sent, but for its links: they are plain, and our own pages are `own_pages`.

    Nobody is unsubscribed by a copy. Raises ContentError when a slot fails.
    """
    urls = PlainResolver(dict.fromkeys(("unsubscribe", "preferences", "view"), own_pages))
    return Copy(
        " ".join(compiled.subject.render(context, urls).split()),
        compiled.html.render(context, urls) if compiled.html else "",
        compiled.text.render(context, urls),
    )
