"""Looking at many domains in turn: read the rows, ask the DNS with no transaction open, write down what it said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from dynamail.accounts.tenancy import account_scope
from dynamail.lib.clock import utc_now
from dynamail.protocols.dns import Resolver
from dynamail.senders.domain_checks import Finding, check_records
from dynamail.senders.domain_recording import record_findings
from dynamail.senders.domain_records import DnsRecord, list_records, read_installation_names
from dynamail.senders.domains import claim_due_domains, list_current_keys
from dynamail.senders.models import SendingDomain

BATCH = 100  # domains
MOST_BATCHES = 20  # of one round; the next round begins within a minute
AT_ONCE = 10  # domains whose names are looked up at the same time

log = logging.getLogger(__name__)

Place = tuple[int, int]  # account, key of the domain


@dataclass(frozen=True, slots=True)
class _Look:
    """A domain as it was read, and the records to look for."""

    domain: SendingDomain
    records: list[DnsRecord]


def check_due_domains() -> None:
    """Every domain whose time has come."""
    for _batch in range(MOST_BATCHES):
        due = claim_due_domains(now=utc_now(), limit=BATCH)
        if not due:
            return
        check_domains(due)


def check_domains(places: Sequence[Place]) -> None:
    """Each domain by itself: one that fails is looked at again when its claim is over, and does not hold back the others."""
    looks = [look for place in places if (look := _read(*place))]
    for look, findings in zip(looks, asyncio.run(_ask(looks)), strict=True):
        try:
            with account_scope(look.domain.account_id):
                record_findings(look.domain, findings, now=utc_now())
        except Exception:
            log.exception("What was found for domain %s could not be recorded", look.domain.public_id)


def _read(account_id: int, domain_id: int) -> _Look | None:
    with account_scope(account_id):
        domain = SendingDomain.objects.for_account(account_id).filter(pk=domain_id).first()
        if domain is None:
            return None  # removed meanwhile
        return _Look(domain, list_records(domain, list_current_keys(domain), read_installation_names()))


async def _ask(looks: Sequence[_Look]) -> list[dict[str, Finding]]:
    resolver = Resolver(settings.DNS_SERVERS)
    names = read_installation_names()
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask_one(look: _Look) -> dict[str, Finding]:
        async with slots:
            return await check_records(resolver, look.domain.name, look.records, names)

    return await asyncio.gather(*map(ask_one, looks))
