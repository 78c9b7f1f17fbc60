from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from dynamail.contacts.fetching.problems import FetchProblem
from dynamail.lib.egress import Bounds, EgressRules

TOTAL_SECONDS = 1_800.0
MOST_FILES = 20  # of an SFTP folder, in one visit; the rest comes with the next
SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
SSH_PORT = 22


@dataclass(frozen=True)
class Secret:
    """How to get in. `password` without a user name is a bearer token on the web."""

    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.password or self.private_key)


@dataclass(frozen=True)
class Place:
    """Where files are. `address` is a URL, or host[:port] of an SFTP server with its folder and pattern in `path`."""

    kind: str
    address: str
    path: str = ""
    username: str = ""
    secret: Secret = field(default_factory=Secret)
    host_key: str = ""  # of OpenSSH, as a member confirmed it; empty before

    @property
    def host(self) -> str:
        host, _separator, port = self.address.rpartition(":")
        return host.strip("[]") if port.isdecimal() and host else self.address.strip("[]")

    @property
    def port(self) -> int:
        host, _separator, port = self.address.rpartition(":")
        return int(port) if port.isdecimal() and host else SSH_PORT

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path) or "."

    def matches(self, name: str) -> bool:
        """Whether a file of the folder is meant: one of the patterns, or any table where there is none."""
        patterns = [one.strip() for one in posixpath.basename(self.path).split(",") if one.strip()]
        if not patterns:
            return name.lower().endswith(SUFFIXES)
        return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


@dataclass(frozen=True)
class Fetched:
    """A file that came: where it lies now, what it is called, and what to remember so that it comes only once.

    One that could not be read has a `problem` and lies nowhere.
    """

    path: Path
    name: str
    seen: Mapping[str, Any]
    problem: FetchProblem | None = None


@dataclass(frozen=True)
class Visit:
    """What a look at a place brought, the oldest file first. `present`: all files of a folder."""

    files: tuple[Fetched, ...] = ()
    present: frozenset[str] = frozenset()


def make_rules() -> EgressRules:
    """Where this installation lets requests go."""
    return EgressRules(frozenset(settings.EGRESS_ALLOWED))


def make_bounds() -> Bounds:
    return Bounds(total_seconds=TOTAL_SECONDS, most_bytes=settings.IMPORT_MAX_BYTES)
