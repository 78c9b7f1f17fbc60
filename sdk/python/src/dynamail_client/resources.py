"""Written by `make sdk` from docs/api/openapi.json; do not edit."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal
from urllib.parse import quote

from dynamail_client import types
from dynamail_client.transport import AsyncTransport, Call, Transport


class Attributes:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def archive(self, attribute: str) -> None:
        """Archive an attribute."""
        self._transport.send(Call("DELETE", f"/attributes/{quote(attribute, safe='')}"))

    def change(self, attribute: str, body: types.AttributeChangeInput) -> types.AttributeBody:
        """Change an attribute."""
        answer: Any = self._transport.send(
            Call("PATCH", f"/attributes/{quote(attribute, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    def create(
        self, body: types.AttributeInput, *, idempotency_key: str | None = None
    ) -> types.AttributeBody:
        """Create an attribute."""
        answer: Any = self._transport.send(
            Call("POST", "/attributes", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, attribute: str) -> types.AttributeBody:
        """Read an attribute."""
        answer: Any = self._transport.send(Call("GET", f"/attributes/{quote(attribute, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self, *, limit: int | None = None, after: str | None = None, archived: bool | None = None
    ) -> types.AttributeList:
        """List attributes."""
        answer: Any = self._transport.send(
            Call("GET", "/attributes", query={"limit": limit, "after": after, "archived": archived})
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self, *, limit: int | None = None, archived: bool | None = None
    ) -> Iterator[types.AttributeBody]:
        """List attributes: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, archived=archived)
            yield from page["data"]
            after = page["next"]
            if not after:
                return


class Campaigns:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def cancel(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Cancel a campaign."""
        answer: Any = self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/cancel", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def change(self, campaign: str, body: types.CampaignChangeInput) -> types.CampaignBody:
        """Change a draft."""
        answer: Any = self._transport.send(Call("PATCH", f"/campaigns/{quote(campaign, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def check(self, campaign: str) -> types.ReadinessBody:
        """What stands between a draft and its launch."""
        answer: Any = self._transport.send(Call("GET", f"/campaigns/{quote(campaign, safe='')}/readiness"))
        return answer  # type: ignore[no-any-return]

    def create(self, body: types.CampaignInput, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Create a campaign."""
        answer: Any = self._transport.send(
            Call("POST", "/campaigns", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, campaign: str) -> types.CampaignBody:
        """Read a campaign."""
        answer: Any = self._transport.send(Call("GET", f"/campaigns/{quote(campaign, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def launch(
        self, campaign: str, body: types.LaunchInput, *, idempotency_key: str | None = None
    ) -> types.CampaignBody:
        """Launch a campaign."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/campaigns/{quote(campaign, safe='')}/launch",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: str | None = None,
        name: str | None = None,
    ) -> types.CampaignSummaryList:
        """List campaigns."""
        answer: Any = self._transport.send(
            Call("GET", "/campaigns", query={"limit": limit, "after": after, "state": state, "name": name})
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self, *, limit: int | None = None, state: str | None = None, name: str | None = None
    ) -> Iterator[types.CampaignSummaryBody]:
        """List campaigns: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, state=state, name=name)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_links(self, campaign: str) -> types.LinkList:
        """Links of a campaign with their clicks."""
        answer: Any = self._transport.send(Call("GET", f"/campaigns/{quote(campaign, safe='')}/links"))
        return answer  # type: ignore[no-any-return]

    def list_recipients(
        self, campaign: str, *, limit: int | None = None, after: str | None = None, outcome: str | None = None
    ) -> types.RecipientList:
        """Recipients of a campaign by outcome."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/campaigns/{quote(campaign, safe='')}/recipients",
                query={"limit": limit, "after": after, "outcome": outcome},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_recipients(
        self, campaign: str, *, limit: int | None = None, outcome: str | None = None
    ) -> Iterator[types.RecipientBody]:
        """Recipients of a campaign by outcome: page after page."""
        after: str | None = None
        while True:
            page = self.list_recipients(campaign, after=after, limit=limit, outcome=outcome)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def pause(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Pause a campaign."""
        answer: Any = self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/pause", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def remove(self, campaign: str) -> None:
        """Delete a draft."""
        self._transport.send(Call("DELETE", f"/campaigns/{quote(campaign, safe='')}"))

    def resume(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Resume a campaign."""
        answer: Any = self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/resume", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def schedule(
        self, campaign: str, body: types.ScheduleInput, *, idempotency_key: str | None = None
    ) -> types.CampaignBody:
        """Schedule a campaign."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/campaigns/{quote(campaign, safe='')}/schedule",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def test(
        self, campaign: str, body: types.TestInput, *, idempotency_key: str | None = None
    ) -> types.TestBody:
        """Send a test."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/campaigns/{quote(campaign, safe='')}/test",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def unschedule(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Take a campaign off the schedule."""
        answer: Any = self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/unschedule", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class Contacts:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def change(self, contact: str, body: types.ContactChangeInput) -> types.FullContactBody:
        """Change a contact."""
        answer: Any = self._transport.send(Call("PATCH", f"/contacts/{quote(contact, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def change_tags(
        self, contact: str, body: types.ContactTagsInput, *, idempotency_key: str | None = None
    ) -> types.FullContactBody:
        """Give and take tags of a contact."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/contacts/{quote(contact, safe='')}/tags",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def create(
        self, body: types.NewContactInput, *, idempotency_key: str | None = None
    ) -> types.FullContactBody:
        """Add a contact."""
        answer: Any = self._transport.send(
            Call("POST", "/contacts", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, contact: str) -> types.FullContactBody:
        """Read a contact."""
        answer: Any = self._transport.send(Call("GET", f"/contacts/{quote(contact, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        email: str | None = None,
        tag: str | None = None,
        topic: str | None = None,
        topic_state: str | None = None,
        state: str | None = None,
        segment: str | None = None,
        updated_since: str | None | None = None,
    ) -> types.FullContactList:
        """List contacts."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                "/contacts",
                query={
                    "limit": limit,
                    "after": after,
                    "email": email,
                    "tag": tag,
                    "topic": topic,
                    "topic_state": topic_state,
                    "state": state,
                    "segment": segment,
                    "updated_since": updated_since,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self,
        *,
        limit: int | None = None,
        email: str | None = None,
        tag: str | None = None,
        topic: str | None = None,
        topic_state: str | None = None,
        state: str | None = None,
        segment: str | None = None,
        updated_since: str | None | None = None,
    ) -> Iterator[types.FullContactBody]:
        """List contacts: page after page."""
        after: str | None = None
        while True:
            page = self.list(
                after=after,
                limit=limit,
                email=email,
                tag=tag,
                topic=topic,
                topic_state=topic_state,
                state=state,
                segment=segment,
                updated_since=updated_since,
            )
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_disclosures(
        self, contact: str, *, limit: int | None = None, after: str | None = None
    ) -> types.DisclosureList:
        """To whom a contact's data was handed over."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/contacts/{quote(contact, safe='')}/disclosures",
                query={"limit": limit, "after": after},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_disclosures(
        self, contact: str, *, limit: int | None = None
    ) -> Iterator[types.DisclosureBody]:
        """To whom a contact's data was handed over: page after page."""
        after: str | None = None
        while True:
            page = self.list_disclosures(contact, after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_timeline(
        self, contact: str, *, limit: int | None = None, after: str | None = None
    ) -> types.TimelineList:
        """What happened with a contact."""
        answer: Any = self._transport.send(
            Call(
                "GET", f"/contacts/{quote(contact, safe='')}/timeline", query={"limit": limit, "after": after}
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_timeline(self, contact: str, *, limit: int | None = None) -> Iterator[types.TimelineBody]:
        """What happened with a contact: page after page."""
        after: str | None = None
        while True:
            page = self.list_timeline(contact, after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_topics(self, contact: str) -> types.SubscriptionsBody:
        """Where a contact stands on each topic."""
        answer: Any = self._transport.send(Call("GET", f"/contacts/{quote(contact, safe='')}/topics"))
        return answer  # type: ignore[no-any-return]

    def remove(self, contact: str) -> None:
        """Delete a contact."""
        self._transport.send(Call("DELETE", f"/contacts/{quote(contact, safe='')}"))

    def request_confirmation(
        self, contact: str, topic: str, body: types.ConfirmationInput, *, idempotency_key: str | None = None
    ) -> types.ConfirmationBody:
        """Ask a contact to confirm a subscription."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/contacts/{quote(contact, safe='')}/topics/{quote(topic, safe='')}/confirmation",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def search(
        self, body: types.ContactSearchInput, *, idempotency_key: str | None = None
    ) -> types.FullContactList:
        """Find contacts by a condition."""
        answer: Any = self._transport.send(
            Call("POST", "/contacts/search", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def set_topic(self, contact: str, topic: str, body: types.SubscriptionInput) -> types.SubscriptionBody:
        """Subscribe or unsubscribe a contact."""
        answer: Any = self._transport.send(
            Call("PUT", f"/contacts/{quote(contact, safe='')}/topics/{quote(topic, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    def unlink(self, contact: str, external_id: str) -> None:
        """Take an external id off a contact."""
        self._transport.send(
            Call("DELETE", f"/contacts/{quote(contact, safe='')}/external_ids/{quote(external_id, safe='')}")
        )

    def upsert(self, contact: str, body: types.ContactFields) -> types.FullContactBody:
        """Add or change a contact."""
        answer: Any = self._transport.send(Call("PUT", f"/contacts/{quote(contact, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def upsert_batch(
        self, body: types.ContactBatchInput, *, idempotency_key: str | None = None
    ) -> types.ContactResultsBody:
        """Add or change up to 500 contacts."""
        answer: Any = self._transport.send(
            Call("POST", "/contacts/batch", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class Domains:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def add(self, body: types.DomainInput, *, idempotency_key: str | None = None) -> types.FullDomainBody:
        """Add a sending domain."""
        answer: Any = self._transport.send(
            Call("POST", "/domains", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def check(self, domain: str, *, idempotency_key: str | None = None) -> types.FullDomainBody:
        """Check a sending domain now."""
        answer: Any = self._transport.send(
            Call("POST", f"/domains/{quote(domain, safe='')}/check", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, domain: str) -> types.FullDomainBody:
        """Read a sending domain."""
        answer: Any = self._transport.send(Call("GET", f"/domains/{quote(domain, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(self, *, limit: int | None = None, after: str | None = None) -> types.DomainList:
        """List sending domains."""
        answer: Any = self._transport.send(Call("GET", "/domains", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None) -> Iterator[types.DomainBody]:
        """List sending domains: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def remove(self, domain: str) -> None:
        """Remove a sending domain."""
        self._transport.send(Call("DELETE", f"/domains/{quote(domain, safe='')}"))


class Emails:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def cancel(self, email_id: str, *, idempotency_key: str | None = None) -> types.ChangedBody:
        """Cancel an email."""
        answer: Any = self._transport.send(
            Call("POST", f"/emails/{quote(email_id, safe='')}/cancel", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def change(self, email_id: str, body: types.ChangeInput) -> types.ChangedBody:
        """Reschedule an email."""
        answer: Any = self._transport.send(Call("PATCH", f"/emails/{quote(email_id, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def get(self, email_id: str) -> types.EmailBodyView:
        """Get one email with its timeline."""
        answer: Any = self._transport.send(Call("GET", f"/emails/{quote(email_id, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def get_content(self, email_id: str) -> types.ContentBody:
        """Get what an email says."""
        answer: Any = self._transport.send(Call("GET", f"/emails/{quote(email_id, safe='')}/content"))
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal[
            "",
            "accepted",
            "bounced",
            "canceled",
            "deferred",
            "delivered",
            "expired",
            "queued",
            "scheduled",
            "suppressed",
            "unknown",
        ]
        | None = None,
        reaction: Literal["", "clicked", "complained", "opened", "returned"] | None = None,
        recipient: str | None = None,
        tag: str | None = None,
        stream: str | None = None,
        source: Literal["", "api", "smtp"] | None = None,
        subject: str | None = None,
        is_test: bool | None | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
    ) -> types.EmailLineList:
        """List emails, the latest first."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                "/emails",
                query={
                    "limit": limit,
                    "after": after,
                    "state": state,
                    "reaction": reaction,
                    "recipient": recipient,
                    "tag": tag,
                    "stream": stream,
                    "source": source,
                    "subject": subject,
                    "is_test": is_test,
                    "since": since,
                    "until": until,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self,
        *,
        limit: int | None = None,
        state: Literal[
            "",
            "accepted",
            "bounced",
            "canceled",
            "deferred",
            "delivered",
            "expired",
            "queued",
            "scheduled",
            "suppressed",
            "unknown",
        ]
        | None = None,
        reaction: Literal["", "clicked", "complained", "opened", "returned"] | None = None,
        recipient: str | None = None,
        tag: str | None = None,
        stream: str | None = None,
        source: Literal["", "api", "smtp"] | None = None,
        subject: str | None = None,
        is_test: bool | None | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
    ) -> Iterator[types.EmailLineBody]:
        """List emails, the latest first: page after page."""
        after: str | None = None
        while True:
            page = self.list(
                after=after,
                limit=limit,
                state=state,
                reaction=reaction,
                recipient=recipient,
                tag=tag,
                stream=stream,
                source=source,
                subject=subject,
                is_test=is_test,
                since=since,
                until=until,
            )
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def resend(self, email_id: str, *, idempotency_key: str | None = None) -> types.TakenEmail:
        """Send an email again."""
        answer: Any = self._transport.send(
            Call("POST", f"/emails/{quote(email_id, safe='')}/resend", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def send(self, body: types.EmailInput, *, idempotency_key: str | None = None) -> types.TakenEmail:
        """Send one email."""
        answer: Any = self._transport.send(
            Call("POST", "/emails", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def send_batch(self, body: types.BatchInput, *, idempotency_key: str | None = None) -> types.BatchResults:
        """Send up to 500 emails."""
        answer: Any = self._transport.send(
            Call("POST", "/emails/batch", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class Events:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list_names(self, *, limit: int | None = None, after: str | None = None) -> types.EventNameList:
        """List the names of events."""
        answer: Any = self._transport.send(
            Call("GET", "/events/names", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    def iterate_names(self, *, limit: int | None = None) -> Iterator[types.EventNameBody]:
        """List the names of events: page after page."""
        after: str | None = None
        while True:
            page = self.list_names(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def send(self, body: types.EventInput, *, idempotency_key: str | None = None) -> types.TakenEventBody:
        """Send an event about a contact."""
        answer: Any = self._transport.send(
            Call("POST", "/events", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def send_batch(
        self, body: types.EventBatchInput, *, idempotency_key: str | None = None
    ) -> types.EventResultsBody:
        """Send up to 500 events."""
        answer: Any = self._transport.send(
            Call("POST", "/events/batch", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class Exports:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def download(self, export: str) -> bytes:
        """Fetch the file of an export."""
        answer: Any = self._transport.send(
            Call("GET", f"/exports/{quote(export, safe='')}/content", wants_bytes=True)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, export: str) -> types.ExportBody:
        """Read an export."""
        answer: Any = self._transport.send(Call("GET", f"/exports/{quote(export, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(self, *, limit: int | None = None, after: str | None = None) -> types.ExportList:
        """List exports."""
        answer: Any = self._transport.send(Call("GET", "/exports", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None) -> Iterator[types.ExportBody]:
        """List exports: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def start(self, body: types.ExportInput, *, idempotency_key: str | None = None) -> types.ExportBody:
        """Start an export."""
        answer: Any = self._transport.send(
            Call("POST", "/exports", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class Inbound:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def check_domain(self, domain: str, *, idempotency_key: str | None = None) -> types.InboundDomainBody:
        """Check a domain for incoming mail."""
        answer: Any = self._transport.send(
            Call("POST", f"/inbound/domains/{quote(domain, safe='')}/check", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def create_address(
        self, body: types.InboundAddressInput, *, idempotency_key: str | None = None
    ) -> types.InboundAddressBody:
        """Create an address for incoming mail."""
        answer: Any = self._transport.send(
            Call("POST", "/inbound/addresses", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def create_domain(
        self, body: types.InboundDomainInput, *, idempotency_key: str | None = None
    ) -> types.InboundDomainBody:
        """Add a domain for incoming mail."""
        answer: Any = self._transport.send(
            Call("POST", "/inbound/domains", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def delete_address(self, address: str) -> None:
        """Remove an address for incoming mail."""
        self._transport.send(Call("DELETE", f"/inbound/addresses/{quote(address, safe='')}"))

    def delete_domain(self, domain: str) -> None:
        """Remove a domain for incoming mail."""
        self._transport.send(Call("DELETE", f"/inbound/domains/{quote(domain, safe='')}"))

    def get_attachment(self, message: str, number: str) -> bytes:
        """Fetch a file of an incoming message."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/inbound/messages/{quote(message, safe='')}/attachments/{quote(number, safe='')}",
                wants_bytes=True,
            )
        )
        return answer  # type: ignore[no-any-return]

    def get_message(self, message: str) -> types.ReceivedPartsBody:
        """Read an incoming message."""
        answer: Any = self._transport.send(Call("GET", f"/inbound/messages/{quote(message, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def get_raw(self, message: str) -> bytes:
        """Fetch an incoming message as it came."""
        answer: Any = self._transport.send(
            Call("GET", f"/inbound/messages/{quote(message, safe='')}/raw", wants_bytes=True)
        )
        return answer  # type: ignore[no-any-return]

    def list_addresses(
        self, *, limit: int | None = None, after: str | None = None
    ) -> types.InboundAddressList:
        """List addresses for incoming mail."""
        answer: Any = self._transport.send(
            Call("GET", "/inbound/addresses", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    def iterate_addresses(self, *, limit: int | None = None) -> Iterator[types.InboundAddressBody]:
        """List addresses for incoming mail: page after page."""
        after: str | None = None
        while True:
            page = self.list_addresses(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_domains(self, *, limit: int | None = None, after: str | None = None) -> types.InboundDomainList:
        """List domains for incoming mail."""
        answer: Any = self._transport.send(
            Call("GET", "/inbound/domains", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    def iterate_domains(self, *, limit: int | None = None) -> Iterator[types.InboundDomainBody]:
        """List domains for incoming mail: page after page."""
        after: str | None = None
        while True:
            page = self.list_domains(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_messages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        email_id: str | None = None,
        search: str | None = None,
        replies_only: bool | None = None,
    ) -> types.ReceivedList:
        """List incoming messages."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                "/inbound/messages",
                query={
                    "limit": limit,
                    "after": after,
                    "to": to,
                    "from": from_,
                    "email_id": email_id,
                    "search": search,
                    "replies_only": replies_only,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_messages(
        self,
        *,
        limit: int | None = None,
        to: str | None = None,
        from_: str | None = None,
        email_id: str | None = None,
        search: str | None = None,
        replies_only: bool | None = None,
    ) -> Iterator[types.ReceivedBody]:
        """List incoming messages: page after page."""
        after: str | None = None
        while True:
            page = self.list_messages(
                after=after,
                limit=limit,
                to=to,
                from_=from_,
                email_id=email_id,
                search=search,
                replies_only=replies_only,
            )
            yield from page["data"]
            after = page["next"]
            if not after:
                return


class Media:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def download(self, media: str) -> bytes:
        """Fetch a file."""
        answer: Any = self._transport.send(
            Call("GET", f"/media/{quote(media, safe='')}/content", wants_bytes=True)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, media: str) -> types.MediaBody:
        """Read about a file."""
        answer: Any = self._transport.send(Call("GET", f"/media/{quote(media, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(self, *, limit: int | None = None, after: str | None = None) -> types.MediaList:
        """List files."""
        answer: Any = self._transport.send(Call("GET", "/media", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None) -> Iterator[types.MediaBody]:
        """List files: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def remove(self, media: str) -> None:
        """Delete a file."""
        self._transport.send(Call("DELETE", f"/media/{quote(media, safe='')}"))

    def upload(
        self,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        filename: str | None = None,
        idempotency_key: str | None = None,
    ) -> types.MediaBody:
        """Keep a file."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                "/media",
                query={"filename": filename},
                content=content,
                content_type=content_type,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]


class Requests:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, request_id: str) -> types.RequestBody:
        """Get one request."""
        answer: Any = self._transport.send(Call("GET", f"/requests/{quote(request_id, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        status: str | None = None,
        code: str | None = None,
        method: str | None = None,
        path: str | None = None,
        door: str | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
        search: str | None = None,
    ) -> types.RequestList:
        """List requests."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                "/requests",
                query={
                    "limit": limit,
                    "after": after,
                    "status": status,
                    "code": code,
                    "method": method,
                    "path": path,
                    "door": door,
                    "since": since,
                    "until": until,
                    "search": search,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self,
        *,
        limit: int | None = None,
        status: str | None = None,
        code: str | None = None,
        method: str | None = None,
        path: str | None = None,
        door: str | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
        search: str | None = None,
    ) -> Iterator[types.RequestBody]:
        """List requests: page after page."""
        after: str | None = None
        while True:
            page = self.list(
                after=after,
                limit=limit,
                status=status,
                code=code,
                method=method,
                path=path,
                door=door,
                since=since,
                until=until,
                search=search,
            )
            yield from page["data"]
            after = page["next"]
            if not after:
                return


class Segments:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def change(self, segment_id: str, body: types.SegmentChangeInput) -> types.SegmentBody:
        """Change a segment."""
        answer: Any = self._transport.send(
            Call("PATCH", f"/segments/{quote(segment_id, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    def count(
        self, body: types.SegmentQuestionInput, *, idempotency_key: str | None = None
    ) -> types.SegmentCountBody:
        """Count contacts by a condition."""
        answer: Any = self._transport.send(
            Call("POST", "/segments/count", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def create(self, body: types.SegmentInput, *, idempotency_key: str | None = None) -> types.SegmentBody:
        """Create a segment."""
        answer: Any = self._transport.send(
            Call("POST", "/segments", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, segment_id: str) -> types.SegmentBody:
        """Get a segment."""
        answer: Any = self._transport.send(Call("GET", f"/segments/{quote(segment_id, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal["active", "archived"] | None = None,
        name: str | None = None,
    ) -> types.SegmentList:
        """List segments."""
        answer: Any = self._transport.send(
            Call("GET", "/segments", query={"limit": limit, "after": after, "state": state, "name": name})
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self,
        *,
        limit: int | None = None,
        state: Literal["active", "archived"] | None = None,
        name: str | None = None,
    ) -> Iterator[types.SegmentBody]:
        """List segments: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, state=state, name=name)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_changes(
        self,
        segment_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        act: Literal["entered", "left"] | None | None = None,
    ) -> types.SegmentEntryList:
        """List who joined and left a segment."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/segments/{quote(segment_id, safe='')}/changes",
                query={"limit": limit, "after": after, "act": act},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_changes(
        self,
        segment_id: str,
        *,
        limit: int | None = None,
        act: Literal["entered", "left"] | None | None = None,
    ) -> Iterator[types.SegmentEntryBody]:
        """List who joined and left a segment: page after page."""
        after: str | None = None
        while True:
            page = self.list_changes(segment_id, after=after, limit=limit, act=act)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_contacts(
        self, segment_id: str, *, limit: int | None = None, after: str | None = None
    ) -> types.SegmentContactList:
        """List the contacts of a segment."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/segments/{quote(segment_id, safe='')}/contacts",
                query={"limit": limit, "after": after},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_contacts(
        self, segment_id: str, *, limit: int | None = None
    ) -> Iterator[types.SegmentContactBody]:
        """List the contacts of a segment: page after page."""
        after: str | None = None
        while True:
            page = self.list_contacts(segment_id, after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def remove(self, segment_id: str) -> None:
        """Archive a segment."""
        self._transport.send(Call("DELETE", f"/segments/{quote(segment_id, safe='')}"))


class Senders:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, body: types.SenderInput, *, idempotency_key: str | None = None) -> types.SenderBody:
        """Add a sender."""
        answer: Any = self._transport.send(
            Call("POST", "/senders", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, sender: str) -> types.SenderBody:
        """Read a sender."""
        answer: Any = self._transport.send(Call("GET", f"/senders/{quote(sender, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(self, *, limit: int | None = None, after: str | None = None) -> types.SenderList:
        """List senders."""
        answer: Any = self._transport.send(Call("GET", "/senders", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None) -> Iterator[types.SenderBody]:
        """List senders: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return


class Streams:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def archive(self, stream: str) -> None:
        """Archive a stream."""
        self._transport.send(Call("DELETE", f"/streams/{quote(stream, safe='')}"))

    def change(self, stream: str, body: types.StreamChangeInput) -> types.StreamBody:
        """Change a stream."""
        answer: Any = self._transport.send(Call("PATCH", f"/streams/{quote(stream, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def create(self, body: types.StreamInput, *, idempotency_key: str | None = None) -> types.StreamBody:
        """Create a stream."""
        answer: Any = self._transport.send(
            Call("POST", "/streams", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, stream: str) -> types.StreamWithCountsBody:
        """Read a stream."""
        answer: Any = self._transport.send(Call("GET", f"/streams/{quote(stream, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self, *, limit: int | None = None, after: str | None = None, archived: bool | None = None
    ) -> types.StreamList:
        """List streams."""
        answer: Any = self._transport.send(
            Call("GET", "/streams", query={"limit": limit, "after": after, "archived": archived})
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self, *, limit: int | None = None, archived: bool | None = None
    ) -> Iterator[types.StreamBody]:
        """List streams: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, archived=archived)
            yield from page["data"]
            after = page["next"]
            if not after:
                return


class Suppressions:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def add(
        self,
        body: types.SuppressionInput | builtins.list[types.SuppressionInput],
        *,
        idempotency_key: str | None = None,
    ) -> types.SuppressionBody | types.SuppressionResultsBody:
        """Suppress an address, or a list of them."""
        answer: Any = self._transport.send(
            Call("POST", "/suppressions", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(
        self, email: str, *, scope: Literal["all", "marketing", "transactional"] | None | None = None
    ) -> types.SuppressionList:
        """Look one address up."""
        answer: Any = self._transport.send(
            Call("GET", f"/suppressions/{quote(email, safe='')}", query={"scope": scope})
        )
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        email: str | None = None,
        reason: Literal["complaint", "erasure", "hard_bounce", "manual", "unsubscribe"] | None | None = None,
        scope: Literal["all", "marketing", "transactional"] | None | None = None,
        state: Literal["any", "ended", "in_force"] | None = None,
    ) -> types.SuppressionList:
        """List suppressions."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                "/suppressions",
                query={
                    "limit": limit,
                    "after": after,
                    "email": email,
                    "reason": reason,
                    "scope": scope,
                    "state": state,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self,
        *,
        limit: int | None = None,
        email: str | None = None,
        reason: Literal["complaint", "erasure", "hard_bounce", "manual", "unsubscribe"] | None | None = None,
        scope: Literal["all", "marketing", "transactional"] | None | None = None,
        state: Literal["any", "ended", "in_force"] | None = None,
    ) -> Iterator[types.SuppressionBody]:
        """List suppressions: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, email=email, reason=reason, scope=scope, state=state)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def remove(
        self,
        email: str,
        *,
        scope: Literal["all", "marketing", "transactional"] | None | None = None,
        confirm: builtins.list[str] | None = None,
    ) -> None:
        """Lift what stands against one address."""
        self._transport.send(
            Call(
                "DELETE", f"/suppressions/{quote(email, safe='')}", query={"scope": scope, "confirm": confirm}
            )
        )


class Tags:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def add(self, body: types.TagInput, *, idempotency_key: str | None = None) -> types.TagBody:
        """Create a tag."""
        answer: Any = self._transport.send(Call("POST", "/tags", body=body, idempotency_key=idempotency_key))
        return answer  # type: ignore[no-any-return]

    def list(self, *, limit: int | None = None, after: str | None = None) -> types.TagList:
        """List tags."""
        answer: Any = self._transport.send(Call("GET", "/tags", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None) -> Iterator[types.TagBody]:
        """List tags: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def remove(self, tag: str) -> None:
        """Delete a tag."""
        self._transport.send(Call("DELETE", f"/tags/{quote(tag, safe='')}"))

    def rename(self, tag: str, body: types.TagInput) -> types.TagBody:
        """Rename a tag."""
        answer: Any = self._transport.send(Call("PATCH", f"/tags/{quote(tag, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]


class Templates:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def archive(self, template: str) -> None:
        """Archive a template."""
        self._transport.send(Call("DELETE", f"/templates/{quote(template, safe='')}"))

    def change(self, template: str, body: types.TemplateChangeInput) -> types.TemplateBody:
        """Change a template."""
        answer: Any = self._transport.send(Call("PATCH", f"/templates/{quote(template, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def create(
        self, body: types.TemplatesTemplateInput, *, idempotency_key: str | None = None
    ) -> types.TemplateBody:
        """Create a template."""
        answer: Any = self._transport.send(
            Call("POST", "/templates", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, template: str) -> types.TemplateBody:
        """Read a template."""
        answer: Any = self._transport.send(Call("GET", f"/templates/{quote(template, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        name: str | None = None,
        archived: bool | None = None,
    ) -> types.TemplateSummaryList:
        """List templates."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                "/templates",
                query={"limit": limit, "after": after, "name": name, "archived": archived},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate(
        self, *, limit: int | None = None, name: str | None = None, archived: bool | None = None
    ) -> Iterator[types.TemplateSummaryBody]:
        """List templates: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, name=name, archived=archived)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def render(
        self, template: str, body: types.RenderInput, *, idempotency_key: str | None = None
    ) -> types.RenderedBody:
        """Render a template."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/templates/{quote(template, safe='')}/render",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]


class Topics:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def archive(self, topic: str) -> None:
        """Archive a topic."""
        self._transport.send(Call("DELETE", f"/topics/{quote(topic, safe='')}"))

    def change(self, topic: str, body: types.TopicChangeInput) -> types.TopicBody:
        """Change a topic."""
        answer: Any = self._transport.send(Call("PATCH", f"/topics/{quote(topic, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def create(self, body: types.TopicInput, *, idempotency_key: str | None = None) -> types.TopicBody:
        """Create a topic."""
        answer: Any = self._transport.send(
            Call("POST", "/topics", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, topic: str) -> types.TopicBody:
        """Read a topic."""
        answer: Any = self._transport.send(Call("GET", f"/topics/{quote(topic, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def list(
        self, *, limit: int | None = None, after: str | None = None, archived: bool | None = None
    ) -> types.TopicList:
        """List topics."""
        answer: Any = self._transport.send(
            Call("GET", "/topics", query={"limit": limit, "after": after, "archived": archived})
        )
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None, archived: bool | None = None) -> Iterator[types.TopicBody]:
        """List topics: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit, archived=archived)
            yield from page["data"]
            after = page["next"]
            if not after:
                return


class Webhooks:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def change(self, webhook: str, body: types.WebhookChangeInput) -> types.WebhookBody:
        """Change a webhook."""
        answer: Any = self._transport.send(Call("PATCH", f"/webhooks/{quote(webhook, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    def create(self, body: types.WebhookInput, *, idempotency_key: str | None = None) -> types.NewWebhookBody:
        """Create a webhook."""
        answer: Any = self._transport.send(
            Call("POST", "/webhooks", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def get(self, webhook: str) -> types.WebhookBody:
        """Get a webhook."""
        answer: Any = self._transport.send(Call("GET", f"/webhooks/{quote(webhook, safe='')}"))
        return answer  # type: ignore[no-any-return]

    def get_delivery(self, webhook: str, delivery: str) -> types.WebhookDeliveryDetailBody:
        """Get a delivery."""
        answer: Any = self._transport.send(
            Call("GET", f"/webhooks/{quote(webhook, safe='')}/deliveries/{quote(delivery, safe='')}")
        )
        return answer  # type: ignore[no-any-return]

    def list(self, *, limit: int | None = None, after: str | None = None) -> types.WebhookList:
        """List webhooks."""
        answer: Any = self._transport.send(Call("GET", "/webhooks", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    def iterate(self, *, limit: int | None = None) -> Iterator[types.WebhookBody]:
        """List webhooks: page after page."""
        after: str | None = None
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_all_authorizations(
        self, webhook: str, *, limit: int | None = None, after: str | None = None
    ) -> types.WebhookAuthorizationList:
        """List the authorizations of a webhook."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/webhooks/{quote(webhook, safe='')}/authorizations",
                query={"limit": limit, "after": after},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_all_authorizations(
        self, webhook: str, *, limit: int | None = None
    ) -> Iterator[types.WebhookAuthorizationBody]:
        """List the authorizations of a webhook: page after page."""
        after: str | None = None
        while True:
            page = self.list_all_authorizations(webhook, after=after, limit=limit)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def list_all_deliveries(
        self,
        webhook: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal["delivered", "failed", "given_up", "waiting"] | None | None = None,
        event: str | None = None,
    ) -> types.WebhookDeliveryList:
        """List the deliveries of a webhook."""
        answer: Any = self._transport.send(
            Call(
                "GET",
                f"/webhooks/{quote(webhook, safe='')}/deliveries",
                query={"limit": limit, "after": after, "state": state, "event": event},
            )
        )
        return answer  # type: ignore[no-any-return]

    def iterate_all_deliveries(
        self,
        webhook: str,
        *,
        limit: int | None = None,
        state: Literal["delivered", "failed", "given_up", "waiting"] | None | None = None,
        event: str | None = None,
    ) -> Iterator[types.WebhookDeliveryBody]:
        """List the deliveries of a webhook: page after page."""
        after: str | None = None
        while True:
            page = self.list_all_deliveries(webhook, after=after, limit=limit, state=state, event=event)
            yield from page["data"]
            after = page["next"]
            if not after:
                return

    def remove(self, webhook: str) -> None:
        """Remove a webhook."""
        self._transport.send(Call("DELETE", f"/webhooks/{quote(webhook, safe='')}"))

    def replay_many(
        self, webhook: str, body: types.WebhookReplayInput, *, idempotency_key: str | None = None
    ) -> types.WebhookReplayBody:
        """Send a range of events again."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/webhooks/{quote(webhook, safe='')}/replay",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def replay_one(
        self, webhook: str, delivery: str, *, idempotency_key: str | None = None
    ) -> types.WebhookDeliveryBody:
        """Send a delivery again."""
        answer: Any = self._transport.send(
            Call(
                "POST",
                f"/webhooks/{quote(webhook, safe='')}/deliveries/{quote(delivery, safe='')}/replay",
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    def rotate(self, webhook: str, *, idempotency_key: str | None = None) -> types.NewWebhookBody:
        """Make new signing keys."""
        answer: Any = self._transport.send(
            Call("POST", f"/webhooks/{quote(webhook, safe='')}/rotate", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def test(self, webhook: str, *, idempotency_key: str | None = None) -> types.WebhookDeliveryBody:
        """Send a test event."""
        answer: Any = self._transport.send(
            Call("POST", f"/webhooks/{quote(webhook, safe='')}/test", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    def withdraw(self, webhook: str) -> types.WebhookBody:
        """Withdraw the authorization."""
        answer: Any = self._transport.send(
            Call("DELETE", f"/webhooks/{quote(webhook, safe='')}/authorization")
        )
        return answer  # type: ignore[no-any-return]


class Work:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, work: str) -> types.WorkBody:
        """Read how far work in the background is."""
        answer: Any = self._transport.send(Call("GET", f"/work/{quote(work, safe='')}"))
        return answer  # type: ignore[no-any-return]


class Resources:
    """Everything that the API offers, by noun."""

    def __init__(self, transport: Transport) -> None:
        self.attributes = Attributes(transport)
        self.campaigns = Campaigns(transport)
        self.contacts = Contacts(transport)
        self.domains = Domains(transport)
        self.emails = Emails(transport)
        self.events = Events(transport)
        self.exports = Exports(transport)
        self.inbound = Inbound(transport)
        self.media = Media(transport)
        self.requests = Requests(transport)
        self.segments = Segments(transport)
        self.senders = Senders(transport)
        self.streams = Streams(transport)
        self.suppressions = Suppressions(transport)
        self.tags = Tags(transport)
        self.templates = Templates(transport)
        self.topics = Topics(transport)
        self.webhooks = Webhooks(transport)
        self.work = Work(transport)


class AsyncAttributes:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def archive(self, attribute: str) -> None:
        """Archive an attribute."""
        await self._transport.send(Call("DELETE", f"/attributes/{quote(attribute, safe='')}"))

    async def change(self, attribute: str, body: types.AttributeChangeInput) -> types.AttributeBody:
        """Change an attribute."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/attributes/{quote(attribute, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.AttributeInput, *, idempotency_key: str | None = None
    ) -> types.AttributeBody:
        """Create an attribute."""
        answer: Any = await self._transport.send(
            Call("POST", "/attributes", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, attribute: str) -> types.AttributeBody:
        """Read an attribute."""
        answer: Any = await self._transport.send(Call("GET", f"/attributes/{quote(attribute, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self, *, limit: int | None = None, after: str | None = None, archived: bool | None = None
    ) -> types.AttributeList:
        """List attributes."""
        answer: Any = await self._transport.send(
            Call("GET", "/attributes", query={"limit": limit, "after": after, "archived": archived})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self, *, limit: int | None = None, archived: bool | None = None
    ) -> AsyncIterator[types.AttributeBody]:
        """List attributes: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit, archived=archived)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return


class AsyncCampaigns:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def cancel(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Cancel a campaign."""
        answer: Any = await self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/cancel", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def change(self, campaign: str, body: types.CampaignChangeInput) -> types.CampaignBody:
        """Change a draft."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/campaigns/{quote(campaign, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def check(self, campaign: str) -> types.ReadinessBody:
        """What stands between a draft and its launch."""
        answer: Any = await self._transport.send(
            Call("GET", f"/campaigns/{quote(campaign, safe='')}/readiness")
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.CampaignInput, *, idempotency_key: str | None = None
    ) -> types.CampaignBody:
        """Create a campaign."""
        answer: Any = await self._transport.send(
            Call("POST", "/campaigns", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, campaign: str) -> types.CampaignBody:
        """Read a campaign."""
        answer: Any = await self._transport.send(Call("GET", f"/campaigns/{quote(campaign, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def launch(
        self, campaign: str, body: types.LaunchInput, *, idempotency_key: str | None = None
    ) -> types.CampaignBody:
        """Launch a campaign."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/campaigns/{quote(campaign, safe='')}/launch",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: str | None = None,
        name: str | None = None,
    ) -> types.CampaignSummaryList:
        """List campaigns."""
        answer: Any = await self._transport.send(
            Call("GET", "/campaigns", query={"limit": limit, "after": after, "state": state, "name": name})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self, *, limit: int | None = None, state: str | None = None, name: str | None = None
    ) -> AsyncIterator[types.CampaignSummaryBody]:
        """List campaigns: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit, state=state, name=name)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_links(self, campaign: str) -> types.LinkList:
        """Links of a campaign with their clicks."""
        answer: Any = await self._transport.send(Call("GET", f"/campaigns/{quote(campaign, safe='')}/links"))
        return answer  # type: ignore[no-any-return]

    async def list_recipients(
        self, campaign: str, *, limit: int | None = None, after: str | None = None, outcome: str | None = None
    ) -> types.RecipientList:
        """Recipients of a campaign by outcome."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/campaigns/{quote(campaign, safe='')}/recipients",
                query={"limit": limit, "after": after, "outcome": outcome},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_recipients(
        self, campaign: str, *, limit: int | None = None, outcome: str | None = None
    ) -> AsyncIterator[types.RecipientBody]:
        """Recipients of a campaign by outcome: page after page."""
        after: str | None = None
        while True:
            page = await self.list_recipients(campaign, after=after, limit=limit, outcome=outcome)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def pause(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Pause a campaign."""
        answer: Any = await self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/pause", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def remove(self, campaign: str) -> None:
        """Delete a draft."""
        await self._transport.send(Call("DELETE", f"/campaigns/{quote(campaign, safe='')}"))

    async def resume(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Resume a campaign."""
        answer: Any = await self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/resume", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def schedule(
        self, campaign: str, body: types.ScheduleInput, *, idempotency_key: str | None = None
    ) -> types.CampaignBody:
        """Schedule a campaign."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/campaigns/{quote(campaign, safe='')}/schedule",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def test(
        self, campaign: str, body: types.TestInput, *, idempotency_key: str | None = None
    ) -> types.TestBody:
        """Send a test."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/campaigns/{quote(campaign, safe='')}/test",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def unschedule(self, campaign: str, *, idempotency_key: str | None = None) -> types.CampaignBody:
        """Take a campaign off the schedule."""
        answer: Any = await self._transport.send(
            Call("POST", f"/campaigns/{quote(campaign, safe='')}/unschedule", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class AsyncContacts:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def change(self, contact: str, body: types.ContactChangeInput) -> types.FullContactBody:
        """Change a contact."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/contacts/{quote(contact, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def change_tags(
        self, contact: str, body: types.ContactTagsInput, *, idempotency_key: str | None = None
    ) -> types.FullContactBody:
        """Give and take tags of a contact."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/contacts/{quote(contact, safe='')}/tags",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.NewContactInput, *, idempotency_key: str | None = None
    ) -> types.FullContactBody:
        """Add a contact."""
        answer: Any = await self._transport.send(
            Call("POST", "/contacts", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, contact: str) -> types.FullContactBody:
        """Read a contact."""
        answer: Any = await self._transport.send(Call("GET", f"/contacts/{quote(contact, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        email: str | None = None,
        tag: str | None = None,
        topic: str | None = None,
        topic_state: str | None = None,
        state: str | None = None,
        segment: str | None = None,
        updated_since: str | None | None = None,
    ) -> types.FullContactList:
        """List contacts."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                "/contacts",
                query={
                    "limit": limit,
                    "after": after,
                    "email": email,
                    "tag": tag,
                    "topic": topic,
                    "topic_state": topic_state,
                    "state": state,
                    "segment": segment,
                    "updated_since": updated_since,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self,
        *,
        limit: int | None = None,
        email: str | None = None,
        tag: str | None = None,
        topic: str | None = None,
        topic_state: str | None = None,
        state: str | None = None,
        segment: str | None = None,
        updated_since: str | None | None = None,
    ) -> AsyncIterator[types.FullContactBody]:
        """List contacts: page after page."""
        after: str | None = None
        while True:
            page = await self.list(
                after=after,
                limit=limit,
                email=email,
                tag=tag,
                topic=topic,
                topic_state=topic_state,
                state=state,
                segment=segment,
                updated_since=updated_since,
            )
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_disclosures(
        self, contact: str, *, limit: int | None = None, after: str | None = None
    ) -> types.DisclosureList:
        """To whom a contact's data was handed over."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/contacts/{quote(contact, safe='')}/disclosures",
                query={"limit": limit, "after": after},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_disclosures(
        self, contact: str, *, limit: int | None = None
    ) -> AsyncIterator[types.DisclosureBody]:
        """To whom a contact's data was handed over: page after page."""
        after: str | None = None
        while True:
            page = await self.list_disclosures(contact, after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_timeline(
        self, contact: str, *, limit: int | None = None, after: str | None = None
    ) -> types.TimelineList:
        """What happened with a contact."""
        answer: Any = await self._transport.send(
            Call(
                "GET", f"/contacts/{quote(contact, safe='')}/timeline", query={"limit": limit, "after": after}
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_timeline(
        self, contact: str, *, limit: int | None = None
    ) -> AsyncIterator[types.TimelineBody]:
        """What happened with a contact: page after page."""
        after: str | None = None
        while True:
            page = await self.list_timeline(contact, after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_topics(self, contact: str) -> types.SubscriptionsBody:
        """Where a contact stands on each topic."""
        answer: Any = await self._transport.send(Call("GET", f"/contacts/{quote(contact, safe='')}/topics"))
        return answer  # type: ignore[no-any-return]

    async def remove(self, contact: str) -> None:
        """Delete a contact."""
        await self._transport.send(Call("DELETE", f"/contacts/{quote(contact, safe='')}"))

    async def request_confirmation(
        self, contact: str, topic: str, body: types.ConfirmationInput, *, idempotency_key: str | None = None
    ) -> types.ConfirmationBody:
        """Ask a contact to confirm a subscription."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/contacts/{quote(contact, safe='')}/topics/{quote(topic, safe='')}/confirmation",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def search(
        self, body: types.ContactSearchInput, *, idempotency_key: str | None = None
    ) -> types.FullContactList:
        """Find contacts by a condition."""
        answer: Any = await self._transport.send(
            Call("POST", "/contacts/search", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def set_topic(
        self, contact: str, topic: str, body: types.SubscriptionInput
    ) -> types.SubscriptionBody:
        """Subscribe or unsubscribe a contact."""
        answer: Any = await self._transport.send(
            Call("PUT", f"/contacts/{quote(contact, safe='')}/topics/{quote(topic, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def unlink(self, contact: str, external_id: str) -> None:
        """Take an external id off a contact."""
        await self._transport.send(
            Call("DELETE", f"/contacts/{quote(contact, safe='')}/external_ids/{quote(external_id, safe='')}")
        )

    async def upsert(self, contact: str, body: types.ContactFields) -> types.FullContactBody:
        """Add or change a contact."""
        answer: Any = await self._transport.send(
            Call("PUT", f"/contacts/{quote(contact, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def upsert_batch(
        self, body: types.ContactBatchInput, *, idempotency_key: str | None = None
    ) -> types.ContactResultsBody:
        """Add or change up to 500 contacts."""
        answer: Any = await self._transport.send(
            Call("POST", "/contacts/batch", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class AsyncDomains:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def add(
        self, body: types.DomainInput, *, idempotency_key: str | None = None
    ) -> types.FullDomainBody:
        """Add a sending domain."""
        answer: Any = await self._transport.send(
            Call("POST", "/domains", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def check(self, domain: str, *, idempotency_key: str | None = None) -> types.FullDomainBody:
        """Check a sending domain now."""
        answer: Any = await self._transport.send(
            Call("POST", f"/domains/{quote(domain, safe='')}/check", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, domain: str) -> types.FullDomainBody:
        """Read a sending domain."""
        answer: Any = await self._transport.send(Call("GET", f"/domains/{quote(domain, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(self, *, limit: int | None = None, after: str | None = None) -> types.DomainList:
        """List sending domains."""
        answer: Any = await self._transport.send(
            Call("GET", "/domains", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[types.DomainBody]:
        """List sending domains: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def remove(self, domain: str) -> None:
        """Remove a sending domain."""
        await self._transport.send(Call("DELETE", f"/domains/{quote(domain, safe='')}"))


class AsyncEmails:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def cancel(self, email_id: str, *, idempotency_key: str | None = None) -> types.ChangedBody:
        """Cancel an email."""
        answer: Any = await self._transport.send(
            Call("POST", f"/emails/{quote(email_id, safe='')}/cancel", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def change(self, email_id: str, body: types.ChangeInput) -> types.ChangedBody:
        """Reschedule an email."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/emails/{quote(email_id, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, email_id: str) -> types.EmailBodyView:
        """Get one email with its timeline."""
        answer: Any = await self._transport.send(Call("GET", f"/emails/{quote(email_id, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def get_content(self, email_id: str) -> types.ContentBody:
        """Get what an email says."""
        answer: Any = await self._transport.send(Call("GET", f"/emails/{quote(email_id, safe='')}/content"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal[
            "",
            "accepted",
            "bounced",
            "canceled",
            "deferred",
            "delivered",
            "expired",
            "queued",
            "scheduled",
            "suppressed",
            "unknown",
        ]
        | None = None,
        reaction: Literal["", "clicked", "complained", "opened", "returned"] | None = None,
        recipient: str | None = None,
        tag: str | None = None,
        stream: str | None = None,
        source: Literal["", "api", "smtp"] | None = None,
        subject: str | None = None,
        is_test: bool | None | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
    ) -> types.EmailLineList:
        """List emails, the latest first."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                "/emails",
                query={
                    "limit": limit,
                    "after": after,
                    "state": state,
                    "reaction": reaction,
                    "recipient": recipient,
                    "tag": tag,
                    "stream": stream,
                    "source": source,
                    "subject": subject,
                    "is_test": is_test,
                    "since": since,
                    "until": until,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self,
        *,
        limit: int | None = None,
        state: Literal[
            "",
            "accepted",
            "bounced",
            "canceled",
            "deferred",
            "delivered",
            "expired",
            "queued",
            "scheduled",
            "suppressed",
            "unknown",
        ]
        | None = None,
        reaction: Literal["", "clicked", "complained", "opened", "returned"] | None = None,
        recipient: str | None = None,
        tag: str | None = None,
        stream: str | None = None,
        source: Literal["", "api", "smtp"] | None = None,
        subject: str | None = None,
        is_test: bool | None | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
    ) -> AsyncIterator[types.EmailLineBody]:
        """List emails, the latest first: page after page."""
        after: str | None = None
        while True:
            page = await self.list(
                after=after,
                limit=limit,
                state=state,
                reaction=reaction,
                recipient=recipient,
                tag=tag,
                stream=stream,
                source=source,
                subject=subject,
                is_test=is_test,
                since=since,
                until=until,
            )
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def resend(self, email_id: str, *, idempotency_key: str | None = None) -> types.TakenEmail:
        """Send an email again."""
        answer: Any = await self._transport.send(
            Call("POST", f"/emails/{quote(email_id, safe='')}/resend", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def send(self, body: types.EmailInput, *, idempotency_key: str | None = None) -> types.TakenEmail:
        """Send one email."""
        answer: Any = await self._transport.send(
            Call("POST", "/emails", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def send_batch(
        self, body: types.BatchInput, *, idempotency_key: str | None = None
    ) -> types.BatchResults:
        """Send up to 500 emails."""
        answer: Any = await self._transport.send(
            Call("POST", "/emails/batch", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class AsyncEvents:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list_names(self, *, limit: int | None = None, after: str | None = None) -> types.EventNameList:
        """List the names of events."""
        answer: Any = await self._transport.send(
            Call("GET", "/events/names", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_names(self, *, limit: int | None = None) -> AsyncIterator[types.EventNameBody]:
        """List the names of events: page after page."""
        after: str | None = None
        while True:
            page = await self.list_names(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def send(
        self, body: types.EventInput, *, idempotency_key: str | None = None
    ) -> types.TakenEventBody:
        """Send an event about a contact."""
        answer: Any = await self._transport.send(
            Call("POST", "/events", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def send_batch(
        self, body: types.EventBatchInput, *, idempotency_key: str | None = None
    ) -> types.EventResultsBody:
        """Send up to 500 events."""
        answer: Any = await self._transport.send(
            Call("POST", "/events/batch", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class AsyncExports:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def download(self, export: str) -> bytes:
        """Fetch the file of an export."""
        answer: Any = await self._transport.send(
            Call("GET", f"/exports/{quote(export, safe='')}/content", wants_bytes=True)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, export: str) -> types.ExportBody:
        """Read an export."""
        answer: Any = await self._transport.send(Call("GET", f"/exports/{quote(export, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(self, *, limit: int | None = None, after: str | None = None) -> types.ExportList:
        """List exports."""
        answer: Any = await self._transport.send(
            Call("GET", "/exports", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[types.ExportBody]:
        """List exports: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def start(self, body: types.ExportInput, *, idempotency_key: str | None = None) -> types.ExportBody:
        """Start an export."""
        answer: Any = await self._transport.send(
            Call("POST", "/exports", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]


class AsyncInbound:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def check_domain(
        self, domain: str, *, idempotency_key: str | None = None
    ) -> types.InboundDomainBody:
        """Check a domain for incoming mail."""
        answer: Any = await self._transport.send(
            Call("POST", f"/inbound/domains/{quote(domain, safe='')}/check", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def create_address(
        self, body: types.InboundAddressInput, *, idempotency_key: str | None = None
    ) -> types.InboundAddressBody:
        """Create an address for incoming mail."""
        answer: Any = await self._transport.send(
            Call("POST", "/inbound/addresses", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def create_domain(
        self, body: types.InboundDomainInput, *, idempotency_key: str | None = None
    ) -> types.InboundDomainBody:
        """Add a domain for incoming mail."""
        answer: Any = await self._transport.send(
            Call("POST", "/inbound/domains", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def delete_address(self, address: str) -> None:
        """Remove an address for incoming mail."""
        await self._transport.send(Call("DELETE", f"/inbound/addresses/{quote(address, safe='')}"))

    async def delete_domain(self, domain: str) -> None:
        """Remove a domain for incoming mail."""
        await self._transport.send(Call("DELETE", f"/inbound/domains/{quote(domain, safe='')}"))

    async def get_attachment(self, message: str, number: str) -> bytes:
        """Fetch a file of an incoming message."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/inbound/messages/{quote(message, safe='')}/attachments/{quote(number, safe='')}",
                wants_bytes=True,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def get_message(self, message: str) -> types.ReceivedPartsBody:
        """Read an incoming message."""
        answer: Any = await self._transport.send(Call("GET", f"/inbound/messages/{quote(message, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def get_raw(self, message: str) -> bytes:
        """Fetch an incoming message as it came."""
        answer: Any = await self._transport.send(
            Call("GET", f"/inbound/messages/{quote(message, safe='')}/raw", wants_bytes=True)
        )
        return answer  # type: ignore[no-any-return]

    async def list_addresses(
        self, *, limit: int | None = None, after: str | None = None
    ) -> types.InboundAddressList:
        """List addresses for incoming mail."""
        answer: Any = await self._transport.send(
            Call("GET", "/inbound/addresses", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_addresses(self, *, limit: int | None = None) -> AsyncIterator[types.InboundAddressBody]:
        """List addresses for incoming mail: page after page."""
        after: str | None = None
        while True:
            page = await self.list_addresses(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_domains(
        self, *, limit: int | None = None, after: str | None = None
    ) -> types.InboundDomainList:
        """List domains for incoming mail."""
        answer: Any = await self._transport.send(
            Call("GET", "/inbound/domains", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_domains(self, *, limit: int | None = None) -> AsyncIterator[types.InboundDomainBody]:
        """List domains for incoming mail: page after page."""
        after: str | None = None
        while True:
            page = await self.list_domains(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_messages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        email_id: str | None = None,
        search: str | None = None,
        replies_only: bool | None = None,
    ) -> types.ReceivedList:
        """List incoming messages."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                "/inbound/messages",
                query={
                    "limit": limit,
                    "after": after,
                    "to": to,
                    "from": from_,
                    "email_id": email_id,
                    "search": search,
                    "replies_only": replies_only,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_messages(
        self,
        *,
        limit: int | None = None,
        to: str | None = None,
        from_: str | None = None,
        email_id: str | None = None,
        search: str | None = None,
        replies_only: bool | None = None,
    ) -> AsyncIterator[types.ReceivedBody]:
        """List incoming messages: page after page."""
        after: str | None = None
        while True:
            page = await self.list_messages(
                after=after,
                limit=limit,
                to=to,
                from_=from_,
                email_id=email_id,
                search=search,
                replies_only=replies_only,
            )
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return


class AsyncMedia:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def download(self, media: str) -> bytes:
        """Fetch a file."""
        answer: Any = await self._transport.send(
            Call("GET", f"/media/{quote(media, safe='')}/content", wants_bytes=True)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, media: str) -> types.MediaBody:
        """Read about a file."""
        answer: Any = await self._transport.send(Call("GET", f"/media/{quote(media, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(self, *, limit: int | None = None, after: str | None = None) -> types.MediaList:
        """List files."""
        answer: Any = await self._transport.send(
            Call("GET", "/media", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[types.MediaBody]:
        """List files: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def remove(self, media: str) -> None:
        """Delete a file."""
        await self._transport.send(Call("DELETE", f"/media/{quote(media, safe='')}"))

    async def upload(
        self,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        filename: str | None = None,
        idempotency_key: str | None = None,
    ) -> types.MediaBody:
        """Keep a file."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                "/media",
                query={"filename": filename},
                content=content,
                content_type=content_type,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]


class AsyncRequests:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(self, request_id: str) -> types.RequestBody:
        """Get one request."""
        answer: Any = await self._transport.send(Call("GET", f"/requests/{quote(request_id, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        status: str | None = None,
        code: str | None = None,
        method: str | None = None,
        path: str | None = None,
        door: str | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
        search: str | None = None,
    ) -> types.RequestList:
        """List requests."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                "/requests",
                query={
                    "limit": limit,
                    "after": after,
                    "status": status,
                    "code": code,
                    "method": method,
                    "path": path,
                    "door": door,
                    "since": since,
                    "until": until,
                    "search": search,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self,
        *,
        limit: int | None = None,
        status: str | None = None,
        code: str | None = None,
        method: str | None = None,
        path: str | None = None,
        door: str | None = None,
        since: str | None | None = None,
        until: str | None | None = None,
        search: str | None = None,
    ) -> AsyncIterator[types.RequestBody]:
        """List requests: page after page."""
        after: str | None = None
        while True:
            page = await self.list(
                after=after,
                limit=limit,
                status=status,
                code=code,
                method=method,
                path=path,
                door=door,
                since=since,
                until=until,
                search=search,
            )
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return


class AsyncSegments:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def change(self, segment_id: str, body: types.SegmentChangeInput) -> types.SegmentBody:
        """Change a segment."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/segments/{quote(segment_id, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def count(
        self, body: types.SegmentQuestionInput, *, idempotency_key: str | None = None
    ) -> types.SegmentCountBody:
        """Count contacts by a condition."""
        answer: Any = await self._transport.send(
            Call("POST", "/segments/count", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.SegmentInput, *, idempotency_key: str | None = None
    ) -> types.SegmentBody:
        """Create a segment."""
        answer: Any = await self._transport.send(
            Call("POST", "/segments", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, segment_id: str) -> types.SegmentBody:
        """Get a segment."""
        answer: Any = await self._transport.send(Call("GET", f"/segments/{quote(segment_id, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal["active", "archived"] | None = None,
        name: str | None = None,
    ) -> types.SegmentList:
        """List segments."""
        answer: Any = await self._transport.send(
            Call("GET", "/segments", query={"limit": limit, "after": after, "state": state, "name": name})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self,
        *,
        limit: int | None = None,
        state: Literal["active", "archived"] | None = None,
        name: str | None = None,
    ) -> AsyncIterator[types.SegmentBody]:
        """List segments: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit, state=state, name=name)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_changes(
        self,
        segment_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        act: Literal["entered", "left"] | None | None = None,
    ) -> types.SegmentEntryList:
        """List who joined and left a segment."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/segments/{quote(segment_id, safe='')}/changes",
                query={"limit": limit, "after": after, "act": act},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_changes(
        self,
        segment_id: str,
        *,
        limit: int | None = None,
        act: Literal["entered", "left"] | None | None = None,
    ) -> AsyncIterator[types.SegmentEntryBody]:
        """List who joined and left a segment: page after page."""
        after: str | None = None
        while True:
            page = await self.list_changes(segment_id, after=after, limit=limit, act=act)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_contacts(
        self, segment_id: str, *, limit: int | None = None, after: str | None = None
    ) -> types.SegmentContactList:
        """List the contacts of a segment."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/segments/{quote(segment_id, safe='')}/contacts",
                query={"limit": limit, "after": after},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_contacts(
        self, segment_id: str, *, limit: int | None = None
    ) -> AsyncIterator[types.SegmentContactBody]:
        """List the contacts of a segment: page after page."""
        after: str | None = None
        while True:
            page = await self.list_contacts(segment_id, after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def remove(self, segment_id: str) -> None:
        """Archive a segment."""
        await self._transport.send(Call("DELETE", f"/segments/{quote(segment_id, safe='')}"))


class AsyncSenders:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, body: types.SenderInput, *, idempotency_key: str | None = None
    ) -> types.SenderBody:
        """Add a sender."""
        answer: Any = await self._transport.send(
            Call("POST", "/senders", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, sender: str) -> types.SenderBody:
        """Read a sender."""
        answer: Any = await self._transport.send(Call("GET", f"/senders/{quote(sender, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(self, *, limit: int | None = None, after: str | None = None) -> types.SenderList:
        """List senders."""
        answer: Any = await self._transport.send(
            Call("GET", "/senders", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[types.SenderBody]:
        """List senders: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return


class AsyncStreams:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def archive(self, stream: str) -> None:
        """Archive a stream."""
        await self._transport.send(Call("DELETE", f"/streams/{quote(stream, safe='')}"))

    async def change(self, stream: str, body: types.StreamChangeInput) -> types.StreamBody:
        """Change a stream."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/streams/{quote(stream, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.StreamInput, *, idempotency_key: str | None = None
    ) -> types.StreamBody:
        """Create a stream."""
        answer: Any = await self._transport.send(
            Call("POST", "/streams", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, stream: str) -> types.StreamWithCountsBody:
        """Read a stream."""
        answer: Any = await self._transport.send(Call("GET", f"/streams/{quote(stream, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self, *, limit: int | None = None, after: str | None = None, archived: bool | None = None
    ) -> types.StreamList:
        """List streams."""
        answer: Any = await self._transport.send(
            Call("GET", "/streams", query={"limit": limit, "after": after, "archived": archived})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self, *, limit: int | None = None, archived: bool | None = None
    ) -> AsyncIterator[types.StreamBody]:
        """List streams: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit, archived=archived)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return


class AsyncSuppressions:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def add(
        self,
        body: types.SuppressionInput | builtins.list[types.SuppressionInput],
        *,
        idempotency_key: str | None = None,
    ) -> types.SuppressionBody | types.SuppressionResultsBody:
        """Suppress an address, or a list of them."""
        answer: Any = await self._transport.send(
            Call("POST", "/suppressions", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(
        self, email: str, *, scope: Literal["all", "marketing", "transactional"] | None | None = None
    ) -> types.SuppressionList:
        """Look one address up."""
        answer: Any = await self._transport.send(
            Call("GET", f"/suppressions/{quote(email, safe='')}", query={"scope": scope})
        )
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        email: str | None = None,
        reason: Literal["complaint", "erasure", "hard_bounce", "manual", "unsubscribe"] | None | None = None,
        scope: Literal["all", "marketing", "transactional"] | None | None = None,
        state: Literal["any", "ended", "in_force"] | None = None,
    ) -> types.SuppressionList:
        """List suppressions."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                "/suppressions",
                query={
                    "limit": limit,
                    "after": after,
                    "email": email,
                    "reason": reason,
                    "scope": scope,
                    "state": state,
                },
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self,
        *,
        limit: int | None = None,
        email: str | None = None,
        reason: Literal["complaint", "erasure", "hard_bounce", "manual", "unsubscribe"] | None | None = None,
        scope: Literal["all", "marketing", "transactional"] | None | None = None,
        state: Literal["any", "ended", "in_force"] | None = None,
    ) -> AsyncIterator[types.SuppressionBody]:
        """List suppressions: page after page."""
        after: str | None = None
        while True:
            page = await self.list(
                after=after, limit=limit, email=email, reason=reason, scope=scope, state=state
            )
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def remove(
        self,
        email: str,
        *,
        scope: Literal["all", "marketing", "transactional"] | None | None = None,
        confirm: builtins.list[str] | None = None,
    ) -> None:
        """Lift what stands against one address."""
        await self._transport.send(
            Call(
                "DELETE", f"/suppressions/{quote(email, safe='')}", query={"scope": scope, "confirm": confirm}
            )
        )


class AsyncTags:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def add(self, body: types.TagInput, *, idempotency_key: str | None = None) -> types.TagBody:
        """Create a tag."""
        answer: Any = await self._transport.send(
            Call("POST", "/tags", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def list(self, *, limit: int | None = None, after: str | None = None) -> types.TagList:
        """List tags."""
        answer: Any = await self._transport.send(Call("GET", "/tags", query={"limit": limit, "after": after}))
        return answer  # type: ignore[no-any-return]

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[types.TagBody]:
        """List tags: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def remove(self, tag: str) -> None:
        """Delete a tag."""
        await self._transport.send(Call("DELETE", f"/tags/{quote(tag, safe='')}"))

    async def rename(self, tag: str, body: types.TagInput) -> types.TagBody:
        """Rename a tag."""
        answer: Any = await self._transport.send(Call("PATCH", f"/tags/{quote(tag, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]


class AsyncTemplates:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def archive(self, template: str) -> None:
        """Archive a template."""
        await self._transport.send(Call("DELETE", f"/templates/{quote(template, safe='')}"))

    async def change(self, template: str, body: types.TemplateChangeInput) -> types.TemplateBody:
        """Change a template."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/templates/{quote(template, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.TemplatesTemplateInput, *, idempotency_key: str | None = None
    ) -> types.TemplateBody:
        """Create a template."""
        answer: Any = await self._transport.send(
            Call("POST", "/templates", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, template: str) -> types.TemplateBody:
        """Read a template."""
        answer: Any = await self._transport.send(Call("GET", f"/templates/{quote(template, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        name: str | None = None,
        archived: bool | None = None,
    ) -> types.TemplateSummaryList:
        """List templates."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                "/templates",
                query={"limit": limit, "after": after, "name": name, "archived": archived},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self, *, limit: int | None = None, name: str | None = None, archived: bool | None = None
    ) -> AsyncIterator[types.TemplateSummaryBody]:
        """List templates: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit, name=name, archived=archived)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def render(
        self, template: str, body: types.RenderInput, *, idempotency_key: str | None = None
    ) -> types.RenderedBody:
        """Render a template."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/templates/{quote(template, safe='')}/render",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]


class AsyncTopics:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def archive(self, topic: str) -> None:
        """Archive a topic."""
        await self._transport.send(Call("DELETE", f"/topics/{quote(topic, safe='')}"))

    async def change(self, topic: str, body: types.TopicChangeInput) -> types.TopicBody:
        """Change a topic."""
        answer: Any = await self._transport.send(Call("PATCH", f"/topics/{quote(topic, safe='')}", body=body))
        return answer  # type: ignore[no-any-return]

    async def create(self, body: types.TopicInput, *, idempotency_key: str | None = None) -> types.TopicBody:
        """Create a topic."""
        answer: Any = await self._transport.send(
            Call("POST", "/topics", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, topic: str) -> types.TopicBody:
        """Read a topic."""
        answer: Any = await self._transport.send(Call("GET", f"/topics/{quote(topic, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def list(
        self, *, limit: int | None = None, after: str | None = None, archived: bool | None = None
    ) -> types.TopicList:
        """List topics."""
        answer: Any = await self._transport.send(
            Call("GET", "/topics", query={"limit": limit, "after": after, "archived": archived})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(
        self, *, limit: int | None = None, archived: bool | None = None
    ) -> AsyncIterator[types.TopicBody]:
        """List topics: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit, archived=archived)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return


class AsyncWebhooks:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def change(self, webhook: str, body: types.WebhookChangeInput) -> types.WebhookBody:
        """Change a webhook."""
        answer: Any = await self._transport.send(
            Call("PATCH", f"/webhooks/{quote(webhook, safe='')}", body=body)
        )
        return answer  # type: ignore[no-any-return]

    async def create(
        self, body: types.WebhookInput, *, idempotency_key: str | None = None
    ) -> types.NewWebhookBody:
        """Create a webhook."""
        answer: Any = await self._transport.send(
            Call("POST", "/webhooks", body=body, idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def get(self, webhook: str) -> types.WebhookBody:
        """Get a webhook."""
        answer: Any = await self._transport.send(Call("GET", f"/webhooks/{quote(webhook, safe='')}"))
        return answer  # type: ignore[no-any-return]

    async def get_delivery(self, webhook: str, delivery: str) -> types.WebhookDeliveryDetailBody:
        """Get a delivery."""
        answer: Any = await self._transport.send(
            Call("GET", f"/webhooks/{quote(webhook, safe='')}/deliveries/{quote(delivery, safe='')}")
        )
        return answer  # type: ignore[no-any-return]

    async def list(self, *, limit: int | None = None, after: str | None = None) -> types.WebhookList:
        """List webhooks."""
        answer: Any = await self._transport.send(
            Call("GET", "/webhooks", query={"limit": limit, "after": after})
        )
        return answer  # type: ignore[no-any-return]

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[types.WebhookBody]:
        """List webhooks: page after page."""
        after: str | None = None
        while True:
            page = await self.list(after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_all_authorizations(
        self, webhook: str, *, limit: int | None = None, after: str | None = None
    ) -> types.WebhookAuthorizationList:
        """List the authorizations of a webhook."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/webhooks/{quote(webhook, safe='')}/authorizations",
                query={"limit": limit, "after": after},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_all_authorizations(
        self, webhook: str, *, limit: int | None = None
    ) -> AsyncIterator[types.WebhookAuthorizationBody]:
        """List the authorizations of a webhook: page after page."""
        after: str | None = None
        while True:
            page = await self.list_all_authorizations(webhook, after=after, limit=limit)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def list_all_deliveries(
        self,
        webhook: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal["delivered", "failed", "given_up", "waiting"] | None | None = None,
        event: str | None = None,
    ) -> types.WebhookDeliveryList:
        """List the deliveries of a webhook."""
        answer: Any = await self._transport.send(
            Call(
                "GET",
                f"/webhooks/{quote(webhook, safe='')}/deliveries",
                query={"limit": limit, "after": after, "state": state, "event": event},
            )
        )
        return answer  # type: ignore[no-any-return]

    async def iterate_all_deliveries(
        self,
        webhook: str,
        *,
        limit: int | None = None,
        state: Literal["delivered", "failed", "given_up", "waiting"] | None | None = None,
        event: str | None = None,
    ) -> AsyncIterator[types.WebhookDeliveryBody]:
        """List the deliveries of a webhook: page after page."""
        after: str | None = None
        while True:
            page = await self.list_all_deliveries(webhook, after=after, limit=limit, state=state, event=event)
            for one in page["data"]:
                yield one
            after = page["next"]
            if not after:
                return

    async def remove(self, webhook: str) -> None:
        """Remove a webhook."""
        await self._transport.send(Call("DELETE", f"/webhooks/{quote(webhook, safe='')}"))

    async def replay_many(
        self, webhook: str, body: types.WebhookReplayInput, *, idempotency_key: str | None = None
    ) -> types.WebhookReplayBody:
        """Send a range of events again."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/webhooks/{quote(webhook, safe='')}/replay",
                body=body,
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def replay_one(
        self, webhook: str, delivery: str, *, idempotency_key: str | None = None
    ) -> types.WebhookDeliveryBody:
        """Send a delivery again."""
        answer: Any = await self._transport.send(
            Call(
                "POST",
                f"/webhooks/{quote(webhook, safe='')}/deliveries/{quote(delivery, safe='')}/replay",
                idempotency_key=idempotency_key,
            )
        )
        return answer  # type: ignore[no-any-return]

    async def rotate(self, webhook: str, *, idempotency_key: str | None = None) -> types.NewWebhookBody:
        """Make new signing keys."""
        answer: Any = await self._transport.send(
            Call("POST", f"/webhooks/{quote(webhook, safe='')}/rotate", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def test(self, webhook: str, *, idempotency_key: str | None = None) -> types.WebhookDeliveryBody:
        """Send a test event."""
        answer: Any = await self._transport.send(
            Call("POST", f"/webhooks/{quote(webhook, safe='')}/test", idempotency_key=idempotency_key)
        )
        return answer  # type: ignore[no-any-return]

    async def withdraw(self, webhook: str) -> types.WebhookBody:
        """Withdraw the authorization."""
        answer: Any = await self._transport.send(
            Call("DELETE", f"/webhooks/{quote(webhook, safe='')}/authorization")
        )
        return answer  # type: ignore[no-any-return]


class AsyncWork:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(self, work: str) -> types.WorkBody:
        """Read how far work in the background is."""
        answer: Any = await self._transport.send(Call("GET", f"/work/{quote(work, safe='')}"))
        return answer  # type: ignore[no-any-return]


class AsyncResources:
    """Everything that the API offers, by noun."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.attributes = AsyncAttributes(transport)
        self.campaigns = AsyncCampaigns(transport)
        self.contacts = AsyncContacts(transport)
        self.domains = AsyncDomains(transport)
        self.emails = AsyncEmails(transport)
        self.events = AsyncEvents(transport)
        self.exports = AsyncExports(transport)
        self.inbound = AsyncInbound(transport)
        self.media = AsyncMedia(transport)
        self.requests = AsyncRequests(transport)
        self.segments = AsyncSegments(transport)
        self.senders = AsyncSenders(transport)
        self.streams = AsyncStreams(transport)
        self.suppressions = AsyncSuppressions(transport)
        self.tags = AsyncTags(transport)
        self.templates = AsyncTemplates(transport)
        self.topics = AsyncTopics(transport)
        self.webhooks = AsyncWebhooks(transport)
        self.work = AsyncWork(transport)
