"""Templates: listed, made, changed, archived, and rendered with data. `docs/api/templates.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import Account
from dynamail.api.answering import answer, get_row, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, list_page, read_after
from dynamail.api.reading import read_query, refuse
from dynamail.contacts.catalog import list_attributes
from dynamail.content.checking import review_email
from dynamail.content.compiling import CompiledEmail, EmailSource, Stream, check_email, compile_email
from dynamail.content.editing import (
    ContentConflict,
    archive_template,
    create_template,
    restore_template,
    save_template,
)
from dynamail.content.models import Template
from dynamail.content.preview import PREVIEW_URLS, sample_context
from dynamail.content.problems import ContentError, Where, errors_of
from dynamail.content.problems import Problem as ContentProblem

PATH = "/api/v1/templates"
ONE = f"{PATH}/{{template:str}}"
FIELDS = {Where.SUBJECT: "subject", Where.PREHEADER: "preheader", Where.BODY: "source", Where.TEXT: "text"}

Answer = TypeVar("Answer")
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
Line = Annotated[str, msgspec.Meta(max_length=300)]
Source = Annotated[str, msgspec.Meta(max_length=1_000_000)]
Kind = Literal["mjml", "html", "text"]


class TemplateQuery(Page, frozen=True, forbid_unknown_fields=True):
    """`archived`: those of the archive instead."""

    name: Annotated[str, msgspec.Meta(max_length=150, description="A part of the name.")] = ""
    archived: bool = False


class TemplateInput(msgspec.Struct, forbid_unknown_fields=True):
    """`source` is MJML, HTML or plain text, as `kind` says, with Liquid. `draft`: save it even where it does not compile yet."""

    name: Name
    kind: Kind = "mjml"
    subject: Line = ""
    preheader: Line = ""
    source: Source = ""
    draft: bool = False


class TemplateChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays. With the `version` that was read, nobody's change is overwritten."""

    name: Name | None = None
    kind: Kind | None = None
    subject: Line | None = None
    preheader: Line | None = None
    source: Source | None = None
    draft: bool = False
    version: int | None = None
    archived: Literal[False] | None = None


class RenderInput(msgspec.Struct, forbid_unknown_fields=True):
    """`data` is what the template's Liquid sees at its top level; `contact` stands for `{{ contact.… }}`."""

    data: dict[str, Any] = {}
    contact: dict[str, Any] | None = None
    stream: Literal["transactional", "marketing"] = "transactional"


class ContentProblemBody(msgspec.Struct, frozen=True):
    """One thing to repair or to look at. Lines and columns count from 1; null where there is no single place."""

    field: str
    severity: str
    code: str
    message: str
    suggestion: str
    line: int | None
    column: int | None


class TemplateSummaryBody(msgspec.Struct, frozen=True):
    id: str
    name: str
    kind: str
    subject: str
    version: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class TemplateBody(msgspec.Struct, frozen=True):
    """`problems` are those of the compiler; what has an error among them cannot be sent."""

    id: str
    name: str
    kind: str
    subject: str
    preheader: str
    source: str
    version: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    problems: list[ContentProblemBody]


class RenderedBody(msgspec.Struct, frozen=True):
    """One copy. `html` is null for plain text. `problems` are worth a look: unknown variables, broken links, missing alt texts."""

    subject: str
    html: str | None
    text: str
    problems: list[ContentProblemBody]


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List templates",
        scope=Scope.READ_TEMPLATES,
        query=TemplateQuery,
        answers={200: Listed[TemplateSummaryBody]},
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[TemplateSummaryBody]]:
    """The newest first, without their sources."""
    query = read_query(request, TemplateQuery)
    before = read_after(query, Template.public_prefix)

    def find(caller: Caller) -> Listed[TemplateSummaryBody]:
        rows = Template.objects.for_account(caller.account_id).defer("source").order_by("-uid")
        rows = rows.filter(archived_at__isnull=not query.archived)
        if query.name:
            rows = rows.filter(name__icontains=query.name.replace("\x00", ""))
        if before is not None:
            rows = rows.filter(uid__lt=before)
        return list_page(list(rows[: query.limit + 1]), query.limit, _summarize, lambda row: row.public_id)

    return answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Create a template", scope=Scope.WRITE_TEMPLATES, body=TemplateInput, answers={201: TemplateBody}
    ),
)
async def create(request: ApiRequest) -> Response[TemplateBody]:
    """422 names each error of the source by line and column, unless it is a draft."""
    said = await read_input(request, TemplateInput)

    def write(caller: Caller) -> TemplateBody:
        values = {
            "kind": said.kind,
            "subject": said.subject,
            "preheader": said.preheader,
            "source": said.source,
        }
        if not said.draft:
            _refuse_errors(Template(**values))
        row = create_template(
            caller.account_id, name=_clean_name(said.name), by=caller.key, now=caller.now, **values
        )
        return _describe(row)

    return answer(await in_account(request, write), status=201)


@get(
    ONE,
    **described(
        "Read a template",
        scope=Scope.READ_TEMPLATES,
        answers={200: TemplateBody},
        statuses=(404,),
        ids={"template": "tpl"},
    ),
)
async def get_(request: ApiRequest, template: FromPath[str]) -> Response[TemplateBody]:
    return answer(await in_account(request, lambda caller: _describe(get_row(caller, Template, template))))


@patch(
    ONE,
    **described(
        "Change a template",
        scope=Scope.WRITE_TEMPLATES,
        body=TemplateChangeInput,
        answers={200: TemplateBody},
        statuses=(404, 409),
        ids={"template": "tpl"},
    ),
)
async def change(request: ApiRequest, template: FromPath[str]) -> Response[TemplateBody]:
    """What was sent stays as it was. 409 when somebody saved another version meanwhile."""
    said = await read_input(request, TemplateChangeInput)

    def write(caller: Caller) -> TemplateBody:
        row = get_row(caller, Template, template)
        if said.archived is False:
            restore_template(row, by=caller.key, now=caller.now)
            row = get_row(caller, Template, template)
        wanted = {
            field: value
            for field in ("kind", "subject", "preheader", "source")
            if (value := getattr(said, field)) is not None
        }
        if wanted and not said.draft:
            kept = {field: getattr(row, field) for field in ("kind", "subject", "preheader", "source")}
            _refuse_errors(Template(**(kept | wanted)))
        if said.name is not None:
            wanted["name"] = _clean_name(said.name)
        if wanted or said.version is not None:
            row = save_template(row, version=said.version, by=caller.key, now=caller.now, **wanted)
        return _describe(row)

    return answer(await in_account(request, lambda caller: _refusing(lambda: write(caller))))


@delete(
    ONE,
    **described(
        "Archive a template",
        scope=Scope.WRITE_TEMPLATES,
        answers={204: None},
        statuses=(404,),
        ids={"template": "tpl"},
    ),
)
async def archive(request: ApiRequest, template: FromPath[str]) -> None:
    """Nothing can be sent with it any more. Twice is once."""
    await in_account(
        request,
        lambda caller: archive_template(get_row(caller, Template, template), by=caller.key, now=caller.now),
    )


@post(
    f"{ONE}/render",
    **described(
        "Render a template",
        scope=Scope.READ_TEMPLATES,
        body=RenderInput,
        answers={200: RenderedBody},
        statuses=(404,),
        ids={"template": "tpl"},
    ),
)
async def render(request: ApiRequest, template: FromPath[str]) -> Response[RenderedBody]:
    """As one recipient would get it, with plain links. Nothing is sent or kept."""
    said = await read_input(request, RenderInput)
    return answer(
        await in_account(
            request,
            lambda caller: _refusing(lambda: _render(caller, get_row(caller, Template, template), said)),
        )
    )


HANDLERS = [list_, create, get_, change, archive, render]


# ── Rendering and checking ───────────────────────────────────────────────────────────────────────────────────────────
def _render(caller: Caller, template: Template, said: RenderInput) -> RenderedBody:
    """Raises ContentError."""
    compiled = compile_email(template.as_email(stream=Stream(said.stream)))
    context = _make_context(caller, template, said)
    keys = [attribute.key for attribute in list_attributes(caller.account_id)]
    problems = review_email(compiled, keys, extra_roots=frozenset(said.data))
    return RenderedBody(*_write(compiled, context), [_describe_problem(problem) for problem in problems])


def _write(compiled: CompiledEmail, context: dict[str, Any]) -> tuple[str, str | None, str]:
    """As delivery writes it: what is missing is written as nothing."""
    subject = " ".join(compiled.subject.render(context, PREVIEW_URLS).split())
    html = compiled.html.render(context, PREVIEW_URLS) if compiled.html else None
    return subject, html, compiled.text.render(context, PREVIEW_URLS)


def _make_context(caller: Caller, template: Template, said: RenderInput) -> dict[str, Any]:
    account = Account.objects.get(pk=caller.account_id)
    sample = sample_context(
        said.contact or {},
        account_name=account.name,
        postal_address=account.postal_address,
        campaign_name=template.name,
        subject=template.subject,
        now=caller.now,
    )
    return {**sample, **said.data}


def _refuse_errors(template: Template) -> None:
    """Raises Problem (422) when the source cannot be compiled."""
    if not template.source:
        return
    source: EmailSource = template.as_email()
    if errors := errors_of(check_email(source)):
        raise refuse_content(errors)


def refuse_content(problems: Iterable[ContentProblem]) -> Problem:
    """Each error by its field, with line and column where it has them."""
    return refuse(*(FieldError(FIELDS[problem.where], _say(problem)) for problem in problems))


def _say(problem: ContentProblem) -> str:
    place = f"Line {problem.line}, column {problem.column}: " if problem.line else ""
    return f"{place}{problem.sentence} {problem.suggestion}".strip()


def _refusing(verb: Callable[[], Answer]) -> Answer:
    try:
        return verb()
    except ContentError as error:
        raise refuse_content(errors_of(error.problems)) from None
    except ContentConflict as error:
        saved = FieldError("version", str(error.saved_version))
        detail = "Somebody else saved this template in the meantime; read it again and repeat your change."
        raise Problem(409, "changed_meanwhile", detail, (saved,)) from None


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned:
        raise refuse(FieldError("name", "must not be empty"))
    return cleaned


# ── Describing ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _describe_problem(problem: ContentProblem) -> ContentProblemBody:
    return ContentProblemBody(
        field=FIELDS[problem.where],
        severity=problem.severity.value,
        code=problem.code,
        message=problem.sentence,
        suggestion=problem.suggestion,
        line=problem.line or None,
        column=problem.column or None,
    )


def _summarize(row: Template) -> TemplateSummaryBody:
    return TemplateSummaryBody(
        row.public_id,
        row.name,
        row.kind,
        row.subject,
        row.version,
        row.created_at,
        row.updated_at,
        row.archived_at,
    )


def _describe(row: Template) -> TemplateBody:
    problems = check_email(row.as_email()) if row.source else []
    return TemplateBody(
        id=row.public_id,
        name=row.name,
        kind=row.kind,
        subject=row.subject,
        preheader=row.preheader,
        source=row.source,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        archived_at=row.archived_at,
        problems=[_describe_problem(problem) for problem in problems],
    )
