from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from dynamail.tracking.models import Link


@dataclass(frozen=True, slots=True)
class FrozenLink:
    """A link of frozen content. `url` is the plain address, or with `is_dynamic` the author's source with its Liquid."""

    number: int
    url: str
    label: str = ""
    is_dynamic: bool = False


def freeze_links(account_id: int, source_id: UUID, links: Iterable[FrozenLink]) -> int:
    """Keep where the links of a source lead, in the transaction that freezes its content. Doing it again changes nothing."""
    rows = [
        Link(
            account_id=account_id,
            source_id=source_id,
            number=link.number,
            url=link.url,
            label=link.label[:200],
            is_dynamic=link.is_dynamic,
        )
        for link in links
    ]
    Link.objects.across_accounts(reason="the rows name their account").bulk_create(
        rows, ignore_conflicts=True
    )
    return len(rows)


def find_links(account_id: int, source_id: UUID) -> list[Link]:
    """The links of a source by number."""
    return list(Link.objects.for_account(account_id).filter(source_id=source_id).order_by("number"))
