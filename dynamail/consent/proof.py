from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from dynamail.consent.models import LawfulBasis


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How an act of consent came about: what a consent record keeps besides who, which topic and when.

    `method` is a door: import, page, one_click, preference_page, confirmation, api, member,
    demo. `text` holds the words that were agreed to,
    or the account's statement. `actor` names a member who acted for the person, empty when the person did.
    """

    method: str
    basis: str = LawfulBasis.CONSENT
    text: str = ""
    since: date | None = None
    actor: str = ""
    source_kind: str = ""
    source_id: str = ""
    evidence: dict[str, object] = field(default_factory=dict)
