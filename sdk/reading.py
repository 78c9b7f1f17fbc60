"""The OpenAPI document as the generators need it: plain records, in a fixed order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

PREFIX = "/api/v1"
JSON = "application/json"
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Parameter:
    name: str
    schema: Schema
    required: bool


@dataclass(frozen=True)
class Operation:
    """One method of a client: `noun.verb`. `body` and `answer` are schemas; None where there is none or it is not JSON."""

    noun: str
    verb: str
    summary: str
    method: str
    path: str  # below the API's root, with {names}
    path_names: tuple[str, ...]
    query: tuple[Parameter, ...]
    body: Schema | None
    body_type: str  # media type; "" without a body
    answer: Schema | None
    answer_type: str

    @property
    def takes_octets(self) -> bool:
        return bool(self.body_type) and self.body_type != JSON

    @property
    def gives_octets(self) -> bool:
        return bool(self.answer_type) and self.answer_type != JSON


@dataclass(frozen=True)
class Api:
    schemas: dict[str, Schema]  # by name, sorted
    nouns: dict[str, list[Operation]]

    def resolve(self, schema: Schema) -> Schema:
        name = name_of(schema)
        return self.schemas[name] if name else schema

    def is_paged(self, operation: Operation) -> bool:
        """Does it answer a page with the cursor of the next?"""
        if operation.answer is None or not any(one.name == "after" for one in operation.query):
            return False
        return {"data", "next"} <= self.resolve(operation.answer).get("properties", {}).keys()


def read_api(path: Path) -> Api:
    document = json.loads(path.read_text(encoding="utf-8"))
    nouns: dict[str, list[Operation]] = {}
    for address, item in document["paths"].items():
        for method in _METHODS:
            if method in item and address.startswith(f"{PREFIX}/") and "." in item[method]["operationId"]:
                operation = _read_operation(document, address, method, item)
                nouns.setdefault(operation.noun, []).append(operation)
    schemas = document["components"]["schemas"]
    return Api(
        {name: schemas[name] for name in sorted(schemas)},
        {noun: sorted(nouns[noun], key=lambda one: one.verb) for noun in sorted(nouns)},
    )


def name_of(schema: Schema) -> str:
    """The name of a schema that is referred to; "" for one in place."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def snake(text: str) -> str:
    return re.sub(r"\W+", "_", text)


def _read_operation(document: Schema, address: str, method: str, item: Schema) -> Operation:
    told = item[method]
    noun, _, verb = told["operationId"].partition(".")
    parameters = [
        _resolve(document, one) for one in (*item.get("parameters", ()), *told.get("parameters", ()))
    ]
    body, body_type = _read_content(told.get("requestBody", {}))
    answers = told["responses"]
    good = next((answers[status] for status in sorted(answers) if status.startswith("2")), {})
    answer, answer_type = _read_content(_resolve(document, good))
    return Operation(
        snake(noun),
        snake(verb),
        told.get("summary", ""),
        method.upper(),
        address.removeprefix(PREFIX),
        tuple(re.findall(r"{(\w+)}", address)),
        tuple(
            Parameter(one["name"], one.get("schema", {}), one.get("required", False))
            for one in parameters
            if one["in"] == "query"
        ),
        body,
        body_type,
        answer,
        answer_type,
    )


def _read_content(holder: Schema) -> tuple[Schema | None, str]:
    content = holder.get("content", {})
    if not content:
        return None, ""
    media_type = JSON if JSON in content else next(iter(content))
    return (content[media_type].get("schema", {}) if media_type == JSON else None), media_type


def _resolve(document: Schema, holder: Schema) -> Schema:
    if "$ref" not in holder:
        return holder
    found = document
    for step in holder["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found
