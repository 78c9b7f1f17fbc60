from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Counts:
    """What became, or would become, of the rows. Each row is in exactly one of the first five, or `mailable`.

    A person's first row decides whether they are new, updated or unchanged; further rows of the same address are duplicates,
    merged into that person. `suppressed` counts new and known people whose address must not be mailed; `subscribed` and
    `left_alone` what the statement of consent came to. In a file of suppressions the first three are suppressions, and `mailable`
    rows say that an address may be mailed. The last four count people of whom the check of the address noticed something, whether
    they were taken or left out for it.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    invalid: int = 0
    suppressed: int = 0
    subscribed: int = 0
    left_alone: int = 0
    mailable: int = 0
    role: int = 0
    disposable: int = 0
    typo: int = 0
    no_mail_server: int = 0

    @property
    def rows(self) -> int:
        return self.new + self.updated + self.unchanged + self.duplicate + self.invalid + self.mailable

    @property
    def people(self) -> int:
        return self.new + self.updated + self.unchanged

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Counts)))

    def to_json(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Counts:
        return cls(**(data or {}))
