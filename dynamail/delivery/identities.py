"""In whose name mail leaves, by account and the domain in From: read once a minute, keys opened only when they have changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dynamail.delivery.database import Database
from dynamail.messages.signing import SigningIdentity, SigningRow, open_signing_identity
from dynamail.protocols.address import AddressError, parse_address

FRESH_SECONDS = 60.0
MOST_KNOWN = 10_000


@dataclass(slots=True)
class _Known:
    rows: list[SigningRow]
    identity: SigningIdentity | None
    read_at: float  # loop time


class Identities:
    """A small cache. The same object is given again while nothing changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[int, str], _Known] = {}

    async def find(self, account_id: int, from_email: str) -> SigningIdentity | None:
        """None when no verified domain of the account stands behind the address. Raises SigningError."""
        try:
            domain = parse_address(from_email).domain
        except AddressError:
            return None
        known = self._known.get((account_id, domain))
        if known is None or asyncio.get_running_loop().time() - known.read_at > FRESH_SECONDS:
            known = await self._read(account_id, domain, known)
        return known.identity

    async def _read(self, account_id: int, domain: str, known: _Known | None) -> _Known:
        names = "{" + ",".join(list_parents(domain)) + "}"
        found = await self._database.run("load_signing", {"account_id": account_id, "names": names})
        rows = [SigningRow(*row) for row in found]
        identity = known.identity if known and known.rows == rows else open_signing_identity(rows)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        known = _Known(rows, identity, asyncio.get_running_loop().time())
        self._known[account_id, domain] = known
        return known


def list_parents(domain: str) -> list[str]:
    """The domain and those above it, but for the top level."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]
