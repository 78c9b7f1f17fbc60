"""As much of JSON Schema 2020-12 as the schema of conditions uses; an unknown keyword is an error, not a yes."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "integer": (int,),
}
ANNOTATIONS = {"$schema", "$defs", "title", "description", "format"}


def fits_schema(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return all(_fits(value, keyword, wanted, schema, root) for keyword, wanted in schema.items())


def _fits(value: Any, keyword: str, wanted: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:  # noqa: C901, PLR0911, PLR0912
    match keyword:
        case "$ref":
            return fits_schema(value, root["$defs"][wanted.removeprefix("#/$defs/")], root)
        case "anyOf":
            return any(fits_schema(value, option, root) for option in wanted)
        case "type":
            return isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
        case "const":
            return value == wanted
        case "enum":
            return value in wanted
        case "pattern":
            return not isinstance(value, str) or re.search(wanted, value) is not None
        case "minLength" | "minItems" | "minProperties":
            return not isinstance(value, (str, list, dict)) or len(value) >= wanted
        case "maxLength" | "maxItems" | "maxProperties":
            return not isinstance(value, (str, list, dict)) or len(value) <= wanted
        case "minimum":
            return not isinstance(value, (int, float)) or value >= wanted
        case "maximum":
            return not isinstance(value, (int, float)) or value <= wanted
        case "items":
            return not isinstance(value, list) or all(fits_schema(item, wanted, root) for item in value)
        case "required":
            return not isinstance(value, dict) or set(wanted) <= value.keys()
        case "properties":
            return not isinstance(value, dict) or all(
                fits_schema(value[name], inner, root) for name, inner in wanted.items() if name in value
            )
        case "additionalProperties":
            return not isinstance(value, dict) or value.keys() <= schema["properties"].keys()
        case _:
            assert keyword in ANNOTATIONS, keyword
            return True
