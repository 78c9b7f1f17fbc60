"""Hot statements live in `<package>/sql/<verb_noun>.sql`, each with a header that says who runs it and why."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import LiteralString, cast


@cache
def load_sql(package: str, name: str) -> LiteralString:
    """The text of `dynamail/<package>/sql/<name>.sql`. Raises FileNotFoundError when there is no such file."""
    file = resources.files(f"dynamail.{package}").joinpath("sql", f"{name}.sql")
    return cast(LiteralString, file.read_text(encoding="utf-8"))
