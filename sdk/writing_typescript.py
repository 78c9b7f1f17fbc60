"""The generated parts of the TypeScript client: `types.ts` and `resources.ts`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sdk.reading import Api, Operation, Schema, name_of

HEAD = "// Written by `make sdk` from docs/api/openapi.json; do not edit.\n"
RESERVED = frozenset(("default", "delete", "export", "function", "import", "new", "package"))
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def write_types(api: Api) -> str:
    """An interface for each object; whatever is not required may be absent."""
    parts = [HEAD]
    for name, schema in api.schemas.items():
        if "properties" in schema:
            parts.append(_write_object(name, schema))
        else:
            parts.append(f"export type {name} = {_type(schema)};\n")
    return "\n".join(parts)


def _write_object(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    lines = [f"export interface {name} {{"]
    for field, told in schema["properties"].items():
        key = field if re.fullmatch(r"[A-Za-z_]\w*", field) else json.dumps(field)
        lines.append(f"  {key}{'' if field in required else '?'}: {_type(told)};")
    return "\n".join([*lines, "}", ""])


def _type(schema: Schema, *, prefix: str = "") -> str:  # noqa: PLR0911 - a table of cases
    if name := name_of(schema):
        return f"{prefix}{name}"
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for combined in ("anyOf", "oneOf"):
        if combined in schema:
            return " | ".join(dict.fromkeys(_type(one, prefix=prefix) for one in schema[combined]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_PLAIN.get(one, "unknown") for one in kind)
    if kind == "array":
        return f"Array<{_type(schema.get('items') or {}, prefix=prefix)}>"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more, prefix=prefix) if isinstance(more, dict) else 'unknown'}>"
    return _PLAIN.get(str(kind), "unknown")


def write_resources(api: Api) -> str:
    """A class for each noun, and one that holds them all."""
    parts = [
        HEAD,
        'import type { Transport } from "./transport.js";\nimport type * as types from "./types.js";\n',
    ]
    parts += ["\n".join(_write_class(api, noun, operations)) for noun, operations in api.nouns.items()]
    parts.append("\n".join(_write_root(api)))
    return "\n".join(parts)


def _write_class(api: Api, noun: str, operations: list[Operation]) -> Iterator[str]:
    yield f"export class {_class(noun)} {{"
    yield "  readonly #transport: Transport;"
    yield ""
    yield "  constructor(transport: Transport) {"
    yield "    this.#transport = transport;"
    yield "  }"
    for operation in operations:
        yield ""
        yield from _write_method(operation)
        if api.is_paged(operation):
            yield ""
            yield from _write_walk(api, operation)
    yield "}"
    yield ""


def _write_method(operation: Operation) -> Iterator[str]:
    answer = "Uint8Array" if operation.gives_octets else "void"
    if operation.answer is not None:
        answer = _type(operation.answer, prefix="types.")
    yield f"  /** {operation.summary}. */"
    yield f"  {_name(operation.verb)}({_parameters(operation)}): Promise<{answer}> {{"
    yield f"    return this.#transport.send({_call(operation)}) as Promise<{answer}>;"
    yield "  }"


def _write_walk(api: Api, operation: Operation) -> Iterator[str]:
    item = _type(
        api.resolve(operation.answer or {})["properties"]["data"].get("items") or {}, prefix="types."
    )
    names = "".join(f"{_argument(name)}, " for name in operation.path_names)
    suffix = "" if operation.verb == "list" else _class(operation.verb.removeprefix("list_"))
    yield f"  /** {operation.summary}: page after page. */"
    yield f"  async *iterate{suffix}({_parameters(operation)}): AsyncGenerator<{item}> {{"
    yield "    let after: string | undefined;"
    yield "    do {"
    yield f"      const page = await this.{_name(operation.verb)}({names}{{ ...query, ...(after ? {{ after }} : {{}}) }});"
    yield "      yield* page.data;"
    yield "      after = page.next ?? undefined;"
    yield "    } while (after);"
    yield "  }"


def _parameters(operation: Operation) -> str:
    parts = [f"{_argument(name)}: string" for name in operation.path_names]
    if operation.takes_octets:
        parts.append("content: Uint8Array")
    elif operation.body is not None:
        parts.append(f"body: {_type(operation.body, prefix='types.')}")
    if operation.query:
        fields = "; ".join(
            f"{one.name}{'' if one.required else '?'}: {_type(one.schema, prefix='types.')}"
            for one in operation.query
        )
        is_needed = any(one.required for one in operation.query)
        parts.append(f"query: {{ {fields} }}{'' if is_needed else ' = {}'}")
    if operation.method == "POST":
        fields = "idempotencyKey?: string" + ("; contentType?: string" if operation.takes_octets else "")
        parts.append(f"options: {{ {fields} }} = {{}}")
    return ", ".join(parts)


def _call(operation: Operation) -> str:
    path = operation.path
    for name in operation.path_names:
        path = path.replace(f"{{{name}}}", f"${{encodeURIComponent({_argument(name)})}}")
    parts = [f'method: "{operation.method}"', f"path: `{path}`"]
    if operation.query:
        parts.append("query")
    if operation.takes_octets:
        parts.append("content")
    elif operation.body is not None:
        parts.append("body")
    if operation.gives_octets:
        parts.append("wantsBytes: true")
    if operation.method == "POST":
        parts.append("...options")
    return f"{{ {', '.join(parts)} }}"


def _write_root(api: Api) -> Iterator[str]:
    yield "/** Everything that the API offers, by noun. */"
    yield "export class Resources {"
    for noun in api.nouns:
        yield f"  readonly {_name(noun)}: {_class(noun)};"
    yield ""
    yield "  constructor(transport: Transport) {"
    for noun in api.nouns:
        yield f"    this.{_name(noun)} = new {_class(noun)}(transport);"
    yield "  }"
    yield "}"
    yield ""


def _argument(name: str) -> str:
    return f"{_name(name)}Id" if _name(name) in RESERVED else _name(name)


def _class(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("_"))


def _name(text: str) -> str:
    whole = _class(text)
    return whole[:1].lower() + whole[1:]
