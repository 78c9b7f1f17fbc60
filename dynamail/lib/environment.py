"""Reading settings from environment variables, refusing what cannot be meant.

Every reader raises BadSetting with the variable's name, what was found and a hint; `dynamail` prints it and stops.
A secret may come from a file: `NAME_FILE=/run/secrets/name` (the container convention).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit


class BadSetting(ValueError):
    """A setting that the program refuses to start with."""

    def __init__(self, name: str, found: str, hint: str) -> None:
        super().__init__(f"{name}: {found}. {hint}")
        self.name, self.found, self.hint = name, found, hint


def read_text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def read_bool(name: str, *, default: bool) -> bool:
    value = read_text(name)
    if value == "":
        return default
    if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
        raise BadSetting(name, f"{value!r} is neither yes nor no", "Write true or false.")
    return value.lower() in ("true", "1", "yes")


def read_int(name: str, default: int, *, low: int, high: int) -> int:
    value = read_text(name)
    if value == "":
        return default
    if not value.lstrip("-").isdecimal() or not low <= int(value) <= high:
        raise BadSetting(
            name, f"{value!r} is not a whole number from {low} to {high}", f"The default is {default}."
        )
    return int(value)


def read_choice(name: str, default: str, choices: Collection[str]) -> str:
    value = read_text(name, default) or default
    if value not in choices:
        raise BadSetting(name, f"{value!r} is not known", f"Use one of: {', '.join(sorted(choices))}.")
    return value


def read_url(name: str, default: str) -> str:
    """An http(s) origin without path, query or trailing slash."""
    value = (read_text(name, default) or default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise BadSetting(
            name, f"{value!r} is not an address", "Write it as https://mail.example.com without a path."
        )
    return value


def read_addresses(name: str, *, default_port: int) -> tuple[tuple[str, int], ...]:
    """IP addresses with an optional port, separated by commas: `9.9.9.9, 127.0.0.1:5353, [::1]:53`."""
    found = []
    for text in filter(None, (part.strip() for part in read_text(name).split(","))):
        try:
            parts = urlsplit(f"//{text}" if text.count(":") < 2 or text.startswith("[") else f"//[{text}]")
            found.append((str(ip_address(parts.hostname or "")), parts.port or default_port))
        except ValueError:
            raise BadSetting(
                name, f"{text!r} is not an IP address with a port", "Write it as 127.0.0.1:5353 or [::1]:53."
            ) from None
    return tuple(found)


def read_pairs(name: str) -> dict[str, str]:
    """Names with http(s) addresses, separated by commas: `postmark=https://proxy.example.com/, mailgun=https://…`."""
    found = {}
    for text in filter(None, (part.strip() for part in read_text(name).split(","))):
        key, _separator, value = text.partition("=")
        if not key.strip() or not value.strip().startswith(("https://", "http://")):
            raise BadSetting(
                name, f"{text!r} is not a name with an address", "Write it as name=https://host/path/."
            )
        found[key.strip()] = value.strip()
    return found


def read_secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names."""
    path = read_text(f"{name}_FILE")
    if not path:
        return read_text(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadSetting(
            f"{name}_FILE", f"{path} cannot be read ({error.strerror})", "Check the path and its rights."
        ) from None
