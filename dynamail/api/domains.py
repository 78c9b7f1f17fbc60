"""Sending domains and senders. `docs/api/domains.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import Account
from dynamail.api.answering import answer, get_row, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, ShortPage, cut_list
from dynamail.api.reading import read_query, refuse
from dynamail.senders.domain_checks import UNKNOWN
from dynamail.senders.domain_names import write_domain_name
from dynamail.senders.domain_records import list_records, read_installation_names
from dynamail.senders.domain_states import is_being_checked, read_findings
from dynamail.senders.domains import add_domain, list_current_keys, remove_domain, start_check
from dynamail.senders.errors import SenderError
from dynamail.senders.identities import add_sender
from dynamail.senders.models import Sender, SendingDomain

PATH = "/api/v1/domains"
SENDERS = "/api/v1/senders"
ONE = f"{PATH}/{{domain:str}}"

Answer = TypeVar("Answer")
Address = Annotated[str, msgspec.Meta(max_length=320)]


class DomainInput(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class DnsRecordBody(msgspec.Struct, frozen=True):
    """One line to publish. `state` is what was seen last: right, different, missing or unknown; `found` what stands there instead."""

    purpose: str
    type: str
    name: str
    value: str
    required: bool
    state: str
    found: list[str]


class DomainBody(msgspec.Struct, frozen=True):
    """`state` is pending, verified or lost. `failing_since`: a record of a verified domain is missing since then."""

    id: str
    name: str
    state: str
    created_at: datetime
    verified_at: datetime | None
    failing_since: datetime | None
    checked_at: datetime | None


class FullDomainBody(DomainBody, frozen=True):
    checking: bool
    records: list[DnsRecordBody]


class SenderInput(msgspec.Struct, forbid_unknown_fields=True):
    email: Address
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    reply_to: Address = ""


class SenderBody(msgspec.Struct, frozen=True):
    """Mail may be sent from it once `verified_at` is set."""

    id: str
    email: str
    name: str
    reply_to: str
    is_default: bool
    verified_at: datetime | None
    created_at: datetime


# ── Domains ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List sending domains", scope=Scope.READ_DOMAINS, query=ShortPage, answers={200: Listed[DomainBody]}
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[DomainBody]]:
    """By name."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[DomainBody]:
        rows = SendingDomain.objects.for_account(caller.account_id).order_by("name")
        return cut_list(list(rows), page, lambda row: DomainBody(**_tell(row)))

    return answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Add a sending domain",
        scope=Scope.WRITE_DOMAINS,
        body=DomainInput,
        answers={201: FullDomainBody},
        statuses=(409,),
    ),
)
async def add(request: ApiRequest) -> Response[FullDomainBody]:
    """The answer names the DNS records to publish; the first check is under way."""
    said = await read_input(request, DomainInput)

    def write(caller: Caller) -> FullDomainBody:
        row = add_domain(caller.account_id, name=said.name, by=caller.key, now=caller.now)
        return _describe(row, caller)

    return answer(
        await in_account(request, lambda caller: _refusing(lambda: write(caller), field="name")), status=201
    )


@get(
    ONE,
    **described(
        "Read a sending domain", scope=Scope.READ_DOMAINS, answers={200: FullDomainBody}, statuses=(404,)
    ),
)
async def get_(request: ApiRequest, domain: FromPath[str]) -> Response[FullDomainBody]:
    """By id or name: its records, and what the last check saw of each."""
    return answer(await in_account(request, lambda caller: _describe(_find(caller, domain), caller)))


@post(
    f"{ONE}/check",
    **described(
        "Check a sending domain now",
        scope=Scope.WRITE_DOMAINS,
        answers={202: FullDomainBody},
        statuses=(404,),
    ),
)
async def check(request: ApiRequest, domain: FromPath[str]) -> Response[FullDomainBody]:
    """In the background: read the domain again until `checking` is false. Domains are checked by themselves, too."""

    def write(caller: Caller) -> FullDomainBody:
        row = _find(caller, domain)
        start_check(row, now=caller.now)
        return _describe(row, caller)

    return answer(await in_account(request, write), status=202)


@delete(
    ONE,
    **described("Remove a sending domain", scope=Scope.WRITE_DOMAINS, answers={204: None}, statuses=(404,)),
)
async def remove(request: ApiRequest, domain: FromPath[str]) -> None:
    """Its keys are gone for good; mail from it leaves no more."""
    await in_account(request, lambda caller: remove_domain(_find(caller, domain), by=caller.key))


# ── Senders ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    SENDERS,
    **described("List senders", scope=Scope.READ_DOMAINS, query=ShortPage, answers={200: Listed[SenderBody]}),
)
async def list_senders(request: ApiRequest) -> Response[Listed[SenderBody]]:
    """The default one first."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[SenderBody]:
        rows = Sender.objects.for_account(caller.account_id).order_by("-is_default", "email")
        return cut_list(list(rows), page, _describe_sender)

    return answer(await in_account(request, find))


@post(
    SENDERS,
    **described(
        "Add a sender",
        scope=Scope.WRITE_DOMAINS,
        body=SenderInput,
        answers={201: SenderBody},
        statuses=(409,),
    ),
)
async def create_sender(request: ApiRequest) -> Response[SenderBody]:
    """Verified at once when its domain is; otherwise a member has a link mailed to the address from the page Senders."""
    said = await read_input(request, SenderInput)

    def write(caller: Caller) -> SenderBody:
        row = add_sender(
            Account.objects.get(pk=caller.account_id),
            email=said.email,
            name=said.name,
            reply_to=said.reply_to,
            by=caller.key,
            now=caller.now,
        )
        return _describe_sender(row)

    return answer(
        await in_account(request, lambda caller: _refusing(lambda: write(caller), field="email")), status=201
    )


@get(
    f"{SENDERS}/{{sender:str}}",
    **described(
        "Read a sender",
        ids={"sender": "snd"},
        scope=Scope.READ_DOMAINS,
        answers={200: SenderBody},
        statuses=(404,),
    ),
)
async def get_sender(request: ApiRequest, sender: FromPath[str]) -> Response[SenderBody]:
    return answer(await in_account(request, lambda caller: _describe_sender(get_row(caller, Sender, sender))))


HANDLERS = [list_, add, get_, check, remove, list_senders, create_sender, get_sender]

CONFLICTS = ("domain_exists", "sender_exists", "too_many_domains")


def _find(caller: Caller, name: str) -> SendingDomain:
    """By id or name. Raises Problem (404)."""
    if name.startswith(f"{SendingDomain.public_prefix}_"):
        return get_row(caller, SendingDomain, name)
    wanted = name[:253].replace("\x00", "").lower()
    row = SendingDomain.objects.for_account(caller.account_id).filter(name=wanted).first()
    if row is None:
        raise not_found("sending domain")
    return row  # type: ignore[no-any-return]


def _refusing(verb: Callable[[], Answer], *, field: str) -> Answer:
    try:
        return verb()
    except SenderError as error:
        if error.code in CONFLICTS:
            raise Problem(409, error.code, str(error)) from None
        raise refuse(FieldError(field, str(error))) from None


def _tell(row: SendingDomain) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "name": write_domain_name(row.name),
        "state": row.state,
        "created_at": row.created_at,
        "verified_at": row.verified_at,
        "failing_since": row.failing_since,
        "checked_at": row.checked_at,
    }


def _describe(row: SendingDomain, caller: Caller) -> FullDomainBody:
    findings = read_findings(row)
    records = [
        DnsRecordBody(
            purpose=record.purpose.value,
            type=record.kind,
            name=record.name,
            value=(finding := findings.get(record.key, UNKNOWN)).advice or record.value,
            required=record.is_required,
            state=finding.state.value,
            found=list(finding.found),
        )
        for record in list_records(row, list_current_keys(row), read_installation_names())
    ]
    return FullDomainBody(**_tell(row), checking=is_being_checked(row, now=caller.now), records=records)


def _describe_sender(row: Sender) -> SenderBody:
    return SenderBody(
        row.public_id, row.email, row.name, row.reply_to, row.is_default, row.verified_at, row.created_at
    )
