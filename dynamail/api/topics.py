"""Topics: listed, made, changed, archived. `docs/api/topics.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import Account
from dynamail.api.answering import answer, get_row, hold_row, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError
from dynamail.api.paging import Listed, ShortPage, cut_list
from dynamail.api.reading import read_query, refuse
from dynamail.consent.models import Topic
from dynamail.consent.topics import (
    TopicRefused,
    archive_topic,
    change_topic,
    create_topic,
    find_topics,
    restore_topic,
)

PATH = "/api/v1/topics"
ONE = f"{PATH}/{{topic:str}}"

Answer = TypeVar("Answer")
Name = Annotated[str, msgspec.Meta(max_length=100)]
Description = Annotated[str, msgspec.Meta(max_length=300)]
Tracking = Literal["none", "aggregate", "individual"]


class TopicQuery(ShortPage, frozen=True, forbid_unknown_fields=True):
    archived: bool = False


class TopicInput(msgspec.Struct, forbid_unknown_fields=True):
    """Without `tracking` the account's mode is taken."""

    name: Name
    description: Description = ""
    is_public: bool = True
    tracking: Tracking | None = None


class TopicChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays. `archived` false takes the topic out of the archive."""

    name: Name | None = None
    description: Description | None = None
    is_public: bool | None = None
    tracking: Tracking | None = None
    archived: Literal[False] | None = None


class TopicBody(msgspec.Struct, frozen=True):
    id: str
    name: str
    description: str
    is_public: bool
    tracking: str
    created_at: datetime
    archived_at: datetime | None


@get(
    PATH,
    **described("List topics", scope=Scope.READ_TOPICS, query=TopicQuery, answers={200: Listed[TopicBody]}),
)
async def list_(request: ApiRequest) -> Response[Listed[TopicBody]]:
    """In the account's order; with `archived=true` those of the archive too."""
    query = read_query(request, TopicQuery)

    def find(caller: Caller) -> Listed[TopicBody]:
        rows = find_topics(caller.account_id, with_archived=query.archived)
        return cut_list(rows, query, _describe)

    return answer(await in_account(request, find))


@post(
    PATH, **described("Create a topic", scope=Scope.WRITE_TOPICS, body=TopicInput, answers={201: TopicBody})
)
async def create(request: ApiRequest) -> Response[TopicBody]:
    said = await read_input(request, TopicInput)

    def write(caller: Caller) -> TopicBody:
        account = Account.objects.get(pk=caller.account_id)
        row = create_topic(
            account,
            name=said.name,
            description=said.description,
            is_public=said.is_public,
            tracking=said.tracking,
            by=caller.key,
            now=caller.now,
        )
        return _describe(row)

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))), status=201)


@get(
    ONE,
    **described(
        "Read a topic",
        scope=Scope.READ_TOPICS,
        answers={200: TopicBody},
        statuses=(404,),
        ids={"topic": "top"},
    ),
)
async def get_(request: ApiRequest, topic: FromPath[str]) -> Response[TopicBody]:
    return answer(await in_account(request, lambda caller: _describe(get_row(caller, Topic, topic))))


@patch(
    ONE,
    **described(
        "Change a topic",
        scope=Scope.WRITE_TOPICS,
        body=TopicChangeInput,
        answers={200: TopicBody},
        statuses=(404,),
        ids={"topic": "top"},
    ),
)
async def change(request: ApiRequest, topic: FromPath[str]) -> Response[TopicBody]:
    """Consent stays with the topic, whatever it is called."""
    said = await read_input(request, TopicChangeInput)

    def write(caller: Caller) -> TopicBody:
        row = hold_row(get_row(caller, Topic, topic))
        if said.archived is False:
            restore_topic(row, by=caller.key)
        if any(value is not None for value in (said.name, said.description, said.is_public, said.tracking)):
            change_topic(
                row,
                name=row.name if said.name is None else said.name,
                description=row.description if said.description is None else said.description,
                is_public=row.is_public if said.is_public is None else said.is_public,
                tracking=said.tracking or row.tracking,
                by=caller.key,
            )
        return _describe(row)

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))))


@delete(
    ONE,
    **described(
        "Archive a topic",
        scope=Scope.WRITE_TOPICS,
        answers={204: None},
        statuses=(404,),
        ids={"topic": "top"},
    ),
)
async def archive(request: ApiRequest, topic: FromPath[str]) -> None:
    """Nothing more is sent to it; the consent that was given stays on record. Twice is once."""
    await in_account(
        request,
        lambda caller: archive_topic(get_row(caller, Topic, topic), by=caller.key, now=caller.now),
    )


HANDLERS = [list_, create, get_, change, archive]


def _refusing(verb: Callable[[], Answer]) -> Answer:
    try:
        return verb()
    except TopicRefused as error:
        raise refuse(FieldError("name", str(error))) from None


def _describe(topic: Topic) -> TopicBody:
    return TopicBody(
        topic.public_id,
        topic.name,
        topic.description,
        topic.is_public,
        topic.tracking,
        topic.created_at,
        topic.archived_at,
    )
