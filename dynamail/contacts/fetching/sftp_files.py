"""Files of an SFTP folder, each once: by name, size and time.

Before a member confirmed the server's key nothing but that key is asked for; a server that shows another one later gets neither user
name nor password.
"""

from __future__ import annotations

import asyncio
import posixpath
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from dynamail.contacts.fetching.places import (
    MOST_FILES,
    TOTAL_SECONDS,
    Fetched,
    Place,
    Visit,
    make_bounds,
    make_rules,
)
from dynamail.contacts.fetching.problems import FetchProblem, explain_egress
from dynamail.lib.egress import SSH_PORTS, EgressError, open_socket

if TYPE_CHECKING:
    import asyncssh

CONNECT_SECONDS = 15.0
LOGIN_SECONDS = 30.0
MOST_LISTED = 20_000  # names of a folder that are looked at
PIECE = 2**18  # bytes
OTHER_KEY = "host_key"
UNREADABLE = "unreadable"  # such a file is tried again at each visit: a change of rights leaves size and time as they were


@dataclass(frozen=True, order=True)
class RemoteFile:
    """`modified` in seconds since 1970, first: files come in the order in which they were written."""

    modified: int
    name: str
    size: int

    @property
    def mark(self) -> list[int]:
        return [self.size, self.modified]


def visit_folder(place: Place, seen: Mapping[str, Any], folder: Path, *, limit: int = MOST_FILES) -> Visit:
    """The files that were not seen yet, stored in `folder`, at most `limit`. Raises FetchProblem.

    The key of the place must have been confirmed: without one, any server would get the password.
    """
    if not place.host_key:
        raise ValueError("the server's key is not confirmed")
    try:
        with _connect(place) as connection:
            return asyncio.run(_visit(place, seen, folder, connection, limit))
    except FetchProblem as problem:
        # Where the two share no kind of key, the server may hang up before our side has said so.
        if problem.code == "protocol" and _shows_other_key(place):
            raise _other_key() from None
        raise


def _shows_other_key(place: Place) -> bool:
    try:
        return ask_host_key(place) != place.host_key
    except FetchProblem:
        return False


def _other_key() -> FetchProblem:
    return FetchProblem(
        OTHER_KEY,
        _(
            "The server shows another key than before. Somebody may stand in between: ask its operator, then accept the new key on this page."
        ),
    )


def ask_host_key(place: Place) -> str:
    """The key that the server shows now, as OpenSSH writes it; the connection ends before anybody logs in. Raises FetchProblem."""
    with _connect(place) as connection:
        return asyncio.run(_ask_key(place, connection))


@contextmanager
def _connect(place: Place) -> Iterator[socket]:
    try:
        connection = open_socket(
            place.host, place.port, make_rules(), ports=SSH_PORTS, seconds=CONNECT_SECONDS
        )
    except EgressError as error:
        raise explain_egress(error) from None
    with connection:
        connection.setblocking(False)
        yield connection


async def _ask_key(place: Place, connection: socket) -> str:
    import asyncssh

    asking = asyncssh.get_server_host_key(
        place.host, place.port, sock=connection, config=None, client_version="DynaMail"
    )
    try:
        key = await asyncio.wait_for(asking, CONNECT_SECONDS)
    except TimeoutError:
        raise explain_egress(EgressError("timeout", place.host)) from None
    except (asyncssh.Error, OSError) as error:
        raise explain_egress(EgressError("protocol", f"{place.host}: {error}")) from None
    if key is None:
        raise explain_egress(EgressError("protocol", place.host))
    return key.export_public_key().decode().strip()


def read_private_key(text: str) -> None:
    """Raises FetchProblem when it is no key that can be used."""
    import asyncssh  # a third of a second, for those who fetch by SFTP alone

    try:
        asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, ValueError):
        raise FetchProblem(
            "private_key",
            _("This is no private key without a passphrase, as OpenSSH writes it."),
        ) from None


def find_fingerprint(host_key: str) -> str:
    """As `ssh-keygen -l` shows it; empty for what is no key."""
    import asyncssh

    try:
        return asyncssh.import_public_key(host_key).get_fingerprint()
    except (asyncssh.KeyImportError, ValueError):
        return ""


async def _visit(
    place: Place, seen: Mapping[str, Any], folder: Path, connection: socket, limit: int
) -> Visit:
    import asyncssh

    try:
        return await asyncio.wait_for(_look_around(place, seen, folder, connection, limit), TOTAL_SECONDS)
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):  # the latter: a key of another kind
        raise _other_key() from None
    except asyncssh.PermissionDenied:
        raise FetchProblem(
            "access", _("The server refuses access. Check user name, password and key.")
        ) from None
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        raise FetchProblem("no_folder", _("There is no folder %(name)s.") % {"name": place.folder}) from None
    except asyncssh.SFTPPermissionDenied:
        raise FetchProblem(
            "no_folder", _("The folder %(name)s may not be read.") % {"name": place.folder}
        ) from None
    except TimeoutError:
        raise explain_egress(EgressError("timeout", place.host)) from None
    except (asyncssh.Error, OSError) as error:
        raise explain_egress(EgressError("protocol", f"{place.host}: {error}")) from None


async def _look_around(
    place: Place, seen: Mapping[str, Any], folder: Path, connection: socket, limit: int
) -> Visit:
    session = await _log_in(place, connection)
    try:
        async with session.start_sftp_client() as sftp:
            listed = await _list_files(sftp, place)
            files = await _fetch_new(sftp, place, listed, seen, folder, limit)
    finally:
        session.close()
        await session.wait_closed()
    return Visit(files, frozenset(one.name for one in listed))


async def _log_in(place: Place, connection: socket) -> asyncssh.SSHClientConnection:
    """Nothing of this machine's own SSH configuration, keys or agent is used."""
    import asyncssh

    key = place.secret.private_key
    return await asyncssh.connect(
        place.host,
        place.port,
        sock=connection,
        config=None,
        username=place.username,
        password=place.secret.password or None,
        client_keys=[asyncssh.import_private_key(key)] if key else None,
        known_hosts=([asyncssh.import_public_key(place.host_key)], [], []),
        agent_path=None,
        x509_trusted_certs=None,
        connect_timeout=CONNECT_SECONDS,
        login_timeout=LOGIN_SECONDS,
        client_version="DynaMail",
    )


async def _list_files(sftp: asyncssh.SFTPClient, place: Place) -> list[RemoteFile]:
    """Plain files that are meant, the oldest first; links are not followed."""
    found = []
    looked_at = 0
    async for entry in sftp.scandir(place.folder):
        looked_at += 1
        if looked_at > MOST_LISTED:
            raise FetchProblem(
                "too_many", _("The folder holds more than %(limit)s files.") % {"limit": MOST_LISTED}
            )
        name, attributes = str(entry.filename), entry.attrs
        if stat.S_ISREG(attributes.permissions or 0) and place.matches(name):
            found.append(RemoteFile(int(attributes.mtime or 0), name, int(attributes.size or 0)))
    return sorted(found)


async def _fetch_new(
    sftp: asyncssh.SFTPClient,
    place: Place,
    listed: list[RemoteFile],
    seen: Mapping[str, Any],
    folder: Path,
    limit: int,
) -> tuple[Fetched, ...]:
    known = seen.get("files", {})
    new = [one for one in listed if known.get(one.name) != one.mark][:limit]
    fetched = []
    for number, one in enumerate(new):
        target, problem = folder / f"file{number}", None
        try:
            if not await _fetch(sftp, posixpath.join(place.folder, one.name), one, target):
                continue
        except FetchProblem as refused:
            problem = refused
            target.unlink(missing_ok=True)
        is_dealt_with = problem is None or problem.code != UNREADABLE
        seen_now = {"files": {one.name: one.mark} if is_dealt_with else {}}
        fetched.append(Fetched(target, one.name, seen_now, problem))
    return tuple(fetched)


async def _fetch(sftp: asyncssh.SFTPClient, path: str, wanted: RemoteFile, target: Path) -> bool:
    """False when the file is gone or still being written: then it waits for the next visit. Raises FetchProblem."""
    import asyncssh

    try:
        return await _copy(sftp, path, wanted, target)
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return False
    except asyncssh.SFTPPermissionDenied:
        text = _("%(name)s: The server does not let this file be read.") % {"name": wanted.name}
        raise FetchProblem(UNREADABLE, text, is_of_file=True) from None


async def _copy(sftp: asyncssh.SFTPClient, path: str, wanted: RemoteFile, target: Path) -> bool:
    most = make_bounds().most_bytes
    size = 0
    async with sftp.open(path, "rb") as remote:
        with target.open("wb") as file:
            while piece := bytes(await remote.read(PIECE)):  # type: ignore[arg-type]  # opened as binary
                size += len(piece)
                if size > most:
                    text = str(explain_egress(EgressError("too_large", wanted.name)))
                    raise FetchProblem("too_large", text, is_of_file=True)
                file.write(piece)
        after = await remote.stat()
    return (size, int(after.mtime or 0)) == (wanted.size, wanted.modified) and after.size == size
