"""Who may stand in From: the one rule, for a single address and for many."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from dynamail.lib.asking import Ask, Told
from dynamail.lib.sql import load_sql
from dynamail.protocols.address import Address
from dynamail.senders.domain_names import is_free_mail, iter_parents


class FromFault(StrEnum):
    """Why an address may not stand in From; stable codes."""

    SENDER_UNVERIFIED = "sender_unverified"  # of mail that stays in the Mailbox
    DOMAIN_UNVERIFIED = "domain_unverified"  # of mail that leaves
    FREE_MAIL = "from_free_mail"


@dataclass(frozen=True, slots=True)
class FromFacts:
    """What the account has proved, as far as it was asked for."""

    leaves: bool  # could some of its mail leave this server?
    domains: Collection[str] = ()  # verified, A-labels
    senders: Collection[str] = ()  # verified addresses, as they were asked for

    def find_fault(self, address: Address, *, stays: bool = False) -> FromFault | None:
        """Mail that leaves needs a verified domain; what stays in the Mailbox, a verified sender or domain."""
        return judge_from(
            address.domain,
            domain_verified=not set(self.domains).isdisjoint(iter_parents(address.domain)),
            sender_verified=address.text in self.senders,
            leaves=self.leaves and not stays,
        )


def judge_from(
    domain: str, *, domain_verified: bool, sender_verified: bool, leaves: bool
) -> FromFault | None:
    """The rule. `domain` is in A-labels."""
    if domain_verified or (sender_verified and not leaves):
        return None
    if not leaves:
        return FromFault.SENDER_UNVERIFIED
    return FromFault.FREE_MAIL if is_free_mail(domain) else FromFault.DOMAIN_UNVERIFIED


def ask_for_from_facts(account_id: int, addresses: Iterable[Address]) -> Ask:
    """For `read_from_facts`."""
    wanted = list(addresses)
    domains = sorted({parent for one in wanted for parent in iter_parents(one.domain)})
    parameters = {
        "account_id": account_id,
        "domains": domains,
        "senders": sorted({one.text for one in wanted}),
    }
    return Ask(load_sql("senders", "find_from_facts"), parameters)


def read_from_facts(told: Told) -> FromFacts:
    ((leaves, domains, senders),) = told.rows
    return FromFacts(leaves, frozenset(domains), frozenset(senders))
