from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b

ASK_AT_ONCE = 500


class SeenAddresses:
    """The addresses of a file that were met so far, as 64-bit hashes in a temporary file of SQLite: memory stays flat.

    Two of a million addresses share a hash once in 37 million files; then a new person is counted as a repeated row, and
    imported all the same.
    """

    def __init__(self) -> None:
        # An empty name is a private database on disk that vanishes with the connection. A thread pool may pass us on.
        self._store = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._store.execute("PRAGMA journal_mode = OFF")
        self._store.execute("PRAGMA synchronous = OFF")
        self._store.execute("PRAGMA cache_size = -16384")  # KiB
        self._store.execute("CREATE TABLE seen (hash INTEGER PRIMARY KEY, round INTEGER) WITHOUT ROWID")
        self._round = 0

    def add(self, keys: Sequence[str]) -> set[str]:
        """Remember these, each once; returns those that were there before."""
        self._round += 1
        hashes = {_hash(key): key for key in keys}
        before = self._store.total_changes
        self._store.execute("BEGIN")
        self._store.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)", ((number, self._round) for number in hashes)
        )
        self._store.execute("COMMIT")
        if self._store.total_changes - before == len(hashes):
            return set()
        return {hashes[number] for number in self._find_older(list(hashes))}

    def _find_older(self, hashes: list[int]) -> Iterator[int]:
        for start in range(0, len(hashes), ASK_AT_ONCE):
            part = hashes[start : start + ASK_AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT hash FROM seen WHERE round < ? AND hash IN ({marks})"  # noqa: S608 — marks only
            for (number,) in self._store.execute(query, [self._round, *part]):
                yield number

    def close(self) -> None:
        self._store.close()


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
