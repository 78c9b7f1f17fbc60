"""What has passed its time goes: technical data of sign-ins (P2.1) and invitations that nobody accepted (P6.1)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.db import transaction

from dynamail.accounts.models import Invitation, SignIn
from dynamail.lib.personal_data import RETENTION_DAYS, Retention

IP_WHOLE_FOR = timedelta(days=7)
IPV4_KEPT_BITS, IPV6_KEPT_BITS = 24, 48
ATTEMPTS_KEPT_FOR = timedelta(days=1)
BATCH = 1000  # rows per transaction: short locks


@dataclass(frozen=True)
class RetentionRun:
    """What one run did."""

    ips_truncated: int
    sign_ins_deleted: int
    invitations_deleted: int
    failed_attempts_deleted: int


def run_retention(*, now: datetime) -> RetentionRun:
    """Enforce the periods. Safe to repeat and to interrupt."""
    return RetentionRun(
        ips_truncated=truncate_ips(now=now),
        sign_ins_deleted=delete_old_sign_ins(now=now),
        invitations_deleted=delete_old_invitations(now=now),
        failed_attempts_deleted=delete_old_attempts(now=now),
    )


def truncate_ips(*, now: datetime) -> int:
    """Shorten addresses that were noted more than seven days ago to their network."""
    due = SignIn.objects.filter(last_seen_at__lt=now - IP_WHOLE_FOR, ip__isnull=False, ip_truncated=False)
    total = 0
    while batch := list(due.order_by("pk").values_list("pk", "ip", "last_seen_at")[:BATCH]):
        with transaction.atomic():
            for pk, ip, seen_at in batch:
                # A request may note a new address meanwhile; its time has not passed.
                SignIn.objects.filter(pk=pk, last_seen_at=seen_at).update(
                    ip=truncate_ip(str(ip)), ip_truncated=True
                )
        total += len(batch)
    return total


def delete_old_sign_ins(*, now: datetime) -> int:
    """Rows older than 90 days go, also those of a session that still lives: its next request starts a new row."""
    limit = now - timedelta(days=RETENTION_DAYS[Retention.TECHNICAL] or 0)
    return SignIn.objects.filter(created_at__lt=limit).delete()[0]


def delete_old_invitations(*, now: datetime) -> int:
    """Invitations nobody accepted within 14 days, and those revoked: an address that we have no more reason to know."""
    limit = now - timedelta(days=RETENTION_DAYS[Retention.UNCONFIRMED] or 0)
    rows = Invitation.objects.across_accounts(reason="retention of every account")
    return rows.filter(created_at__lt=limit, accepted_at=None, expires_at__lt=now).delete()[0]


def delete_old_attempts(*, now: datetime) -> int:
    """Failed sign-ins are of use for minutes; after a day they only name people."""
    return AccessAttempt.objects.filter(attempt_time__lt=now - ATTEMPTS_KEPT_FOR).delete()[0]


def truncate_ip(ip: str) -> str:
    """192.0.2.77 → 192.0.2.0; 2001:db8:1:2::3 → 2001:db8:1::"""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = IPV4_KEPT_BITS if address.version == 4 else IPV6_KEPT_BITS
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address)
