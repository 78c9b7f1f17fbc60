"""Which domains take mail, as the DNS tells it: asked once, kept for all accounts, and never believed in doubt.

A domain is reported as one without mail only on its own word: it does not exist, has neither MX nor address, or publishes a null
MX. DNS trouble says nothing, and neither does a resolver that cannot find the large providers: it knows nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from dynamail.contacts.address_checks import is_known_provider
from dynamail.contacts.models import MailDomain
from dynamail.protocols.dns import Resolver
from dynamail.protocols.mx import UnroutableDomain, find_mail_hosts

LOOKUP_SECONDS = 120.0  # for all questions of one import
QUESTION_SECONDS = 4.0  # for one question with its tries
CONCURRENT = 50
KEEP_GOOD = timedelta(days=14)  # a domain that took mail will probably go on
KEEP_BAD = timedelta(days=1)
SILENCE_SECONDS = 60.0  # nothing is asked for that long when the DNS did not answer
WITNESSES = ("gmail.com", "outlook.com", "mail.ru", "yandex.ru")  # who can find none of these knows nobody
MOST_REMEMBERED = 200_000

_silent_until: dict[tuple[tuple[str, int], ...], float] = {}  # by the servers asked, in monotonic seconds


class MailDomains:
    """The domains of one import. `learn` before `find`; both are cheap for what is known already."""

    def __init__(self, *, seconds: float = LOOKUP_SECONDS) -> None:
        self._servers = tuple(settings.DNS_SERVERS)
        self._resolver = Resolver(self._servers, timeout=QUESTION_SECONDS / 2, lifetime=QUESTION_SECONDS)
        self._known: dict[str, bool] = {}
        self._is_believable: bool | None = None
        self._seconds = seconds

    def find(self, domain: str) -> bool | None:
        """Whether the domain takes mail; None when that is not known."""
        return True if is_known_provider(domain) else self._known.get(domain)

    def learn(self, domains: Iterable[str], *, now: datetime) -> None:
        """Ask for what is not known yet. Talks to the network: no transaction may be open."""
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        missing = {one for one in domains if one not in self._known and not is_known_provider(one)}
        if not missing:
            return
        self._known.update(_read_stored(missing, now))
        missing -= self._known.keys()
        if missing and self._seconds > 0 and self._may_ask():
            found = self._ask(sorted(missing))
            self._known.update(found)
            _store(found, now)

    def _may_ask(self) -> bool:
        if time.monotonic() < _silent_until.get(self._servers, 0.0):
            return False
        if self._is_believable is None:
            self._is_believable = any(self._ask(WITNESSES).values())
            if not self._is_believable:
                _silent_until[self._servers] = time.monotonic() + SILENCE_SECONDS
        return self._is_believable

    def _ask(self, domains: Collection[str]) -> dict[str, bool]:
        """What is found out within the time that is left."""
        start = time.monotonic()
        try:
            return asyncio.run(_ask_all(domains, self._resolver, seconds=self._seconds))
        finally:
            self._seconds -= time.monotonic() - start


def forget_old_domains(now: datetime) -> int:
    """Drop what is too old to be believed; returns how many."""
    deleted, _by_model = MailDomain.objects.filter(checked_at__lt=now - KEEP_GOOD).delete()
    return deleted


async def _ask_all(domains: Iterable[str], resolver: Resolver, *, seconds: float) -> dict[str, bool]:
    found: dict[str, bool] = {}
    places = asyncio.Semaphore(CONCURRENT)

    async def ask(domain: str) -> None:
        async with places:
            takes_mail = await _takes_mail(domain, resolver)
        if takes_mail is not None:
            found[domain] = takes_mail

    tasks = [asyncio.create_task(ask(domain)) for domain in domains]
    _done, waiting = await asyncio.wait(tasks, timeout=seconds)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _takes_mail(domain: str, resolver: Resolver) -> bool | None:
    try:
        await find_mail_hosts(domain, resolver, allow_private_addresses=True)
    except UnroutableDomain as error:
        return False if error.permanent else None
    return True


def _read_stored(domains: Collection[str], now: datetime) -> dict[str, bool]:
    is_fresh = Q(takes_mail=True, checked_at__gt=now - KEEP_GOOD) | Q(checked_at__gt=now - KEEP_BAD)
    rows = MailDomain.objects.filter(is_fresh, name__in=domains)
    return dict(rows.values_list("name", "takes_mail"))


def _store(found: dict[str, bool], now: datetime) -> None:
    MailDomain.objects.bulk_create(
        [
            MailDomain(name=name, takes_mail=takes_mail, checked_at=now)
            for name, takes_mail in sorted(found.items())
        ],
        batch_size=5_000,
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["takes_mail", "checked_at"],
    )
