"""To whom one person's data was handed over. `docs/api/contacts.md`."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.contacts import EXTERNAL_ID, ONE, find_contact
from dynamail.api.describing import described
from dynamail.api.errors import Problem
from dynamail.api.paging import Listed, Page, list_page, read_after
from dynamail.api.reading import read_query
from dynamail.webhooks.disclosures import PREFIX, Agreed, Disclosure
from dynamail.webhooks.disclosures import list_disclosures as find_disclosures
from dynamail.webhooks.persons import Person, describe_address, describe_contact


class ReceiverBody(msgspec.Struct, frozen=True):
    """`kind` is webhook, relay, provider, or removed: a way of delivery that is no more. `id` is that of the webhook or of the transport."""

    kind: str
    id: str | None
    host: str
    name: str


class DisclosureAuthorizationBody(msgspec.Struct, frozen=True):
    """Who in the account allowed it, and when. `id` is one of the webhook's authorizations; a relay's or provider's has none."""

    id: str | None
    at: datetime
    by: str


class DisclosureBody(msgspec.Struct, frozen=True):
    """`times` requests from `first_at` to `at` that handed over `event` with `fields`, besides ids, types and codes.

    `event` is a kind of event, or `message`: the message itself. `received` is yes, refused, unknown (no answer came; it may have arrived), or partly.
    """

    id: str
    at: datetime
    first_at: datetime
    times: int
    to: ReceiverBody
    authorization: DisclosureAuthorizationBody | None
    event: str
    fields: list[str]
    received: str


@get(
    f"{ONE}/disclosures",
    **described(
        "To whom a contact's data was handed over",
        scope=Scope.READ_CONTACTS,
        query=Page,
        answers={200: Listed[DisclosureBody]},
        statuses=(404,),
    ),
)
async def list_disclosures(request: ApiRequest, contact: FromPath[str]) -> Response[Listed[DisclosureBody]]:
    """Webhooks, relays and providers, the latest first; by the contact's id, or by an address, also one that is nobody's contact."""
    page = read_query(request, Page)
    before = read_after(page, PREFIX)

    def find(caller: Caller) -> Listed[DisclosureBody]:
        person = _find_person(caller, contact)
        rows = find_disclosures(caller.account_id, person, before=before, limit=page.limit + 1)
        return list_page(rows, page.limit, _describe, lambda row: row.public_id)

    return answer(await in_account(request, find))


HANDLERS = [list_disclosures]


def _find_person(caller: Caller, name: str) -> Person:
    """Raises Problem (404, 422)."""
    try:
        return describe_contact(find_contact(caller, name))
    except Problem as problem:
        if "@" not in name or name.startswith(EXTERNAL_ID) or problem.status != 404:
            raise
    return describe_address(caller.account_id, name)


def _describe(row: Disclosure) -> DisclosureBody:
    to = row.receiver
    return DisclosureBody(
        id=row.public_id,
        at=row.at,
        first_at=row.first_at,
        times=row.times,
        to=ReceiverBody(to.kind, to.id or None, to.host, to.name),
        authorization=_describe_authorization(row.authorization),
        event=row.what,
        fields=list(row.fields),
        received=row.received,
    )


def _describe_authorization(agreed: Agreed | None) -> DisclosureAuthorizationBody | None:
    return DisclosureAuthorizationBody(agreed.id or None, agreed.at, agreed.by) if agreed else None
