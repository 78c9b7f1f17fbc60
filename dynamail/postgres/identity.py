"""Which system user the server runs as. PostgreSQL refuses root, and initdb wants a name for the user."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from .errors import FolderUnusable, NoServerUser

PREFERRED_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class ServerUser:
    """`switch` tells whether the child has to change to this user (only root can, and must)."""

    uid: int
    gid: int
    name: str
    switch: bool


def choose_server_user(data: Path) -> ServerUser:
    """The current user; for root the owner of the data, or `postgres` or `nobody` for new data.

    Raises NoServerUser or FolderUnusable.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        return _current_user(data, owner)
    if owner == 0:
        raise FolderUnusable(
            f"The database files in {data} belong to root, but PostgreSQL never runs as root. "
            f"Give them to the system user who shall run it: chown -R {_first_known_user().name} {data}"
        )
    return _first_known_user() if owner is None else _known_user(owner, data)


def _current_user(data: Path, owner: int | None) -> ServerUser:
    uid = os.geteuid()
    if owner is not None and owner != uid:
        raise FolderUnusable(
            f"The database files in {data} belong to user {_name_of(owner)}. Start DynaMail as that user or as "
            "root, or choose another folder with DYNAMAIL_HOME."
        )
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise NoServerUser(
            f"User {uid} has no entry in /etc/passwd, and PostgreSQL cannot work without one. Add one "
            f"(in a container: echo 'dynamail:x:{uid}:{os.getegid()}::/tmp:/bin/sh' >> /etc/passwd), "
            "or set DATABASE_URL to a server that runs elsewhere."
        ) from None
    return ServerUser(uid, os.getegid(), entry.pw_name, switch=False)


def _known_user(uid: int, data: Path) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise NoServerUser(
            f"The database files in {data} belong to user {uid}, who has no entry in /etc/passwd. Add one, "
            "or give the files to a user who has: chown -R postgres " + str(data)
        ) from None
    return ServerUser(uid, entry.pw_gid, entry.pw_name, switch=True)


def _first_known_user() -> ServerUser:
    for name in PREFERRED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, name, switch=True)
    raise NoServerUser(
        "PostgreSQL never runs as root, and the system has neither a user `postgres` nor `nobody`. "
        "Add one (useradd --system postgres), or start DynaMail as an ordinary user."
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
