"""The generated parts of the Python client: `types.py` and `resources.py`."""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterator

from sdk.reading import Api, Operation, Schema, name_of

HEAD = '"""Written by `make sdk` from docs/api/openapi.json; do not edit."""\n\nfrom __future__ import annotations\n'
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def write_types(api: Api) -> str:
    """A TypedDict for each object; whatever is not required may be absent."""
    parts = [HEAD, "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n"]
    for name, schema in api.schemas.items():
        if "properties" in schema:
            parts.append(_write_object(name, schema))
        else:
            parts.append(f"{name}: TypeAlias = {_quoted(schema)}\n")
    return "\n".join(parts)


def _write_object(name: str, schema: Schema) -> str:
    """A class, unless one of its fields has a name that Python keeps for itself, such as `from`."""
    required = set(schema.get("required", ()))
    fields = schema["properties"].items()
    if all(field.isidentifier() and not keyword.iskeyword(field) for field, _ in fields):
        lines = [f"class {name}(TypedDict):"]
        for field, told in fields:
            lines.append(
                f"    {field}: {_type(told) if field in required else f'NotRequired[{_type(told)}]'}"
            )
        return "\n".join([*lines, "" if fields else "    pass\n"])
    lines = [f"{name} = TypedDict(", f'    "{name}",', "    {"]
    for field, told in fields:
        kind = _quoted(told)
        lines.append(f'        "{field}": {kind if field in required else f"NotRequired[{kind}]"},')
    return "\n".join([*lines, "    },", ")", ""])


def _quoted(schema: Schema) -> str:
    """The type as it stands in `types.py`, where a name may come before its definition."""
    kind, as_text = _type(schema), json.dumps(schema)
    return f"'{kind}'" if '"$ref"' in as_text else kind


def _type(schema: Schema, *, prefix: str = "") -> str:  # noqa: PLR0911 - a table of cases
    if name := name_of(schema):
        return f"{prefix}{name}"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    for combined in ("anyOf", "oneOf"):
        if combined in schema:
            kinds = dict.fromkeys(_type(one, prefix=prefix) for one in schema[combined])
            return " | ".join(kinds)
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_PLAIN.get(one, "Any") for one in kind)
    if kind == "array":
        return f"list[{_type(schema.get('items') or {}, prefix=prefix)}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        inner = _type(more, prefix=prefix) if isinstance(more, dict) else "Any"
        return f"dict[str, {inner}]"
    return _PLAIN.get(str(kind), "Any")


def write_resources(api: Api) -> str:
    """A class for each noun, twice: methods that return, and methods to await."""
    parts = [
        HEAD,
        "import builtins\n"
        "from collections.abc import AsyncIterator, Iterator\n"
        "from typing import Any, Literal\n"
        "from urllib.parse import quote\n\n"
        "from dynamail_client import types\n"
        "from dynamail_client.transport import AsyncTransport, Call, Transport\n",
    ]
    for is_async in (False, True):
        prefix = "Async" if is_async else ""
        for noun, operations in api.nouns.items():
            parts.append(
                "\n" + "\n".join(_write_class(api, prefix + _camel(noun), operations, is_async=is_async))
            )
        parts.append("\n" + "\n".join(_write_root(api, prefix)))
    return "\n".join(parts)


def _write_class(api: Api, name: str, operations: list[Operation], *, is_async: bool) -> Iterator[str]:
    transport = "AsyncTransport" if is_async else "Transport"
    yield f"class {name}:"
    yield f"    def __init__(self, transport: {transport}) -> None:"
    yield "        self._transport = transport"
    for operation in operations:
        yield ""
        yield from _write_method(operation, is_async=is_async)
        if api.is_paged(operation):
            yield ""
            yield from _write_walk(api, operation, is_async=is_async)
    yield ""


def _write_method(operation: Operation, *, is_async: bool) -> Iterator[str]:
    answer = "bytes" if operation.gives_octets else "None"
    if operation.answer is not None:
        answer = _hinted(operation.answer)
    head, wait = ("async def", "await ") if is_async else ("def", "")
    yield f"    {head} {_safe(operation.verb)}(self{_parameters(operation)}) -> {answer}:"
    yield f'        """{operation.summary}."""'
    result = "" if answer == "None" else "answer: Any = "
    yield f"        {result}{wait}self._transport.send("
    yield f"            {_call(operation)}"
    yield "        )"
    if result:
        yield (
            "        return answer"
            if answer == "Any"
            else "        return answer  # type: ignore[no-any-return]"
        )


def _write_walk(api: Api, operation: Operation, *, is_async: bool) -> Iterator[str]:
    """All items of all pages."""
    item = _hinted(api.resolve(operation.answer or {})["properties"]["data"].get("items") or {})
    head, kind, wait = ("async def", "AsyncIterator", "await ") if is_async else ("def", "Iterator", "")
    without = [one for one in operation.query if one.name != "after"]
    arguments = "".join(f", {_safe(name)}={_safe(name)}" for name in (one.name for one in without))
    positional = "".join(f"{_safe(name)}, " for name in operation.path_names)
    yield f"    {head} iterate{_suffix(operation)}(self{_parameters(operation, without_after=True)}) -> {kind}[{item}]:"
    yield f'        """{operation.summary}: page after page."""'
    yield "        after: str | None = None"
    yield "        while True:"
    yield f"            page = {wait}self.{_safe(operation.verb)}({positional}after=after{arguments})"
    if is_async:
        yield '            for one in page["data"]:'
        yield "                yield one"
    else:
        yield '            yield from page["data"]'
    yield '            after = page["next"]'
    yield "            if not after:"
    yield "                return"


def _suffix(operation: Operation) -> str:
    return "" if operation.verb == "list" else f"_{operation.verb.removeprefix('list_')}"


def _parameters(operation: Operation, *, without_after: bool = False) -> str:
    parts = [f"{_safe(name)}: str" for name in operation.path_names]
    named = []
    if operation.takes_octets:
        parts.append("content: bytes")
        named.append('content_type: str = "application/octet-stream"')
    elif operation.body is not None:
        parts.append(f"body: {_hinted(operation.body)}")
    for one in sorted(operation.query, key=lambda one: not one.required):
        if not (without_after and one.name == "after"):
            kind = _hinted(one.schema)
            named.append(
                f"{_safe(one.name)}: {kind}" if one.required else f"{_safe(one.name)}: {kind} | None = None"
            )
    if operation.method == "POST":
        named.append("idempotency_key: str | None = None")
    if named:
        parts += ["*", *named]
    return "".join(f", {part}" for part in parts)


def _call(operation: Operation) -> str:
    path = operation.path
    for name in operation.path_names:
        path = path.replace(f"{{{name}}}", f"{{quote({_safe(name)}, safe='')}}")
    text = f'f"{path}"' if operation.path_names else f'"{path}"'
    parts = [f'"{operation.method}"', text]
    if operation.query:
        pairs = ", ".join(f'"{one.name}": {_safe(one.name)}' for one in operation.query)
        parts.append(f"query={{{pairs}}}")
    if operation.takes_octets:
        parts += ["content=content", "content_type=content_type"]
    elif operation.body is not None:
        parts.append("body=body")
    if operation.method == "POST":
        parts.append("idempotency_key=idempotency_key")
    if operation.gives_octets:
        parts.append("wants_bytes=True")
    return f"Call({', '.join(parts)})"


def _write_root(api: Api, prefix: str) -> Iterator[str]:
    yield f"class {prefix}Resources:"
    yield '    """Everything that the API offers, by noun."""'
    yield ""
    yield f"    def __init__(self, transport: {prefix}Transport) -> None:"
    for noun in api.nouns:
        yield f"        self.{_safe(noun)} = {prefix}{_camel(noun)}(transport)"
    yield ""


def _hinted(schema: Schema) -> str:
    # A method named `list` hides the type in the annotations of its class.
    return _type(schema, prefix="types.").replace("list[", "builtins.list[")


def _camel(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("_"))


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name
