"""The catalogue of attributes, and tags. `docs/api/attributes.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, get_row, hold_row, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, ShortPage, cut_list
from dynamail.api.reading import read_query, refuse
from dynamail.contacts.catalog import (
    CatalogError,
    archive_attribute,
    change_attribute,
    create_attribute,
    list_attributes,
    restore_attribute,
)
from dynamail.contacts.models import Attribute, Tag
from dynamail.contacts.tags import TagError, create_tag, delete_tag, list_tags, rename_tag

PATH = "/api/v1/attributes"
TAGS = "/api/v1/tags"
ONE = f"{PATH}/{{attribute:str}}"
ONE_TAG = f"{TAGS}/{{tag:str}}"
FIELDS = {
    "no_label": "label",
    "bad_key": "key",
    "key_taken": "key",
    "key_reserved": "key",
    "no_choices": "choices",
    "too_many_choices": "choices",
}

Answer = TypeVar("Answer")
Label = Annotated[str, msgspec.Meta(max_length=100)]
Choices = Annotated[list[Annotated[str, msgspec.Meta(max_length=100)]], msgspec.Meta(max_length=200)]
Type = Literal["text", "number", "boolean", "date", "time", "choice", "list"]


class AttributeQuery(ShortPage, frozen=True, forbid_unknown_fields=True):
    """`archived`: those of the archive instead."""

    archived: bool = False


class AttributeInput(msgspec.Struct, forbid_unknown_fields=True):
    """Without a `key` one is made from the label. `choices` are those of the type `choice`."""

    label: Label
    type: Type = "text"
    key: Annotated[str, msgspec.Meta(max_length=60)] = ""
    choices: Choices = []


class AttributeChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays; key and type stay for good. `archived` false takes it out of the archive."""

    label: Label | None = None
    choices: Choices | None = None
    archived: Literal[False] | None = None


class AttributeBody(msgspec.Struct, frozen=True):
    id: str
    key: str
    label: str
    type: str
    choices: list[str]
    created_at: datetime
    archived_at: datetime | None


class TagInput(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=60)]


class TagBody(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: datetime


# ── Attributes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List attributes",
        scope=Scope.READ_CONTACTS,
        query=AttributeQuery,
        answers={200: Listed[AttributeBody]},
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[AttributeBody]]:
    """In the order of the catalogue."""
    query = read_query(request, AttributeQuery)

    def find(caller: Caller) -> Listed[AttributeBody]:
        rows = list_attributes(caller.account_id, archived=query.archived)
        return cut_list(rows, query, _describe)

    return answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Create an attribute",
        scope=Scope.WRITE_CONTACTS,
        body=AttributeInput,
        answers={201: AttributeBody},
        statuses=(409,),
    ),
)
async def create(request: ApiRequest) -> Response[AttributeBody]:
    """409 when the account has as many as it may."""
    said = await read_input(request, AttributeInput)

    def write(caller: Caller) -> AttributeBody:
        row = create_attribute(
            caller.account_id,
            label=said.label,
            type=said.type,
            key=said.key,
            choices=said.choices,
            by=caller.key,
            now=caller.now,
        )
        return _describe(row)

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))), status=201)


@get(
    ONE,
    **described(
        "Read an attribute",
        scope=Scope.READ_CONTACTS,
        answers={200: AttributeBody},
        statuses=(404,),
        ids={"attribute": "att"},
    ),
)
async def get_(request: ApiRequest, attribute: FromPath[str]) -> Response[AttributeBody]:
    return answer(await in_account(request, lambda caller: _describe(get_row(caller, Attribute, attribute))))


@patch(
    ONE,
    **described(
        "Change an attribute",
        scope=Scope.WRITE_CONTACTS,
        body=AttributeChangeInput,
        answers={200: AttributeBody},
        statuses=(404,),
        ids={"attribute": "att"},
    ),
)
async def change(request: ApiRequest, attribute: FromPath[str]) -> Response[AttributeBody]:
    said = await read_input(request, AttributeChangeInput)

    def write(caller: Caller) -> AttributeBody:
        row = hold_row(get_row(caller, Attribute, attribute))
        if said.archived is False:
            restore_attribute(row, by=caller.key, now=caller.now)
        if said.label is not None or said.choices is not None:
            label = row.label if said.label is None else said.label
            choices = row.choices if said.choices is None else said.choices
            change_attribute(row, label=label, choices=choices, by=caller.key, now=caller.now)
        return _describe(row)

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))))


@delete(
    ONE,
    **described(
        "Archive an attribute",
        scope=Scope.WRITE_CONTACTS,
        answers={204: None},
        statuses=(404,),
        ids={"attribute": "att"},
    ),
)
async def archive(request: ApiRequest, attribute: FromPath[str]) -> None:
    """It is no longer offered; values stay with the contacts. Twice is once."""
    await in_account(
        request,
        lambda caller: archive_attribute(
            get_row(caller, Attribute, attribute), by=caller.key, now=caller.now
        ),
    )


# ── Tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    TAGS,
    **described("List tags", scope=Scope.READ_CONTACTS, query=ShortPage, answers={200: Listed[TagBody]}),
)
async def list_tags_(request: ApiRequest) -> Response[Listed[TagBody]]:
    """By name."""
    page = read_query(request, ShortPage)

    def find(caller: Caller) -> Listed[TagBody]:
        return cut_list(list_tags(caller.account_id), page, _describe_tag)

    return answer(await in_account(request, find))


@post(TAGS, **described("Create a tag", scope=Scope.WRITE_CONTACTS, body=TagInput, answers={201: TagBody}))
async def add_tag(request: ApiRequest) -> Response[TagBody]:
    """A contact can be given a new tag without this: tags are made when they are needed."""
    said = await read_input(request, TagInput)

    def write(caller: Caller) -> TagBody:
        return _describe_tag(create_tag(caller.account_id, said.name, by=caller.key, now=caller.now))

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))), status=201)


@patch(
    ONE_TAG,
    **described(
        "Rename a tag",
        scope=Scope.WRITE_CONTACTS,
        body=TagInput,
        answers={200: TagBody},
        statuses=(404,),
        ids={"tag": "tag"},
    ),
)
async def rename(request: ApiRequest, tag: FromPath[str]) -> Response[TagBody]:
    said = await read_input(request, TagInput)

    def write(caller: Caller) -> TagBody:
        row = get_row(caller, Tag, tag)
        if row.name != said.name:
            rename_tag(row, said.name, by=caller.key, now=caller.now)
        return _describe_tag(row)

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))))


@delete(
    ONE_TAG,
    **described(
        "Delete a tag", scope=Scope.WRITE_CONTACTS, answers={204: None}, statuses=(404,), ids={"tag": "tag"}
    ),
)
async def remove_tag(request: ApiRequest, tag: FromPath[str]) -> None:
    """It is taken off every contact."""

    def write(caller: Caller) -> None:
        delete_tag(get_row(caller, Tag, tag), by=caller.key, now=caller.now)

    await in_account(request, write)


HANDLERS = [list_, create, get_, change, archive, list_tags_, add_tag, rename, remove_tag]


def _refusing(verb: Callable[[], Answer]) -> Answer:
    try:
        return verb()
    except CatalogError as error:
        if error.code in FIELDS:
            raise refuse(FieldError(FIELDS[error.code], str(error))) from None
        raise Problem(409, error.code, str(error)) from None
    except TagError as error:
        if error.code == "too_many":
            raise Problem(409, error.code, str(error)) from None
        raise refuse(FieldError("name", str(error))) from None


def _describe(row: Attribute) -> AttributeBody:
    return AttributeBody(
        row.public_id, row.key, row.label, row.type, row.choices, row.created_at, row.archived_at
    )


def _describe_tag(row: Tag) -> TagBody:
    return TagBody(row.public_id, row.name, row.created_at)
