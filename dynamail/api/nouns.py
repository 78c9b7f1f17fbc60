"""The routes of contacts, content, campaigns and senders, in one list."""

from __future__ import annotations

from dynamail.api.attributes import HANDLERS as ATTRIBUTES
from dynamail.api.campaign_acts import HANDLERS as CAMPAIGN_ACTS
from dynamail.api.campaigns import HANDLERS as CAMPAIGNS
from dynamail.api.contact_confirmations import HANDLERS as CONTACT_CONFIRMATIONS
from dynamail.api.contact_lists import HANDLERS as CONTACT_LISTS
from dynamail.api.contact_topics import HANDLERS as CONTACT_TOPICS
from dynamail.api.contacts import HANDLERS as CONTACTS
from dynamail.api.disclosures import HANDLERS as DISCLOSURES
from dynamail.api.domains import HANDLERS as DOMAINS
from dynamail.api.exports import HANDLERS as EXPORTS
from dynamail.api.inbound import HANDLERS as INBOUND
from dynamail.api.media import HANDLERS as MEDIA
from dynamail.api.streams import HANDLERS as STREAMS
from dynamail.api.templates import HANDLERS as TEMPLATES
from dynamail.api.topics import HANDLERS as TOPICS
from dynamail.api.webhooks import HANDLERS as WEBHOOKS
from dynamail.api.work import HANDLERS as WORK

HANDLERS = [
    *CONTACTS,
    *CONTACT_LISTS,
    *CONTACT_TOPICS,
    *CONTACT_CONFIRMATIONS,
    *DISCLOSURES,
    *ATTRIBUTES,
    *TOPICS,
    *TEMPLATES,
    *MEDIA,
    *CAMPAIGNS,
    *CAMPAIGN_ACTS,
    *DOMAINS,
    *STREAMS,
    *EXPORTS,
    *WEBHOOKS,
    *INBOUND,
    *WORK,
]
