"""The OpenAPI 3.1 document, made from the routes of the application and what they say of themselves (`describing.py`).

    write_document(app)  →  {"openapi": "3.1.0", "paths": …, "components": …}

Each operation is named `<noun>.<verb>`: the first part of its path, and its function's name without the noun. The repository keeps a
copy, `docs/api/openapi.json`, which `dynamail openapi` writes and a test compares.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import inspect as shapes

from dynamail.api import errors
from dynamail.api.describing import OPT, Described, OneOf
from dynamail.api.errors import ProblemBody
from dynamail.api.hints import STATUS_HINTS
from dynamail.api.introduction import NOUNS
from dynamail.lib.ids import ALPHABET, PUBLIC_LENGTH

ROOT = "/api/v1"
TITLE = "DynaMail API"
INTRODUCTION = """Send email from servers of your own: single emails and campaigns, the contacts, segments and events behind them, and what became of each message.

A key travels as `Authorization: Bearer dm_live_…`. Errors are `application/problem+json`. Lists are paged by `limit` and `after`.
A POST with an `Idempotency-Key` is done once."""
SCHEMAS = "#/components/schemas/{name}"
# What a parameter of a path names, where it takes nothing but a public id.
USUAL_IDS = {"segment_id": "seg", "request_id": "req"}
KEYED = (400, 401, 403, 429, 500, 503)  # of every route that needs a key
WITH_BODY = (413, 415, 422)


@dataclass(frozen=True)
class Operation:
    """One route and one method of it."""

    path: str
    method: str
    handler: HTTPRouteHandler
    told: Described
    parameters: tuple[str, ...]  # of the path

    @property
    def noun(self) -> str:
        return self.path.removeprefix(ROOT).strip("/").partition("/")[0].replace("-", "_")

    @property
    def name(self) -> str:
        """`emails.send_batch`; the test of the document says when two have one name."""
        nouns = {self.noun, self.noun.removesuffix("s"), self.noun.removesuffix("ies") + "y"}
        words = [word for word in self.handler.handler_name.strip("_").split("_") if word not in nouns]
        return f"{self.noun}.{'_'.join(words) or self.handler.handler_name.strip('_')}"


def find_operations(app: Litestar) -> list[Operation]:
    """Every described route, by path and method. The order is that of the document."""
    found = [
        Operation(route.path_format, method, handler, handler.opt[OPT], _list_parameters(route))
        for route, method, handler in _iter_routes(app)
        if OPT in handler.opt
    ]
    order = ("get", "post", "put", "patch", "delete")
    return sorted(found, key=lambda one: (one.path, order.index(one.method)))


def find_undescribed(app: Litestar) -> list[str]:
    """Routes of the API that say nothing of themselves."""
    return sorted(
        f"{method.upper()} {route.path_format}"
        for route, method, handler in _iter_routes(app)
        if route.path_format.startswith(f"{ROOT}/")
        and OPT not in handler.opt
        and handler.handler_name != show_document.handler_name
    )


def write_document(app: Litestar) -> dict[str, Any]:
    """The whole document, as plain values."""
    operations = find_operations(app)
    schemas = Schemas(list(_list_types(operations)))
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _write_operation(operation, schemas)
    statuses = sorted({status for operation in operations for status in _list_errors(operation)})
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "1", "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "tags": _write_tags(operations),
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {f"Problem{status}": _write_problem(status, schemas) for status in statuses},
            "headers": HEADERS,
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY},
            "securitySchemes": {"key": SECURITY},
        },
    }


def encode_document(document: dict[str, Any]) -> bytes:
    """As the repository keeps it: indented, a line's end at its end."""
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


@get(f"{ROOT}/openapi.json", sync_to_thread=False)
def show_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    return Response(find_written(request.app), media_type="application/json")


def find_written(app: Litestar) -> bytes:
    """The document as it is served; written once for an application."""
    written: bytes | None = app.state.get("openapi")
    if written is None:
        written = app.state["openapi"] = msgspec.json.encode(write_document(app))
    return written


# ── Parts that all operations share ──────────────────────────────────────────────────────────────────────────────────
SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "dm_live_…",
    "description": "An API key, made under Settings → API keys. A key dm_test_… sends to the Mailbox only.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request gets the stored answer for 24 hours, and nothing is done twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[!-~]+$"},
}


def _header(description: str, kind: str = "integer") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


HEADERS = {
    "x-request-id": _header("The id of this request in the log.", "string"),
    "ratelimit-limit": _header("How many requests may come at once."),
    "ratelimit-remaining": _header("How many of them are left."),
    "ratelimit-reset": _header("Seconds until all of them are there again."),
    "retry-after": _header("Seconds to wait before the next request."),
    "idempotency-replayed": _header("true: this is the stored answer of an earlier request.", "string"),
}


def _refer_headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _write_problem(status: int, schemas: Schemas) -> dict[str, Any]:
    names = ["x-request-id", *(["retry-after"] if status in (429, 503) else [])]
    return {
        "description": f"{HTTPStatus(status).phrase}. {STATUS_HINTS.get(status, '')}".strip(),
        "headers": _refer_headers(names),
        "content": {errors.MEDIA_TYPE: {"schema": schemas.refer(ProblemBody)}},
    }


def _write_tags(operations: Iterable[Operation]) -> list[dict[str, str]]:
    """In the order that people look for them; a noun without words is a mistake of ours."""
    used = {operation.noun for operation in operations}
    return [{"name": name, "description": NOUNS[name]} for name in sorted(used, key=tuple(NOUNS).index)]


# ── One operation ────────────────────────────────────────────────────────────────────────────────────────────────────
def _write_operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    told = operation.told
    written: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.noun],
        "summary": told.summary,
        "description": inspect.getdoc(operation.handler.fn) or "",
        "security": [{"key": [scope.value for scope in scopes]} for scopes in told.alternatives],
        "parameters": list(_write_parameters(operation, schemas)),
        "responses": {
            **{str(status): _write_answer(operation, status, schemas) for status in told.answers},
            **{
                str(status): {"$ref": f"#/components/responses/Problem{status}"}
                for status in _list_errors(operation)
            },
        },
    }
    if told.body is not None:
        schema = _write_body(told, schemas)
        written["requestBody"] = {"required": True, "content": {told.body_media_type: {"schema": schema}}}
    return {name: value for name, value in written.items() if value != "" or name == "summary"}


def _write_body(told: Described, schemas: Schemas) -> dict[str, Any]:
    if told.items is not None:  # the handler reads them one by one, so that one fault keeps no other out
        for schema in schemas.inline(told.body)["properties"].values():
            if schema.get("type") == "array" and not schema.get("items"):
                schema["items"] = schemas.refer(told.items)
    return schemas.refer(told.body)


def _write_parameters(operation: Operation, schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name in operation.parameters:
        yield {"name": name, "in": "path", "required": True, "schema": _write_id(operation, name)}
    if operation.told.query is not None:
        shape = schemas.inline(operation.told.query)
        for name, schema in shape["properties"].items():
            text = {"description": schema["description"]} if "description" in schema else {}
            kept = {key: value for key, value in schema.items() if key != "description"}
            yield {
                "name": name,
                "in": "query",
                "required": name in shape.get("required", ()),
                **text,
                "schema": kept,
            }
    if operation.method == "post":
        yield {"$ref": "#/components/parameters/IdempotencyKey"}


def _write_id(operation: Operation, name: str) -> dict[str, Any]:
    prefix = operation.told.ids.get(name) or USUAL_IDS.get(name)
    if not prefix:
        return {"type": "string", "minLength": 1}
    return {"type": "string", "pattern": f"^{prefix}_[{ALPHABET}]{{{PUBLIC_LENGTH}}}$"}


def _write_answer(operation: Operation, status: int, schemas: Schemas) -> dict[str, Any]:
    told = operation.told
    names = ["x-request-id"]
    if told.needs_key:
        names += ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
    if operation.method == "post":
        names.append("idempotency-replayed")
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "headers": _refer_headers(names),
    }
    body = told.answers[status]
    if body is not None:
        answer["content"] = {told.media_type: {"schema": schemas.refer(body)}}
    return answer


def _list_errors(operation: Operation) -> list[int]:
    told = operation.told
    statuses = {*told.statuses, 500}
    if told.needs_key:
        statuses.update(KEYED)
    if told.body is not None:
        statuses.update(WITH_BODY)
    if told.query is not None:
        statuses.add(422)
    if operation.parameters:
        statuses.update((404, 422))
    if operation.method == "post":
        statuses.update((409, 422))
    return sorted(statuses - told.answers.keys())


# ── Schemas ──────────────────────────────────────────────────────────────────────────────────────────────────────────
class Schemas:
    """The schemas of all types of the document, and references to them."""

    def __init__(self, types: Sequence[Any]) -> None:
        structs = _find_structs(list(dict.fromkeys(types)))
        given = list(dict.fromkeys([*types, *structs]))
        written, components = msgspec.json.schema_components(given, ref_template=SCHEMAS)
        references = dict(zip(given, written, strict=True))
        for cls, struct in structs.items():
            properties = components[references[cls]["$ref"].rpartition("/")[2]]["properties"]
            for field in struct.fields:
                # msgspec says "date-time" of moments with a zone alone, and all of ours have one.
                _add_format(field.type, properties[field.encode_name])
        self.components = {
            name: _mend(schema, components)
            for name, schema in sorted((_name_schema(name), schema) for name, schema in components.items())
        }
        self._written = {kind: _mend(schema, components) for kind, schema in references.items()}

    def refer(self, kind: Any) -> dict[str, Any]:
        if isinstance(kind, OneOf):
            return {"anyOf": [self.refer(one) for one in kind.kinds]}
        if kind is bytes:
            return {}  # octets as they are; the media type says of what (OpenAPI 3.1 §4.8.14.4.1)
        return self._written[kind]

    def inline(self, kind: Any) -> dict[str, Any]:
        """The schema of a struct itself, not a reference to it."""
        found: dict[str, Any] = self.components[self.refer(kind)["$ref"].rpartition("/")[2]]
        return found


def _list_types(operations: Iterable[Operation]) -> Iterator[Any]:
    yield ProblemBody
    for operation in operations:
        told = operation.told
        for kind in (told.body, told.query, told.items, *told.answers.values()):
            if isinstance(kind, OneOf):
                yield from kind.kinds
            elif kind is not None:
                yield kind


def _name_schema(name: str) -> str:
    """`Listed_SegmentBody_`, as msgspec names a generic struct, is `SegmentList` here; two structs of one name get their module's."""
    if name.startswith("Listed_"):
        return _name_schema(name.removeprefix("Listed_").removesuffix("_")).removesuffix("Body") + "List"
    if "." in name:
        *_package, module, name = name.split(".")
        return module.title().replace("_", "") + name
    return name


def _mend(schema: Any, components: Mapping[str, Any]) -> Any:
    """A schema as JSON has it: the names of lists, no tuples, no titles that repeat a name."""
    if isinstance(schema, dict):
        return {
            key: SCHEMAS.format(name=_name_schema(value.rpartition("/")[2]))
            if key == "$ref"
            else _mend(value, components)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list | tuple):
        return [_mend(one, components) for one in schema]
    return schema


def _find_structs(types: Iterable[Any]) -> dict[Any, shapes.StructType]:
    """All structs that the types lead to, by their class."""
    found: dict[Any, shapes.StructType] = {}
    waiting = list(shapes.multi_type_info(types))
    while waiting:
        kind = waiting.pop()
        if not isinstance(kind, shapes.StructType):
            waiting += _list_inner(kind)
        elif kind.cls not in found:
            found[kind.cls] = kind
            waiting += [field.type for field in kind.fields]
    return found


def _list_inner(kind: shapes.Type) -> list[shapes.Type]:
    match kind:
        case shapes.Metadata():
            return [kind.type]
        case shapes.UnionType():
            return list(kind.types)
        case shapes.CollectionType():
            return [kind.item_type]
        case shapes.DictType():
            return [kind.value_type]
    return []


def _add_format(kind: shapes.Type, schema: dict[str, Any]) -> None:
    match kind:
        case shapes.DateTimeType():
            schema["format"] = "date-time"
        case shapes.Metadata():
            _add_format(kind.type, schema)
        case shapes.CollectionType() if "items" in schema:
            _add_format(kind.item_type, schema["items"])
        case shapes.UnionType() if any(isinstance(one, shapes.DateTimeType) for one in kind.types):
            for one in schema.get("anyOf", ()):
                if one == {"type": "string"}:
                    one["format"] = "date-time"


# ── Routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _iter_routes(app: Litestar) -> Iterator[tuple[HTTPRoute, str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                    yield route, method.lower(), handler


def _list_parameters(route: HTTPRoute) -> tuple[str, ...]:
    return tuple(part.name for part in route.path_components if not isinstance(part, str))
