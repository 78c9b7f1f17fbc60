"""Webhooks: made, changed, tested, rotated, and what was delivered. `docs/api/webhooks.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, hold_row, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, ShortPage, cut_list, list_page, read_after
from dynamail.api.reading import read_query, refuse
from dynamail.api.webhook_answers import (
    NewWebhookBody,
    WebhookAuthorizationBody,
    WebhookBody,
    WebhookDeliveryBody,
    WebhookDeliveryDetailBody,
    WebhookReplayBody,
    describe_attempt,
    describe_authorization,
    describe_delivery,
    describe_new,
    describe_webhook,
)
from dynamail.webhooks.authorizing import list_authorizations
from dynamail.webhooks.endpoints import (
    EndpointSettings,
    change_endpoint,
    create_endpoint,
    find_endpoint,
    list_endpoints,
    pause_endpoint,
    remove_endpoint,
    resume_endpoint,
    rotate_keys,
    withdraw_authorization,
)
from dynamail.webhooks.errors import WebhookError
from dynamail.webhooks.kinds import USUAL_FIELDS
from dynamail.webhooks.listing import DeliveryFilter, find_delivery, list_attempts, list_deliveries
from dynamail.webhooks.models import WebhookAuthorization, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.payloads import fit
from dynamail.webhooks.replaying import ReplayRange, replay_delivery, replay_range, send_test

PATH = "/api/v1/webhooks"
ONE = f"{PATH}/{{webhook:str}}"
DELIVERIES = f"{ONE}/deliveries"
DELIVERY = f"{DELIVERIES}/{{delivery:str}}"
READ, WRITE = Scope.READ_WEBHOOKS, Scope.WRITE_WEBHOOKS
IDS = {"webhook": "whk"}
DELIVERY_IDS = {"webhook": "whk", "delivery": "whd"}

Answer = TypeVar("Answer")
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Kinds = Annotated[list[Annotated[str, msgspec.Meta(max_length=40)]], msgspec.Meta(max_length=100)]
Description = Annotated[str, msgspec.Meta(max_length=200)]
FieldName = Literal["address", "subject", "tags", "metadata", "link", "reply"]
Fields = Annotated[list[FieldName], msgspec.Meta(max_length=20)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
StateName = Literal["waiting", "delivered", "failed", "given_up"]


class WebhookInput(msgspec.Struct, forbid_unknown_fields=True):
    """`events` are kinds, or `["*"]` for all. `authorized` says that the account allows this transfer; without it nothing is sent."""

    url: Url
    events: Kinds
    fields: Fields = msgspec.field(default_factory=lambda: list(USUAL_FIELDS))  # type: ignore[arg-type]
    description: Description = ""
    authorized: bool = False


class WebhookChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays. Another address, more events or more fields need `authorized`. `state` pauses and resumes."""

    url: Url | None = None
    events: Kinds | None = None
    fields: Fields | None = None
    description: Description | None = None
    authorized: bool = False
    state: Literal["active", "paused"] | None = None


class WebhookReplayInput(msgspec.Struct, forbid_unknown_fields=True):
    """Events from `since` until before `until` (default: now). With `only_missing` false those that were delivered come again too."""

    since: Moment
    until: Moment | None = None
    events: Kinds = msgspec.field(default_factory=list)
    only_missing: bool = True


class WebhookDeliveriesQuery(Page, frozen=True, forbid_unknown_fields=True):
    state: StateName | None = None
    event: Annotated[str, msgspec.Meta(max_length=40)] = ""


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@get(PATH, **described("List webhooks", scope=READ, query=ShortPage, answers={200: Listed[WebhookBody]}))
async def list_(request: ApiRequest) -> Response[Listed[WebhookBody]]:
    """The latest first; an account has 50 at most."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[WebhookBody]:
        return cut_list(list(list_endpoints(caller.account_id)), page, describe_webhook)

    return answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Create a webhook",
        scope=WRITE,
        body=WebhookInput,
        answers={201: NewWebhookBody},
        statuses=(409,),
        shows_secret=True,
    ),
)
async def create(request: ApiRequest) -> Response[NewWebhookBody]:
    """The answer is the one place that shows the secret; it is not kept for the Idempotency-Key, so a repeated request gets 409."""
    said = await read_input(request, WebhookInput)

    def make(caller: Caller) -> NewWebhookBody:
        chosen = EndpointSettings(said.url, tuple(said.events), tuple(said.fields), said.description)
        row, keys = create_endpoint(
            caller.account_id, chosen, authorized=said.authorized, by=caller.key, now=caller.now
        )
        return describe_new(row, keys)

    return answer(await in_account(request, _refusing(make)), status=201)


@get(ONE, **described("Get a webhook", scope=READ, answers={200: WebhookBody}, statuses=(404,), ids=IDS))
async def get_(request: ApiRequest, webhook: FromPath[str]) -> Response[WebhookBody]:
    return answer(await in_account(request, lambda caller: describe_webhook(_find(caller, webhook))))


@patch(
    ONE,
    **described(
        "Change a webhook",
        scope=WRITE,
        body=WebhookChangeInput,
        answers={200: WebhookBody},
        statuses=(404, 409),
        ids=IDS,
    ),
)
async def change(request: ApiRequest, webhook: FromPath[str]) -> Response[WebhookBody]:
    """Also pauses and resumes it, and switches on again what was switched off."""
    said = await read_input(request, WebhookChangeInput)

    def write(caller: Caller) -> WebhookBody:
        row = hold_row(_find(caller, webhook))
        chosen = _read_changes(row, said)
        if chosen is not None:
            change_endpoint(row, chosen, authorized=said.authorized, by=caller.key, now=caller.now)
        if said.state == "paused":
            pause_endpoint(row, by=caller.key, now=caller.now)
        elif said.state == "active":
            resume_endpoint(row, by=caller.key, now=caller.now)
        return describe_webhook(_find(caller, webhook))

    return answer(await in_account(request, _refusing(write)))


@delete(ONE, **described("Remove a webhook", scope=WRITE, answers={204: None}, statuses=(404,), ids=IDS))
async def remove(request: ApiRequest, webhook: FromPath[str]) -> None:
    """What waits is not sent any more."""
    await in_account(
        request, lambda caller: remove_endpoint(_find(caller, webhook), by=caller.key, now=caller.now)
    )


@get(
    f"{ONE}/authorizations",
    **described(
        "List the authorizations of a webhook",
        scope=READ,
        query=Page,
        answers={200: Listed[WebhookAuthorizationBody]},
        statuses=(404,),
        ids=IDS,
    ),
)
async def list_all_authorizations(
    request: ApiRequest, webhook: FromPath[str]
) -> Response[Listed[WebhookAuthorizationBody]]:
    """Every one that was ever given, the latest first."""
    page = read_query(request, Page)
    before = read_after(page, WebhookAuthorization.public_prefix)

    def find(caller: Caller) -> Listed[WebhookAuthorizationBody]:
        rows = list_authorizations(_find(caller, webhook), before=before, limit=page.limit + 1)
        return list_page(rows, page.limit, describe_authorization, lambda row: row.public_id)

    return answer(await in_account(request, find))


@delete(
    f"{ONE}/authorization",
    **described(
        "Withdraw the authorization", scope=WRITE, answers={200: WebhookBody}, statuses=(404,), ids=IDS
    ),
)
async def withdraw(request: ApiRequest, webhook: FromPath[str]) -> Response[WebhookBody]:
    """Nothing is handed over any more; what waits or was to be tried again is given up. Doing it again changes nothing."""

    def write(caller: Caller) -> WebhookBody:
        withdraw_authorization(_find(caller, webhook), by=caller.key, now=caller.now)
        return describe_webhook(_find(caller, webhook))

    return answer(await in_account(request, write))


@post(
    f"{ONE}/rotate",
    **described(
        "Make new signing keys",
        scope=WRITE,
        answers={200: NewWebhookBody},
        statuses=(404, 409),
        ids=IDS,
        shows_secret=True,
    ),
)
async def rotate(request: ApiRequest, webhook: FromPath[str]) -> Response[NewWebhookBody]:
    """The old ones sign beside the new ones for 24 hours. Like the creation, it is not answered twice under one Idempotency-Key."""

    def write(caller: Caller) -> NewWebhookBody:
        row = _find(caller, webhook)
        return describe_new(row, rotate_keys(row, by=caller.key, now=caller.now))

    return answer(await in_account(request, write))


@post(
    f"{ONE}/test",
    **described(
        "Send a test event", scope=WRITE, answers={202: WebhookDeliveryBody}, statuses=(404, 409), ids=IDS
    ),
)
async def test(request: ApiRequest, webhook: FromPath[str]) -> Response[WebhookDeliveryBody]:
    """`webhook.test`, tried once."""

    def write(caller: Caller) -> WebhookDeliveryBody:
        return describe_delivery(send_test(_find(caller, webhook), by=caller.key, now=caller.now))

    return answer(await in_account(request, _refusing(write)), status=202)


@post(
    f"{ONE}/replay",
    **described(
        "Send a range of events again",
        scope=WRITE,
        body=WebhookReplayInput,
        answers={202: WebhookReplayBody},
        statuses=(404, 409),
        ids=IDS,
    ),
)
async def replay_many(request: ApiRequest, webhook: FromPath[str]) -> Response[WebhookReplayBody]:
    """From the log, so also what happened while the webhook was off; each keeps its `webhook-id`."""
    said = await read_input(request, WebhookReplayInput)

    def write(caller: Caller) -> WebhookReplayBody:
        until = said.until or caller.now
        wanted = ReplayRange(said.since, until, tuple(said.events), said.only_missing)
        work = replay_range(_find(caller, webhook), wanted, by=caller.key, now=caller.now)
        return WebhookReplayBody(work.public_id)

    return answer(await in_account(request, _refusing(write)), status=202)


@get(
    DELIVERIES,
    **described(
        "List the deliveries of a webhook",
        scope=READ,
        query=WebhookDeliveriesQuery,
        answers={200: Listed[WebhookDeliveryBody]},
        statuses=(404,),
        ids=IDS,
    ),
)
async def list_all_deliveries(
    request: ApiRequest, webhook: FromPath[str]
) -> Response[Listed[WebhookDeliveryBody]]:
    """The latest first, for 30 days."""
    query = read_query(request, WebhookDeliveriesQuery)
    before = read_after(query, "whd")
    wanted = DeliveryFilter(query.state or "", query.event)

    def find(caller: Caller) -> Listed[WebhookDeliveryBody]:
        rows = list_deliveries(_find(caller, webhook), wanted, before=before, limit=query.limit + 1)
        return list_page(rows, query.limit, describe_delivery, lambda row: row.public_id)

    return answer(await in_account(request, find))


@get(
    DELIVERY,
    **described(
        "Get a delivery",
        scope=READ,
        answers={200: WebhookDeliveryDetailBody},
        statuses=(404,),
        ids=DELIVERY_IDS,
    ),
)
async def get_delivery(
    request: ApiRequest, webhook: FromPath[str], delivery: FromPath[str]
) -> Response[WebhookDeliveryDetailBody]:
    """With what was sent and every attempt."""

    def find(caller: Caller) -> WebhookDeliveryDetailBody:
        endpoint, row = _find_delivery(caller, webhook, delivery)
        payload = fit(row.payload, endpoint.fields) if row.payload else None
        plain = msgspec.structs.asdict(describe_delivery(row))
        return WebhookDeliveryDetailBody(
            **plain, payload=payload, log=[describe_attempt(one) for one in list_attempts(row)]
        )

    return answer(await in_account(request, find))


@post(
    f"{DELIVERY}/replay",
    **described(
        "Send a delivery again",
        scope=WRITE,
        answers={202: WebhookDeliveryBody},
        statuses=(404, 409),
        ids=DELIVERY_IDS,
    ),
)
async def replay_one(
    request: ApiRequest, webhook: FromPath[str], delivery: FromPath[str]
) -> Response[WebhookDeliveryBody]:
    """With the same `webhook-id`."""

    def write(caller: Caller) -> WebhookDeliveryBody:
        endpoint, row = _find_delivery(caller, webhook, delivery)
        replay_delivery(endpoint, row, by=caller.key, now=caller.now)
        return describe_delivery(_find_delivery(caller, webhook, delivery)[1])

    return answer(await in_account(request, _refusing(write)), status=202)


HANDLERS = [
    list_,
    create,
    get_,
    change,
    remove,
    list_all_authorizations,
    withdraw,
    rotate,
    test,
    replay_many,
    list_all_deliveries,
    get_delivery,
    replay_one,
]


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_changes(row: WebhookEndpoint, said: WebhookChangeInput) -> EndpointSettings | None:
    """What is to be saved; None when nothing of it was named."""
    given = {
        "url": said.url,
        "kinds": None if said.events is None else tuple(said.events),
        "fields": None if said.fields is None else tuple(said.fields),
        "description": said.description,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not changes and not said.authorized:
        return None
    now = EndpointSettings(row.url, tuple(row.kinds), tuple(row.fields), row.description)
    return replace(now, **changes)


def _find(caller: Caller, public_id: str) -> WebhookEndpoint:
    row = find_endpoint(caller.account_id, public_id)
    if row is None:
        raise not_found("webhook")
    return row


def _find_delivery(caller: Caller, webhook: str, public_id: str) -> tuple[WebhookEndpoint, WebhookDelivery]:
    endpoint = _find(caller, webhook)
    row = find_delivery(endpoint, public_id)
    if row is None:
        raise not_found("delivery")
    return endpoint, row


def _refusing(verb: Callable[[Caller], Answer]) -> Callable[[Caller], Answer]:
    """A verb whose errors are told in the one shape that errors have."""

    def run(caller: Caller) -> Answer:
        try:
            return verb(caller)
        except WebhookError as error:
            if not error.field:
                raise Problem(409, error.code, str(error)) from None
            raise refuse(FieldError(error.field, str(error))) from None

    return run
