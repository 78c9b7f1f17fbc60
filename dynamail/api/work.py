"""Work in the background: how far it is, and how it ended. `docs/api/README.md`."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import BackgroundWork
from dynamail.api.answering import answer, get_row
from dynamail.api.auth import ApiRequest, Caller, forbidden, in_account
from dynamail.api.describing import described

PATH = "/api/v1/work"
# Who may read what a work is about may read how far it is; the kind of a work begins with its noun.
_SCOPES = {"webhooks": Scope.READ_WEBHOOKS, "segments": Scope.READ_SEGMENTS}


class WorkBody(msgspec.Struct, frozen=True):
    """`state` is queued, running, finished, failed or canceled. `done` counts what was gone through, of `total` where that is known before;
    `result` has what came of it in numbers, and `problem` says why it failed."""

    id: str
    kind: str
    title: str
    state: str
    done: int
    total: int | None
    result: dict[str, int]
    problem: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@get(
    f"{PATH}/{{work:str}}",
    **described(
        "Read how far work in the background is",
        either=tuple(dict.fromkeys([*_SCOPES.values(), Scope.READ_CONTACTS])),
        answers={200: WorkBody},
        statuses=(404,),
        ids={"work": "wrk"},
    ),
)
async def get_(request: ApiRequest, work: FromPath[str]) -> Response[WorkBody]:
    """The id is in the answer of the request that began it. The scope is the one that reads what the work is about."""

    def find(caller: Caller) -> WorkBody:
        row = get_row(caller, BackgroundWork, work)
        needed = _SCOPES.get(row.kind.partition(".")[0], Scope.READ_CONTACTS)
        if needed not in caller.key.scopes:
            raise forbidden(needed)
        return _describe(row)

    return answer(await in_account(request, find))


HANDLERS = [get_]


def _describe(row: BackgroundWork) -> WorkBody:
    return WorkBody(
        id=row.public_id,
        kind=row.kind,
        title=row.title,
        state=row.state,
        done=row.done,
        total=row.total,
        result={name: value for name, value in row.result.items() if type(value) is int},
        problem=row.message if row.state == BackgroundWork.State.FAILED else "",
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
