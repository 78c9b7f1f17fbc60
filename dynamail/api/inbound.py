"""Incoming mail: where it is taken, and what came. `docs/api/inbound.md`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from django.conf import settings
from litestar import Response, delete, get, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, get_row, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, ShortPage, cut_list, list_page, read_after
from dynamail.api.reading import read_query, refuse
from dynamail.inbound.addressing import (
    add_address,
    add_domain,
    find_proof,
    note_proof,
    proof_name,
    remove_address,
    remove_domain,
    write_address,
)
from dynamail.inbound.errors import InboundError
from dynamail.inbound.listing import (
    PREFIX,
    InboundFilter,
    find_received,
    list_addresses,
    list_domains,
    list_received,
)
from dynamail.inbound.models import InboundAddress, InboundDomain, ReceivedMessage
from dynamail.inbound.reading import find_files, find_new_text, read_parts_of
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.protocols.dns import Resolver

PATH = "/api/v1/inbound"
ADDRESSES, DOMAINS, MESSAGES = f"{PATH}/addresses", f"{PATH}/domains", f"{PATH}/messages"
ONE_ADDRESS, ONE_DOMAIN, ONE_MESSAGE = (
    f"{ADDRESSES}/{{address:str}}",
    f"{DOMAINS}/{{domain:str}}",
    f"{MESSAGES}/{{message:str}}",
)
QUESTION_SECONDS = 5.0
# A stranger's file is never shown by the browser that fetches it.
FILE_HEADERS = {
    "cache-control": "private, no-store",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
}


class InboundAddressInput(msgspec.Struct, forbid_unknown_fields=True):
    """Without a `name` one is drawn."""

    name: Annotated[str, msgspec.Meta(max_length=63, description="What stands before the @.")] = ""
    note: Annotated[str, msgspec.Meta(max_length=100, description="What it is for.")] = ""


class InboundAddressBody(msgspec.Struct, frozen=True):
    id: str
    address: str
    note: str
    created_at: datetime


class InboundDomainInput(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=253)]


class InboundRecordBody(msgspec.Struct, frozen=True):
    """A DNS record to publish."""

    type: str
    name: str
    value: str


class InboundDomainBody(msgspec.Struct, frozen=True):
    id: str
    name: str
    verified: bool
    records: list[InboundRecordBody]
    created_at: datetime
    verified_at: datetime | None
    checked_at: datetime | None


class ReceivedQuery(Page, frozen=True, forbid_unknown_fields=True):
    """`to` and `from` are whole addresses; `email_id` names an email of yours that was answered."""

    to: Annotated[str, msgspec.Meta(max_length=320)] = ""
    sender: Annotated[str, msgspec.Meta(max_length=320)] = msgspec.field(default="", name="from")
    email_id: Annotated[str, msgspec.Meta(max_length=40)] = ""
    search: Annotated[str, msgspec.Meta(max_length=200)] = ""
    replies_only: bool = False


class ReceivedFileBody(msgspec.Struct, frozen=True):
    """`number` names it in the address of its content."""

    number: int
    filename: str
    content_type: str
    size: int


class ReceivedBody(msgspec.Struct, frozen=True):
    """A message without what it says. `message_id` and `email_id` are those of your message that it answers."""

    id: str
    received_at: datetime
    from_: str = msgspec.field(name="from")
    from_name: str
    to: str
    subject: str
    spf: str
    dkim: str
    dmarc: str
    auto_reply: bool
    message_id: str | None
    email_id: str | None
    contact_id: str | None
    size: int
    attachments: list[ReceivedFileBody]


class ReceivedPartsBody(ReceivedBody, frozen=True):
    """With what it says, null when that is gone (after 30 days). `reply` is the text without what it quotes. `html` is as it came: a
    stranger's document, to be cleaned before it is shown."""

    text: str | None
    html: str | None
    reply: str | None
    headers: list[tuple[str, str]]


# ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    ADDRESSES,
    **described(
        "List addresses for incoming mail",
        scope=Scope.READ_INBOUND,
        query=ShortPage,
        answers={200: Listed[InboundAddressBody]},
    ),
)
async def list_addresses_(request: ApiRequest) -> Response[Listed[InboundAddressBody]]:
    """All of the account."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[InboundAddressBody]:
        return cut_list(list_addresses(caller.account_id), page, _describe_address)

    return answer(await in_account(request, find))


@post(
    ADDRESSES,
    **described(
        "Create an address for incoming mail",
        scope=Scope.WRITE_INBOUND,
        body=InboundAddressInput,
        answers={201: InboundAddressBody},
        statuses=(409,),
    ),
)
async def create_address(request: ApiRequest) -> Response[InboundAddressBody]:
    """What stands behind a plus sign is yours: mail to `help+order-7@…` comes to `help@…`."""
    said = await read_input(request, InboundAddressInput)

    def write(caller: Caller) -> InboundAddressBody:
        try:
            row = add_address(caller.account_id, name=said.name, note=said.note, by=caller.key)
        except InboundError as error:
            raise _refuse(error, "name") from None
        return _describe_address(row)

    return answer(await in_account(request, write), status=201)


@delete(
    ONE_ADDRESS,
    **described(
        "Remove an address for incoming mail",
        scope=Scope.WRITE_INBOUND,
        answers={204: None},
        statuses=(404,),
        ids={"address": "iba"},
    ),
)
async def delete_address(request: ApiRequest, address: FromPath[str]) -> None:
    """What came to it stays."""
    await in_account(
        request, lambda caller: remove_address(get_row(caller, InboundAddress, address), by=caller.key)
    )


# ── Domains ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    DOMAINS,
    **described(
        "List domains for incoming mail",
        scope=Scope.READ_INBOUND,
        query=ShortPage,
        answers={200: Listed[InboundDomainBody]},
    ),
)
async def list_domains_(request: ApiRequest) -> Response[Listed[InboundDomainBody]]:
    """All of the account."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[InboundDomainBody]:
        return cut_list(list_domains(caller.account_id), page, _describe_domain)

    return answer(await in_account(request, find))


@post(
    DOMAINS,
    **described(
        "Add a domain for incoming mail",
        scope=Scope.WRITE_INBOUND,
        body=InboundDomainInput,
        answers={201: InboundDomainBody},
        statuses=(409,),
    ),
)
async def create_domain(request: ApiRequest) -> Response[InboundDomainBody]:
    """Below a verified sending domain of yours it is verified at once; else publish the TXT record and ask for a check."""
    said = await read_input(request, InboundDomainInput)

    def write(caller: Caller) -> InboundDomainBody:
        try:
            return _describe_domain(
                add_domain(caller.account_id, name=said.name, by=caller.key, now=caller.now)
            )
        except InboundError as error:
            raise _refuse(error, "name") from None

    return answer(await in_account(request, write), status=201)


@post(
    f"{ONE_DOMAIN}/check",
    **described(
        "Check a domain for incoming mail",
        scope=Scope.WRITE_INBOUND,
        answers={200: InboundDomainBody},
        statuses=(404, 409),
        ids={"domain": "ibd"},
    ),
)
async def check_domain(request: ApiRequest, domain: FromPath[str]) -> Response[InboundDomainBody]:
    """Asks the DNS for the TXT record. A domain that was verified stays so."""
    row = await in_account(request, lambda caller: get_row(caller, InboundDomain, domain))
    resolver = Resolver(settings.DNS_SERVERS, timeout=QUESTION_SECONDS / 2, lifetime=QUESTION_SECONDS)
    is_proved = await find_proof(row, resolver)

    def write(caller: Caller) -> InboundDomainBody:
        found = get_row(caller, InboundDomain, domain)
        try:
            note_proof(found, is_proved=bool(is_proved), by=caller.key, now=caller.now)
        except InboundError as error:
            raise _refuse(error, "name") from None
        return _describe_domain(found)

    return answer(await in_account(request, write))


@delete(
    ONE_DOMAIN,
    **described(
        "Remove a domain for incoming mail",
        scope=Scope.WRITE_INBOUND,
        answers={204: None},
        statuses=(404,),
        ids={"domain": "ibd"},
    ),
)
async def delete_domain(request: ApiRequest, domain: FromPath[str]) -> None:
    """What came to it stays."""
    await in_account(
        request, lambda caller: remove_domain(get_row(caller, InboundDomain, domain), by=caller.key)
    )


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    MESSAGES,
    **described(
        "List incoming messages",
        scope=Scope.READ_INBOUND,
        query=ReceivedQuery,
        answers={200: Listed[ReceivedBody]},
    ),
)
async def list_messages(request: ApiRequest) -> Response[Listed[ReceivedBody]]:
    """The newest first."""
    query = read_query(request, ReceivedQuery)
    before = read_after(query, PREFIX)
    filters = InboundFilter(
        query.search, query.to, query.sender, _read_email_id(query.email_id), query.replies_only
    )

    def find(caller: Caller) -> Listed[ReceivedBody]:
        rows = list_received(caller.account_id, filters=filters, before=before, limit=query.limit + 1)
        return list_page(rows, query.limit, lambda row: ReceivedBody(**_tell(row)), lambda row: row.public_id)

    return answer(await in_account(request, find))


@get(
    ONE_MESSAGE,
    **described(
        "Read an incoming message",
        scope=Scope.READ_INBOUND,
        answers={200: ReceivedPartsBody},
        statuses=(404,),
        ids={"message": "rcv"},
    ),
)
async def get_message(request: ApiRequest, message: FromPath[str]) -> Response[ReceivedPartsBody]:
    """With its text, its HTML, its header and the list of its files."""

    def find(caller: Caller) -> ReceivedPartsBody:
        row = _get_received(caller, message)
        if row.raw is None:
            return ReceivedPartsBody(**_tell(row), text=None, html=None, reply=None, headers=[])
        read = read_parts_of(bytes(row.raw))
        return ReceivedPartsBody(
            **_tell(row),
            text=_clean(read.text),
            html=_clean(read.html),
            reply=_clean(find_new_text(read.text)),
            headers=[(_clean(name), _clean(value)) for name, value in read.headers],
        )

    return answer(await in_account(request, find))


@get(
    f"{ONE_MESSAGE}/raw",
    **described(
        "Fetch an incoming message as it came",
        scope=Scope.READ_INBOUND,
        answers={200: bytes},
        media_type="message/rfc822",
        statuses=(404,),
        ids={"message": "rcv"},
    ),
)
async def get_raw(request: ApiRequest, message: FromPath[str]) -> Response[bytes]:
    """The octets of the message (RFC 5322)."""
    raw = await in_account(request, lambda caller: _get_raw(caller, message))
    headers = FILE_HEADERS | {"content-disposition": f'attachment; filename="{message}.eml"'}
    return Response(raw, media_type="message/rfc822", headers=headers)


@get(
    f"{ONE_MESSAGE}/attachments/{{number:int}}",
    **described(
        "Fetch a file of an incoming message",
        scope=Scope.READ_INBOUND,
        answers={200: bytes},
        media_type="application/octet-stream",
        statuses=(404,),
        ids={"message": "rcv"},
    ),
)
async def get_attachment(
    request: ApiRequest, message: FromPath[str], number: FromPath[int]
) -> Response[bytes]:
    """The octets, decoded, always as a file to keep. Nothing has looked for viruses in it."""
    raw = await in_account(request, lambda caller: _get_raw(caller, message))
    files = find_files(raw)
    if not 0 <= number < len(files):
        raise not_found("file")
    file = files[number]
    headers = FILE_HEADERS | {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename or 'file', safe='')}"
    }
    return Response(file.content, media_type="application/octet-stream", headers=headers)


HANDLERS = [
    list_addresses_,
    create_address,
    delete_address,
    list_domains_,
    create_domain,
    check_domain,
    delete_domain,
    list_messages,
    get_message,
    get_raw,
    get_attachment,
]


# ── Rows and refusals ────────────────────────────────────────────────────────────────────────────────────────────────
def _get_received(caller: Caller, public_id: str) -> ReceivedMessage:
    row = find_received(caller.account_id, public_id)
    if row is None:
        raise not_found("incoming message")
    return row


def _get_raw(caller: Caller, public_id: str) -> bytes:
    row = _get_received(caller, public_id)
    if row.raw is None:
        raise Problem(404, "not_found", "What this message said is gone: it is kept for 30 days.")
    return bytes(row.raw)


def _refuse(error: InboundError, field: str) -> Problem:
    if error.code in ("name_taken", "domain_exists", "domain_taken", "too_many"):
        return Problem(409, error.code, str(error), (FieldError(field, str(error)),))
    return refuse(FieldError(field, str(error)))


def _read_email_id(text: str) -> Any:
    try:
        return from_public_id("eml", text) if text else None
    except UnknownId:
        raise refuse(FieldError("email_id", "is not the id of an email (eml_…)")) from None


def _tell(row: ReceivedMessage) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "received_at": row.at,
        "from_": row.from_email,
        "from_name": row.from_name,
        "to": row.envelope_to,
        "subject": row.subject,
        "spf": row.spf,
        "dkim": row.dkim,
        "dmarc": row.dmarc,
        "auto_reply": row.is_auto_reply,
        "message_id": to_public_id("msg", row.message_id) if row.message_id else None,
        "email_id": to_public_id("eml", row.email_id) if row.email_id else None,
        "contact_id": to_public_id("con", row.contact_id) if row.contact_id else None,
        "size": row.size_bytes,
        "attachments": [ReceivedFileBody(number, **file) for number, file in enumerate(row.attachments)],
    }


def _describe_address(row: InboundAddress) -> InboundAddressBody:
    return InboundAddressBody(row.public_id, write_address(row), row.note, row.created_at)


def _describe_domain(row: InboundDomain) -> InboundDomainBody:
    records = [
        InboundRecordBody("TXT", proof_name(row), row.token),
        InboundRecordBody("MX", row.name, f"10 {settings.HELO_NAME}."),
    ]
    return InboundDomainBody(
        row.public_id,
        row.name,
        row.verified_at is not None,
        records,
        row.created_at,
        row.verified_at,
        row.checked_at,
    )


def _clean(text: str) -> str:
    """What JSON can carry: half a pair of UTF-16 comes out of broken encodings."""
    return text.encode("utf-8", "replace").decode()
