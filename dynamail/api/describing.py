"""What a route says of itself: who may call it, what it takes, what it answers. The OpenAPI document is made from it.

    @post(PATH, **described("Send one email", scope=Scope.SEND_MESSAGES, body=EmailInput, answers={202: EmailBody}))
    async def send(request: ApiRequest) -> Response[EmailBody]: …

Bodies are read by the handlers themselves (`reading.py`), so that every fault is named in our words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import needs_scope
from dynamail.api.replaying import KEEPS_NO_ANSWER

OPT = "described"


@dataclass(frozen=True)
class OneOf:
    """A body or an answer that has one of several shapes."""

    kinds: tuple[Any, ...]


@dataclass(frozen=True)
class Described:
    """`body` and the values of `answers` are msgspec structs, or OneOf several (None: no content); `query` is a struct of the query's fields.

    `also` are scopes that are needed besides `scope`; `ids` names the prefix of the public id that a parameter of the path takes, where
    its name does not tell (`openapi.py` knows the usual ones). `items` is what the list of a batch has, where `body` reads it raw. `statuses` are the errors that this route may answer with besides those that every route may (400, 401, 403, 413, 415, 422, 429,
    500, 503). `either` are scopes of which one is needed: which, depends on what is asked for, and the
    handler checks it.
    """

    summary: str
    scope: Scope | None = None
    body: Any = None
    query: Any = None
    answers: Mapping[int, Any] = field(default_factory=dict)
    statuses: tuple[int, ...] = ()
    media_type: str = "application/json"  # of the answer
    body_media_type: str = "application/json"
    also: tuple[Scope, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    items: Any = None
    either: tuple[Scope, ...] = ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (self.scope, *self.also) if self.scope is not None else ()

    @property
    def needs_key(self) -> bool:
        return bool(self.scopes or self.either)

    @property
    def alternatives(self) -> list[tuple[Scope, ...]]:
        """Each is a set of scopes that lets a key in."""
        return [self.scopes] if self.scopes else [(scope,) for scope in self.either]


def described(  # noqa: PLR0913 — the fields of Described, by name
    summary: str,
    *,
    scope: Scope | None = None,
    guarded: bool = True,
    body: Any = None,
    query: Any = None,
    answers: Mapping[int, Any] | None = None,
    statuses: tuple[int, ...] = (),
    media_type: str = "application/json",
    body_media_type: str = "application/json",
    also: tuple[Scope, ...] = (),
    ids: Mapping[str, str] | None = None,
    items: Any = None,
    shows_secret: bool = False,
    either: tuple[Scope, ...] = (),
) -> dict[str, Any]:
    """The keyword arguments of a Litestar route. With `guarded` off the handler enters the account itself (`entering.py`).

    `shows_secret`: the answer holds a secret that is shown once, so it is not kept for an Idempotency-Key (`replaying.py`).
    """
    told = Described(
        summary,
        scope,
        body,
        query,
        answers or {},
        statuses,
        media_type,
        body_media_type,
        also,
        ids or {},
        items,
        either,
    )
    arguments: dict[str, Any] = {"opt": {OPT: told, KEEPS_NO_ANSWER: shows_secret}}
    if told.needs_key and guarded:
        arguments["guards"] = [needs_scope(*told.scopes)]
    if told.answers:
        arguments["status_code"] = next(iter(told.answers))
    return arguments
