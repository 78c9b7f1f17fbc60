"""What the findings of a check mean for a domain, its keys and the time of the next check.

    pending ──▶ verified ──▶ (failing) ──▶ lost ──▶ verified …

A domain is proved by its ownership record and at least one DKIM key. One that was verified stays so for three days while a
record is missing: a mishap in the DNS does not stop a business. What the DNS did not tell keeps its former state, so that an
outage of the DNS takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from dynamail.senders.domain_checks import UNKNOWN, Finding, RecordState
from dynamail.senders.models import DkimKey, SendingDomain

GRACE = timedelta(days=3)
EACH_MINUTE_FOR, EACH_TEN_MINUTES_FOR, EACH_HOUR_FOR = (
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
)
RUNNING_AT_MOST = timedelta(minutes=2)  # a check whose worker was killed does not block the next one

State = SendingDomain.State


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that a check leads to."""

    state: str
    failing_since: datetime | None
    verified_at: datetime | None


def read_findings(domain: SendingDomain) -> dict[str, Finding]:
    """What the last check found, by the keys of the records."""
    stored = domain.check_result.get("findings", {})
    return {
        key: Finding(**{**values, "state": RecordState(values["state"]), "found": tuple(values["found"])})
        for key, values in stored.items()
    }


def write_findings(findings: Mapping[str, Finding]) -> dict[str, dict[str, object]]:
    return {key: asdict(finding) for key, finding in findings.items()}


def merge_findings(former: Mapping[str, Finding], new: Mapping[str, Finding]) -> dict[str, Finding]:
    """What is known now: where the DNS did not tell, what it said before."""
    return {
        key: replace(former.get(key, UNKNOWN), is_stale=True)
        if finding.state is RecordState.UNKNOWN
        else finding
        for key, finding in new.items()
    }


def is_proved(findings: Mapping[str, Finding]) -> bool:
    """The domain is the account's, and at least one of its keys is published."""
    ownership = findings.get("ownership", UNKNOWN)
    return ownership.is_right and any(finding.is_right for finding in _of_keys(findings))


def judge(domain: SendingDomain, findings: Mapping[str, Finding], *, now: datetime) -> Verdict:
    """The next state of a domain."""
    if is_proved(findings):
        is_new = domain.state != State.VERIFIED
        return Verdict(State.VERIFIED, None, now if is_new else domain.verified_at)
    if domain.state != State.VERIFIED:
        return Verdict(domain.state, None, domain.verified_at)
    if not _is_fresh(findings):
        return Verdict(State.VERIFIED, domain.failing_since, domain.verified_at)
    since = domain.failing_since or now
    return Verdict(State.LOST if now - since >= GRACE else State.VERIFIED, since, domain.verified_at)


def plan_keys(keys: Iterable[DkimKey], findings: Mapping[str, Finding]) -> dict[int, str]:
    """The states that change, by the keys' primary keys.

    A key signs once its record is seen, and the one before it retires. A key whose record is gone stops signing as long as
    another one's record is there.
    """
    current = [key for key in keys if key.state != DkimKey.State.RETIRED]
    right = {key.pk for key in current if findings.get(f"dkim:{key.selector}", UNKNOWN).is_right}
    planned: dict[int, str] = {}
    for algorithm in DkimKey.Algorithm:
        of_kind = sorted((key for key in current if key.algorithm == algorithm), key=lambda key: key.pk)
        newest = max((key.pk for key in of_kind if key.pk in right), default=0)
        for key in of_kind:
            if key.pk in right:
                planned[key.pk] = DkimKey.State.ACTIVE if key.pk == newest else DkimKey.State.RETIRED
            elif key.pk < newest:
                planned[key.pk] = DkimKey.State.RETIRED
            elif right:
                planned[key.pk] = DkimKey.State.UPCOMING
    return {key.pk: planned[key.pk] for key in current if planned.get(key.pk, key.state) != key.state}


def choose_next_check(
    domain: SendingDomain, findings: Mapping[str, Finding], keys: Iterable[DkimKey], *, now: datetime
) -> datetime:
    """Soon while somebody waits for the DNS, hourly while a record is gone, daily otherwise. `domain` in its new state."""
    age = now - waiting_since(domain, keys)
    if not all(finding.is_right for finding in findings.values()):
        if age < EACH_MINUTE_FOR:
            return now + timedelta(minutes=1)
        if age < EACH_TEN_MINUTES_FOR:
            return now + timedelta(minutes=10)
    if domain.failing_since or (domain.state == State.PENDING and age < EACH_HOUR_FOR):
        return now + timedelta(hours=1)
    if any(finding.is_stale for finding in findings.values()):
        return now + timedelta(hours=1)
    return now + timedelta(days=1)


def waiting_since(domain: SendingDomain, keys: Iterable[DkimKey]) -> datetime:
    """When somebody last did something that the DNS should answer to: added, rotated, or asked."""
    asked = domain.check_result.get("asked_at")
    moments = [domain.created_at, *(key.created_at for key in keys)]
    return max([*moments, datetime.fromisoformat(asked)] if asked else moments)


def is_being_checked(domain: SendingDomain, *, now: datetime) -> bool:
    """Has somebody asked for a check that is not done yet?"""
    asked = domain.check_result.get("asked_at")
    return bool(
        domain.check_result.get("running") and asked and now - datetime.fromisoformat(asked) < RUNNING_AT_MOST
    )


def _of_keys(findings: Mapping[str, Finding]) -> list[Finding]:
    return [finding for key, finding in findings.items() if key.startswith("dkim:")]


def _is_fresh(findings: Mapping[str, Finding]) -> bool:
    """Did the DNS tell about every record that proves the domain?"""
    return not any(finding.is_stale for finding in (findings.get("ownership", UNKNOWN), *_of_keys(findings)))
