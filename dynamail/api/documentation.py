"""The page at /api/ for people: the OpenAPI document as HTML, made here, without anything from elsewhere.

Style and script stand in the page and are named to the browser by their hashes, so that nothing else runs (CSP 3 §2.3.1).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from dynamail.api.introduction import CLIENTS, list_basics

EXAMPLES = {
    "email": "ann@example.com",
    "from": "Acme <hello@example.com>",
    "to": ["ann@example.com"],
    "url": "https://example.com/hooks",
    "name": "Ann Lee",
    "subject": "Your order",
    "language": "en",
}
METHODS = ("get", "post", "put", "patch", "delete")


def render_page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    schemas = document["components"]["schemas"]
    style, script = _read("page.css"), _read("page.js")
    context = {
        "title": document["info"]["title"],
        "lead": document["info"]["description"].partition("\n\n")[0],
        "style": style,
        "script": script,
        "introduction": list(list_basics()),
        "clients": CLIENTS,
        "nouns": list(_list_nouns(document)),
        "shapes": [
            {
                "name": name,
                "text": _mark(schema.get("description", "")),
                "fields": list(_list_fields(schema, schemas)),
            }
            for name, schema in schemas.items()
            if schema.get("properties")
        ],
    }
    template = Engine(autoescape=True).from_string(_read("page.html"))
    return template.render(Context(context)).replace("$HOST", escape(settings.PUBLIC_URL))


@cache
def write_policy() -> str:
    """The page's Content-Security-Policy."""
    return (
        f"default-src 'none'; style-src '{_hash(_read('page.css'))}'; script-src '{_hash(_read('page.js'))}'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _read(name: str) -> str:
    return resources.files("dynamail.api").joinpath("reference", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _mark(text: str) -> SafeString:
    """A text of ours with its `words in backticks` as code."""
    return mark_safe(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308 — escaped just before


# ── Routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _list_nouns(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    texts = {tag["name"]: tag["description"] for tag in document["tags"]}
    routes: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                routes.setdefault(operation["tags"][0], []).append(
                    _describe(path, method, operation, document)
                )
    for name, text in texts.items():
        yield {
            "name": f"noun-{name}",
            "title": name.replace("_", " ").capitalize(),
            "text": _mark(text),
            "routes": routes[name],
        }


def _describe(
    path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    body = operation.get("requestBody")
    statuses = operation["responses"]
    errors = [status for status, answer in statuses.items() if "$ref" in answer]
    words = f"{method} {path} {operation['operationId']} {operation['summary']} {operation.get('description', '')}"
    return {
        "anchor": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "text": _mark(operation.get("description", "")),
        "scopes": [scope for one in operation["security"] for scope in one["key"]],
        "is_either": len(operation["security"]) > 1,
        "parameters": [_write_parameter(one, schemas) for one in operation["parameters"] if "name" in one],
        "fields": list(_list_body_fields(body, schemas)) if body else [],
        "example": _write_example(path, method, body, schemas),
        "answers": [
            _write_answer(status, answer) for status, answer in statuses.items() if "$ref" not in answer
        ],
        "errors": ", ".join(sorted(errors)),
        "words": words.lower(),
    }


def _write_parameter(parameter: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "place": {"path": "in the path", "query": "in the query"}.get(parameter["in"], parameter["in"]),
        "required": parameter.get("required", False),
        "kind": _name_kind(parameter["schema"], schemas),
        "text": _mark(parameter.get("description", "")),
    }


def _write_answer(status: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    schemas = [content["schema"] for content in answer.get("content", {}).values()]
    return {
        "status": status,
        "text": _mark(answer["description"]),
        "shape": _find_shape(schemas[0]) if schemas else "",
    }


def _write_example(path: str, method: str, body: Mapping[str, Any] | None, schemas: Mapping[str, Any]) -> str:
    lines = ['curl -H "Authorization: Bearer $KEY"']
    if method != ("post" if body else "get"):  # what curl takes by itself
        lines[0] += f" -X {method.upper()}"
    if body is not None:
        media_type, content = next(iter(body["content"].items()))
        lines.append(f'-H "Content-Type: {media_type}"')
        if media_type.endswith("json"):
            value = json.dumps(_make_value("", content["schema"], schemas), ensure_ascii=False, indent=2)
            lines.append("-d '" + value.replace("'", "’").replace("\n", "\n  ") + "'")
        else:
            lines.append("--data-binary @file")
    lines.append(f"$HOST{path}")
    return " \\\n  ".join(lines)


# ── Schemas ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _list_body_fields(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    schema = next(iter(body["content"].values()))["schema"]
    for one in schema.get("anyOf", [schema])[:1]:
        yield from _list_fields(_resolve(one, schemas), schemas)


def _list_fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, field in schema.get("properties", {}).items():
        yield {
            "name": name,
            "required": name in schema.get("required", ()),
            "kind": _name_kind(field, schemas),
            "shape": _find_shape(field),
            "text": _mark(field.get("description", "")),
        }


def _find_shape(schema: Mapping[str, Any]) -> str:
    """The named shape that a schema leads to, if it is one."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    inner = [schema["items"]] if isinstance(schema.get("items"), dict) else schema.get("anyOf", [])
    return next(filter(None, map(_find_shape, inner)), "")


def _name_kind(  # noqa: PLR0911 — one for each kind of schema
    schema: Mapping[str, Any], schemas: Mapping[str, Any]
) -> str:
    """What a value is, in a few words."""
    if "$ref" in schema:
        found = _resolve(schema, schemas)
        return _name_kind(found, schemas) if "enum" in found else "object"
    if "anyOf" in schema:
        kinds = dict.fromkeys(_name_kind(one, schemas) for one in schema["anyOf"])
        return " or ".join(kinds)
    if "enum" in schema:
        return "one of " + ", ".join(str(one) for one in schema["enum"] if one != "")
    match schema.get("type"):
        case "array":
            return f"list of {_name_kind(schema.get('items') or {}, schemas)}" + _name_bounds(
                schema, "minItems", "maxItems"
            )
        case "string" if schema.get("format") == "date-time":
            return "moment"
        case "string":
            return "text" + _name_bounds(schema, "minLength", "maxLength")
        case "integer":
            return "whole number" + _name_bounds(schema, "minimum", "maximum")
        case None:
            return "anything"
    return str(schema["type"])


def _name_bounds(schema: Mapping[str, Any], low: str, high: str) -> str:
    match schema.get(low), schema.get(high):
        case None, None:
            return ""
        case None, most:
            return f" up to {most}"
        case least, None:
            return f" from {least}"
        case least, most:
            return f" from {least} to {most}"
    return ""


def _make_value(  # noqa: PLR0911 — one for each kind of schema
    name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0
) -> Any:
    """An example of a value: what is required, and what `examples` of its struct say."""
    schema = _resolve(schema, schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if name in EXAMPLES and schema.get("type", "string") in ("string", "array") and depth < 4:
        value = EXAMPLES[name]
        return value if (schema.get("type") == "array") == isinstance(value, list) else "ann@example.com"
    if "anyOf" in schema:
        return _make_value(name, schema["anyOf"][0], schemas, depth)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            wanted = schema.get("required") or list(schema.get("properties", {}))[:2]
            properties = schema.get("properties", {})
            return {one: _make_value(one, properties[one], schemas, depth + 1) for one in wanted}
        case "array":
            return [_make_value(name.removesuffix("s"), schema.get("items") or {}, schemas, depth + 1)]
        case "string":
            return "2026-03-31T14:30:00Z" if schema.get("format") == "date-time" else name or "text"
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return {}
