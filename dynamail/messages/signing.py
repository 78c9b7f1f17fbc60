"""In whose name a message leaves: the keys that sign it, and the hosts of the sender's own domain that stand in it.

`open_signing_identity` reads the rows of delivery/sql/load_signing.sql.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dynamail.protocols.dkim import DkimSigner
from dynamail.senders.dkim_keys import open_private_key


class SigningError(ValueError):
    """A stored key cannot be used. The sentence says what to do: mail that should be signed does not leave unsigned."""


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """One sending domain. Empty hosts mean the installation's; without signers nothing is signed."""

    domain: str = ""
    signers: tuple[DkimSigner, ...] = ()
    return_path_domain: str = ""
    tracking_url: str = ""  # https://host


@dataclass(frozen=True, slots=True)
class SigningRow:
    """An active key of a sending domain; a domain without keys has one row with an empty selector."""

    account_id: int
    domain: str
    return_path_domain: str
    tracking_host: str
    selector: str
    private_key_sealed: bytes


def open_signing_identity(rows: Sequence[SigningRow]) -> SigningIdentity | None:
    """The identity of the domain that all rows are of; None without rows. Raises SigningError."""
    if not rows:
        return None
    first = rows[0]
    return SigningIdentity(
        first.domain,
        tuple(_open_signer(row) for row in rows if row.selector),
        first.return_path_domain,
        f"https://{first.tracking_host}" if first.tracking_host else "",
    )


def _open_signer(row: SigningRow) -> DkimSigner:
    try:
        key = open_private_key(row.account_id, row.domain, row.selector, row.private_key_sealed)
        return DkimSigner(domain=row.domain, selector=row.selector, private_key=key)
    except ValueError as error:
        raise SigningError(
            f"The DKIM key {row.selector} of {row.domain} cannot be used here. Make new keys on the domain's page."
        ) from error
