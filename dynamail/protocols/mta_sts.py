"""MTA-STS (RFC 8461): a domain says over HTTPS which hosts take its mail and that their certificates must be good.

1. TXT at `_mta-sts.<domain>` says that there is a policy, and its id.
2. A new id: fetch `https://mta-sts.<domain>/.well-known/mta-sts.txt`, with a good certificate, without following redirects.
3. A policy is kept for its `max_age`, also when the TXT record or the server cannot be asked any more: that is its purpose.
4. In mode `enforce` only hosts that it names may be used, and only over TLS with a certificate for the host's name.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from dynamail.lib.public_addresses import is_public_address
from dynamail.protocols.dns import DnsError, Resolver

LARGEST_POLICY = 65_536  # bytes; RFC 8461 §3.3
FETCH_SECONDS = 60.0  # RFC 8461 §3.3
LONGEST_MAX_AGE = 31_557_600  # seconds, about a year; RFC 8461 §3.2
FETCH_AGAIN_AFTER = 300.0  # seconds between two failed tries for one id; RFC 8461 §3.3
RENEW_AFTER = 86_400.0  # seconds: an unchanged policy is fetched again so that it does not run out; §10.2
KEPT_POLICIES = 20_000
MOST_HOSTS = 200
MOST_FETCHES = 20  # at the same time

_RECORD = re.compile(r"v=STSv1[ \t]*;.*", re.DOTALL)
_ID = re.compile(r"[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*")
_MX = re.compile(r"(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class StsMode(StrEnum):
    NONE = "none"
    TESTING = "testing"
    ENFORCE = "enforce"


class BadPolicy(ValueError):
    """The text is no policy."""


class FetchFailed(Exception):
    """The policy's server could not be asked or said no."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """`max_age` is in seconds."""

    mode: StsMode
    mx: tuple[str, ...]
    max_age: int

    def allows(self, host: str) -> bool:
        """Whether a host (lower-case, A-labels) is one of the domain's: `*.` stands for one label (RFC 8461 §4.1)."""
        return any(
            host == pattern
            or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:] and host[0] != ".")
            for pattern in self.mx
        )


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """What is kept for a domain. Times are seconds since 1970; `policy` is None when only a failure is known.

    `failed_id` and `failed_at` tell of the last try when it failed.
    """

    record_id: str = ""
    policy: StsPolicy | None = None
    fetched_at: float = 0.0
    failed_id: str = ""
    failed_at: float = 0.0

    def is_alive(self, now: float) -> bool:
        return self.policy is not None and self.fetched_at + self.policy.max_age > now


class PolicyStore(Protocol):
    """Where policies are kept between two messages; a table can stand behind it."""

    async def load(self, domain: str) -> StoredPolicy | None: ...

    async def save(self, domain: str, stored: StoredPolicy) -> None: ...


class PolicyFetcher(Protocol):
    async def fetch(self, domain: str) -> str:
        """The text of the policy. Raises FetchFailed."""
        ...


class MemoryPolicies:
    """The policies of one process; the longest unused go first when there are too many."""

    def __init__(self, most: int = KEPT_POLICIES) -> None:
        self._most = most
        self._stored: OrderedDict[str, StoredPolicy] = OrderedDict()

    async def load(self, domain: str) -> StoredPolicy | None:
        stored = self._stored.get(domain)
        if stored is not None:
            self._stored.move_to_end(domain)
        return stored

    async def save(self, domain: str, stored: StoredPolicy) -> None:
        self._stored[domain] = stored
        self._stored.move_to_end(domain)
        while len(self._stored) > self._most:
            self._stored.popitem(last=False)


class HttpsFetcher:
    """Fetches over HTTPS. `context` and `port` are for tests; strangers' names never lead into our own networks."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        context: ssl.SSLContext | None = None,
        port: int = 443,
        allow_private_addresses: bool = False,
        seconds: float = FETCH_SECONDS,
    ) -> None:
        self._resolver, self._context, self._port = resolver, context, port
        self._allow_private, self._seconds = allow_private_addresses, seconds
        self._free = asyncio.Semaphore(MOST_FETCHES)

    async def fetch(self, domain: str) -> str:
        host = f"mta-sts.{domain}"
        async with self._free:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._fetch(host)
            except TimeoutError:
                raise FetchFailed(f"{host} did not answer within {self._seconds:g} seconds.") from None
            except DnsError as error:
                raise FetchFailed(error.text) from error

    async def _fetch(self, host: str) -> str:
        addresses = await self._resolver.addresses(host)
        reachable = [one for one in addresses if self._allow_private or is_public_address(one)]
        if not reachable:
            raise FetchFailed(f"{host} has no public address.")
        problem = FetchFailed(f"{host} cannot be reached.")
        for address in sorted(reachable, key=lambda one: one.version)[:3]:
            try:
                return await self._get(host, f"[{address}]" if address.version == 6 else str(address))
            except FetchFailed as error:
                problem = error
        raise problem

    async def _get(self, host: str, address: str) -> str:
        import httpx  # only who sends to strangers' domains needs it

        url = f"https://{address}:{self._port}/.well-known/mta-sts.txt"
        headers = {"Host": host, "Accept": "text/plain", "Accept-Encoding": "identity"}
        try:
            async with (
                httpx.AsyncClient(
                    verify=self._context or ssl.create_default_context(),
                    trust_env=False,
                    follow_redirects=False,
                    timeout=self._seconds,
                ) as client,
                client.stream("GET", url, headers=headers, extensions={"sni_hostname": host}) as response,
            ):
                if response.status_code != 200:
                    raise FetchFailed(f"{host} answered {response.status_code}.")
                content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if content_type != "text/plain":
                    raise FetchFailed(
                        f"{host} sent {content_type[:80] or 'something'} instead of text/plain."
                    )
                body = bytearray()
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) > LARGEST_POLICY:
                        raise FetchFailed(f"The policy of {host} is too large.")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
            raise FetchFailed(f"{host}: {str(error)[:300] or type(error).__name__}") from error
        return body.decode("utf-8", "replace")


class StsPolicies:
    """The policies of domains that we send to. `now` gives seconds since 1970."""

    def __init__(
        self,
        resolver: Resolver,
        fetcher: PolicyFetcher,
        *,
        store: PolicyStore | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._resolver, self._fetcher = resolver, fetcher
        self._store: PolicyStore = store or MemoryPolicies()
        self._now = now
        self._running: dict[str, asyncio.Task[StsPolicy | None]] = {}

    async def find(self, domain: str) -> StsPolicy | None:
        """The policy in force for a domain (A-labels), None without one. Never raises for what strangers do."""
        task = self._running.get(domain)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._find(domain))
            self._running[domain] = task
            task.add_done_callback(lambda _: self._running.pop(domain, None))
        return await asyncio.shield(task)

    async def _find(self, domain: str) -> StsPolicy | None:
        stored = await self._store.load(domain)
        now = self._now()
        record_id = await self._find_record_id(domain)
        if record_id is not None and self._must_fetch(stored, record_id, now):
            stored = await self._refresh(domain, stored, record_id)
        if stored is None or not stored.is_alive(now):
            return None
        return stored.policy

    async def _find_record_id(self, domain: str) -> str | None:
        """None when there is no record, or none that can be read, or nobody to ask: then what is stored counts."""
        try:
            texts = await self._resolver.txt(f"_mta-sts.{domain}")
        except DnsError:
            return None
        return parse_record(texts)

    def _must_fetch(self, stored: StoredPolicy | None, record_id: str, now: float) -> bool:
        if stored is None:
            return True
        if stored.failed_id == record_id and now - stored.failed_at < FETCH_AGAIN_AFTER:
            return False
        is_fresh = stored.is_alive(now) and now - stored.fetched_at < RENEW_AFTER
        return stored.record_id != record_id or not is_fresh

    async def _refresh(self, domain: str, stored: StoredPolicy | None, record_id: str) -> StoredPolicy:
        try:
            policy = parse_policy(await self._fetcher.fetch(domain))
        except (FetchFailed, BadPolicy):
            fresh = replace(stored or StoredPolicy(), failed_id=record_id, failed_at=self._now())
        else:
            fresh = StoredPolicy(record_id, policy, self._now())
        await self._store.save(domain, fresh)
        return fresh


def parse_record(texts: tuple[str, ...]) -> str | None:
    """The id in the one TXT record that begins with v=STSv1; None without one or with several (RFC 8461 §3.1)."""
    records = [text for text in texts if _RECORD.fullmatch(text)]
    if len(records) != 1:
        return None
    ids = [match[1] for field in records[0].split(";")[1:] if (match := _ID.fullmatch(field))]
    return ids[0] if ids else None


def parse_policy(text: str) -> StsPolicy:
    """Raises BadPolicy. The first of a repeated field counts, `mx` excepted; unknown ones are passed over (§3.2)."""
    fields: dict[str, str] = {}
    mx: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        name, colon, value = line.partition(":")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not colon:
            if name:
                raise BadPolicy("A line of the policy is no field.")
        elif name == "mx":
            mx.append(value.lower().rstrip("."))
        else:
            fields.setdefault(name, value)
    if fields.get("version") != "STSv1":
        raise BadPolicy("The version of the policy is not STSv1.")
    if fields.get("mode") not in list(StsMode):
        raise BadPolicy("The mode of the policy is unknown.")
    if not re.fullmatch(r"[0-9]{1,10}", fields.get("max_age", "")):
        raise BadPolicy("The policy does not say how long it holds.")
    mode = StsMode(fields["mode"])
    hosts = tuple(pattern for pattern in mx[:MOST_HOSTS] if _MX.fullmatch(pattern))
    if not hosts and mode is not StsMode.NONE:
        raise BadPolicy("The policy names no host.")
    return StsPolicy(mode, hosts, min(int(fields["max_age"]), LONGEST_MAX_AGE))
