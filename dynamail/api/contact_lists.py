"""Which contacts an account has: by filters, by a segment, by a condition. `docs/api/contacts.md`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, name_row, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.contact_shapes import FullContactBody, describe_contacts, load_catalog
from dynamail.api.contacts import PATH
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import PAGE, Listed, Page, check_after, make_page
from dynamail.api.reading import read_query, refuse
from dynamail.conditions.faults import ConditionFault
from dynamail.consent.models import ConsentState, Topic
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.models import ContactState
from dynamail.contacts.queries import NEVER_ASKED, ORDERS, ContactFilter, ContactPage, list_page
from dynamail.contacts.tags import list_tags
from dynamail.lib.sql import SqlFragment
from dynamail.segments.asking import STATEMENT_TIMEOUT, TimedOut, ask_account
from dynamail.segments.checking import read_sound
from dynamail.segments.compiling import compile_for
from dynamail.segments.counting import explain_cost
from dynamail.segments.models import Segment
from dynamail.segments.wording import describe_costly, translate_fault

NEWEST = "newest"
STATES = (*ConsentState.values, NEVER_ASKED)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ContactQuery(Page, frozen=True, forbid_unknown_fields=True):
    """Filters of the list; those that are given must all hold."""

    email: Annotated[str, msgspec.Meta(max_length=320)] = ""
    tag: Annotated[str, msgspec.Meta(max_length=60, description="The name of a tag.")] = ""
    topic: Annotated[str, msgspec.Meta(description="The id of a topic.")] = ""
    topic_state: Annotated[str, msgspec.Meta(description=f"Where they stand on it: {', '.join(STATES)}.")] = (
        ConsentState.SUBSCRIBED.value
    )
    state: Annotated[str, msgspec.Meta(description="active, suppressed or restricted.")] = ""
    segment: Annotated[str, msgspec.Meta(description="The id of a segment.")] = ""
    updated_since: Moment | None = None


class ContactSearchInput(msgspec.Struct, forbid_unknown_fields=True):
    """`condition` is a document of the condition language, as in a segment's definition."""

    condition: Any
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = PAGE
    after: Annotated[str, msgspec.Meta(max_length=1000)] = ""


@get(
    PATH,
    **described(
        "List contacts",
        scope=Scope.READ_CONTACTS,
        query=ContactQuery,
        answers={200: Listed[FullContactBody]},
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[FullContactBody]]:
    """The newest first."""
    query = read_query(request, ContactQuery)
    check_after(query, ORDERS[NEWEST])

    def find(caller: Caller) -> Listed[FullContactBody]:
        wanted = _read_filter(caller, query)
        document = _read_segment(caller, query.segment)
        narrowing = _since(query.updated_since) if query.updated_since else None
        return _list(caller, wanted, document, narrowing, query)

    return answer(await in_account(request, find))


@post(
    f"{PATH}/search",
    **described(
        "Find contacts by a condition",
        scope=Scope.READ_CONTACTS,
        body=ContactSearchInput,
        answers={200: Listed[FullContactBody]},
    ),
)
async def search(request: ApiRequest) -> Response[Listed[FullContactBody]]:
    """The newest first, without people whose processing is restricted."""
    said = await read_input(request, ContactSearchInput)
    check_after(said, ORDERS[NEWEST])
    return answer(
        await in_account(request, lambda caller: _list(caller, ContactFilter(), said.condition, None, said))
    )


HANDLERS = [list_, search]


def _read_filter(caller: Caller, query: ContactQuery) -> ContactFilter:
    """Raises Problem (422)."""
    if query.topic_state not in STATES:
        raise refuse(FieldError("topic_state", f"must be one of {', '.join(STATES)}"))
    if query.state and query.state not in ContactState.values:
        raise refuse(FieldError("state", f"must be one of {', '.join(ContactState.values)}"))
    if query.email:
        try:
            read_address(query.email)
        except AddressError as error:
            raise refuse(FieldError("email", str(error))) from None
    return ContactFilter(
        search=query.email,
        tag_id=_find_tag(caller, query.tag) if query.tag else None,
        topic_id=name_row(caller, Topic, query.topic, "topic").pk if query.topic else None,
        topic_state=query.topic_state,
        state=query.state,
    )


def _find_tag(caller: Caller, name: str) -> int:
    for tag in list_tags(caller.account_id):
        if tag.name.casefold() == name.strip().casefold():
            return tag.pk
    raise refuse(FieldError("tag", "is not known in this account"))


def _read_segment(caller: Caller, segment_id: str) -> Any:
    return name_row(caller, Segment, segment_id, "segment").definition if segment_id else None


def _since(moment: datetime) -> SqlFragment:
    return SqlFragment("contact.updated_at >= %s", (moment,))


def _list(
    caller: Caller,
    wanted: ContactFilter,
    document: Any,
    narrowing: SqlFragment | None,
    page: ContactQuery | ContactSearchInput,
) -> Listed[FullContactBody]:
    """Raises Problem (422) when the condition cannot be asked, or costs too much."""
    field = "segment" if isinstance(page, ContactQuery) else "condition"
    try:
        condition = None if document is None else read_sound(caller.account_id, document)
        if condition is not None:
            fits = compile_for(caller.account_id, condition, now=caller.now)
            narrowing = fits if narrowing is None else _join(fits, narrowing)
        found = _ask(caller, wanted, narrowing, page)
    except ConditionFault as error:
        faults = [FieldError(f"{field}{fault.path}", translate_fault(fault)) for fault in error.faults]
        raise refuse(*faults) from None
    except TimedOut:
        raise _too_costly(caller, document) from None
    catalog = load_catalog(caller)
    return make_page(describe_contacts(found.contacts, catalog), found.after)


def _ask(
    caller: Caller,
    wanted: ContactFilter,
    narrowing: SqlFragment | None,
    page: ContactQuery | ContactSearchInput,
) -> ContactPage:
    with ask_account(caller.account_id, seconds=STATEMENT_TIMEOUT):
        return list_page(
            caller.account_id, wanted, narrowing=narrowing, sort=NEWEST, after=page.after, size=page.limit
        )


def _join(first: SqlFragment, second: SqlFragment) -> SqlFragment:
    return SqlFragment(f"({first.text}) AND {second.text}", (*first.parameters, *second.parameters))


def _too_costly(caller: Caller, document: Any) -> Problem:
    sentence = "Finding these contacts takes too long. Ask for fewer conditions at once."
    if document is not None:
        condition = read_sound(caller.account_id, document)
        cost = explain_cost(caller.account_id, condition, now=caller.now, seconds=STATEMENT_TIMEOUT)
        sentence = describe_costly(cost)
    return Problem(422, "too_costly", sentence)
