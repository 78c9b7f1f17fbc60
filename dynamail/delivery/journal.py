"""A worker's own notes of what is on the wire, so that a kill -9 leaves in doubt only what was in flight.

Before a final dot is written to a connection the message's id is noted, and its reply when it arrives. Nothing is synced to
disk: notes have to survive the death of the process, and the kernel's page cache does. Against a power loss the declared window
is the bound; a journal from before the last boot is believed only in what it says, never in what it leaves out.

A living worker holds a lock on `<id>.lock`; whoever can take the lock may read the notes of the dead.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from dynamail.delivery.records import BOUNCED, DEFERRED, DELIVERED, UNKNOWN, Result

BOOT_BYTES = 40  # the head of a journal: since which start of the machine it is kept
ROTATE_BYTES = 4 * 2**20
_NOTE = struct.Struct(">c16sHH")  # kind, message id, SMTP code, length of the text that follows
_DOT, _FORGOTTEN = b".", b"f"
_KINDS = {DELIVERED: b"d", BOUNCED: b"b", DEFERRED: b"t", UNKNOWN: b"u"}
_HARD = b"h"  # bounced, and the address must not be written to again
_STATES = {kind: state for state, kind in _KINDS.items()} | {_HARD: BOUNCED}
_SEPARATOR = "\x1f"


class Journal:
    """The journal of this process. Raises OSError when the folder cannot be written to: then nothing may be sent."""

    def __init__(self, folder: Path, worker_id: UUID) -> None:
        self._path = folder / f"{worker_id}.journal"
        self._lock_path = folder / f"{worker_id}.lock"
        # Under its name it must never be seen unlocked: a neighbor would take it for what a dead worker left.
        newborn = folder / f"{worker_id}.newborn"
        self._lock = os.open(newborn, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        newborn.replace(self._lock_path)
        self._unrecorded: dict[bytes, bytes] = {}  # notes by message id; hashing a UUID is Python code
        self._is_behind = (
            False  # something could not be written; nothing more is sent before the file is right again
        )
        self._fd, self._size = -1, 0
        self._begin()

    def note_dot(self, message_id: UUID) -> None:
        """To be called before the bytes that end the message are written. Raises OSError when it cannot be noted."""
        if self._is_behind:
            self._begin()
        key = message_id.int.to_bytes(16, "big")
        note = _NOTE.pack(_DOT, key, 0, 0)
        self._append(note)
        self._unrecorded[key] = note

    def note_reply(self, message_id: UUID, result: Result) -> None:
        """An answer that cannot be written down counts all the same; only a killed process would not know of it."""
        text = f"{result.enhanced}{_SEPARATOR}{result.bounce_class}{_SEPARATOR}{result.reply}".encode()
        key = message_id.int.to_bytes(16, "big")
        kind = _HARD if result.is_hard else _KINDS[result.state]
        note = _NOTE.pack(kind, key, result.code, len(text)) + text
        self._unrecorded[key] = self._unrecorded.get(key, b"") + note
        try:
            self._append(note)
        except OSError:
            self._is_behind = True

    def forget(self, message_ids: Iterable[UUID]) -> None:
        """These outcomes are committed: their notes mean nothing any more."""
        keys = [message_id.int.to_bytes(16, "big") for message_id in message_ids]
        gone = [key for key in keys if self._unrecorded.pop(key, None) is not None]
        if not gone:
            return
        try:
            if self._size > ROTATE_BYTES:
                self._begin()
            else:
                self._append(b"".join(_NOTE.pack(_FORGOTTEN, key, 0, 0) for key in gone))
        except OSError:
            self._is_behind = True

    def find_note(self, message_id: UUID) -> Note | None:
        """What this process itself has noted of a message and not yet forgotten."""
        return parse_notes(self._unrecorded.get(message_id.int.to_bytes(16, "big"), b"")).get(message_id)

    def close(self) -> None:
        """The orderly end. What could not be recorded stays for the next worker to judge."""
        os.close(self._fd)
        if not self._unrecorded:
            self._path.unlink(missing_ok=True)
            self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)

    def _begin(self) -> None:
        """A new file with what is still unrecorded, in place of the old one by one rename."""
        fresh = self._path.with_suffix(".new")
        content = read_boot_id().ljust(BOOT_BYTES).encode()[:BOOT_BYTES] + b"".join(self._unrecorded.values())
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            _write_all(fd, content)
            fresh.replace(self._path)
        except OSError as error:
            os.close(fd)
            raise self._explain(error) from error
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size, self._is_behind = fd, len(content), False

    def _append(self, note: bytes) -> None:
        try:
            written = os.write(self._fd, note)
        except OSError as error:
            raise self._explain(error) from error
        if written != len(note):
            os.ftruncate(self._fd, self._size)  # a torn note would make all later ones unreadable
            raise self._explain("it took only a part of a note")
        self._size += written

    def _explain(self, reason: object) -> OSError:
        return OSError(f"The journal {self._path} cannot be written ({reason}); is the disk full?")


@dataclass(slots=True)
class Note:
    """What a journal says about one message: its final dot was about to be written, and perhaps how the server answered."""

    result: Result | None = None


@dataclass(frozen=True)
class Remains:
    """The journal of a dead worker. `is_complete`: a message without a note was not sent."""

    worker_id: UUID
    notes: dict[UUID, Note]
    is_complete: bool
    path: Path
    lock: int

    def discard(self) -> None:
        """All of it is recorded."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".new").unlink(missing_ok=True)
        self.path.with_suffix(".lock").unlink(missing_ok=True)
        os.close(self.lock)

    def keep(self) -> None:
        """Give the lock back; somebody will try again."""
        os.close(self.lock)


def iter_remains(folder: Path) -> Iterator[Remains]:
    """The journals of workers of this host that are dead. Each must be discarded or kept."""
    for lock_path in sorted(folder.glob("*.lock")):
        try:
            worker_id = UUID(lock_path.stem)
            lock = os.open(lock_path, os.O_RDWR)
        except (ValueError, FileNotFoundError):
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)  # alive
            continue
        if not _is_same_file(lock, lock_path):
            os.close(lock)  # somebody else has just cleared it away
            continue
        path = lock_path.with_suffix(".journal")
        notes, is_complete = read_notes(path)
        yield Remains(worker_id, notes, is_complete, path, lock)


def list_living(folder: Path) -> list[UUID]:
    """The workers of this host whose process holds its lock."""
    living = []
    for lock_path in folder.glob("*.lock"):
        try:
            worker_id = UUID(lock_path.stem)
            lock = os.open(lock_path, os.O_RDWR)
        except (ValueError, FileNotFoundError):
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            living.append(worker_id)
        finally:
            os.close(lock)
    return living


def read_notes(path: Path) -> tuple[dict[UUID, Note], bool]:
    """The last word about each message, and whether the journal is from this boot and so leaves nothing out."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}, False
    is_complete = data[:BOOT_BYTES].decode("ascii", "replace").strip() == read_boot_id()
    return parse_notes(data[BOOT_BYTES:]), is_complete and len(data) >= BOOT_BYTES


def parse_notes(data: bytes) -> dict[UUID, Note]:
    """The last word about each message."""
    notes: dict[UUID, Note] = {}
    position = 0
    while position + _NOTE.size <= len(data):
        kind, raw_id, code, length = _NOTE.unpack_from(data, position)
        position += _NOTE.size
        text = data[position : position + length]
        position += length
        if len(text) < length:
            break  # the note that the process died in
        _apply_note(notes, kind, UUID(bytes=raw_id), code, text)
    return notes


def read_boot_id() -> str:
    """Changes with every start of the machine; "" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _apply_note(notes: dict[UUID, Note], kind: bytes, message_id: UUID, code: int, text: bytes) -> None:
    if kind == _DOT:
        notes[message_id] = Note()
    elif kind == _FORGOTTEN:
        notes.pop(message_id, None)
    elif kind in _STATES:
        enhanced, _, rest = text.decode("utf-8", "replace").partition(_SEPARATOR)
        bounce_class, _, reply = rest.partition(_SEPARATOR)
        notes[message_id] = Note(
            Result(_STATES[kind], bounce_class, code, enhanced, reply, is_hard=kind == _HARD)
        )


def _is_same_file(fd: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
