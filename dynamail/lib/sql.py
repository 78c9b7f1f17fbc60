"""Hot statements live in `<package>/sql/<verb_noun>.sql`, each with a header that says who runs it and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, LiteralString, cast

_PLACEHOLDER = re.compile(r"(?<!%)%s")  # fragments never write "%%" directly before one


@cache
def load_sql(package: str, name: str) -> LiteralString:
    """The text of `dynamail/<package>/sql/<name>.sql`. Raises FileNotFoundError when there is no such file."""
    file = resources.files(f"dynamail.{package}").joinpath("sql", f"{name}.sql")
    return cast(LiteralString, file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class SqlFragment:
    """A boolean SQL expression whose values travel beside it: `%s` for each parameter, `%%` for a percent sign."""

    text: LiteralString
    parameters: tuple[Any, ...] = ()

    def named(self, prefix: str) -> tuple[LiteralString, dict[str, Any]]:
        """The same for a statement with named parameters: `%(prefix0)s`, `%(prefix1)s`, …"""
        names = [f"{prefix}{place}" for place in range(len(self.parameters))]
        pieces = _PLACEHOLDER.split(self.text)
        text = pieces[0]
        for name, piece in zip(names, pieces[1:], strict=True):
            text += f"%({name})s{piece}"
        return cast(LiteralString, text), dict(zip(names, self.parameters, strict=True))
