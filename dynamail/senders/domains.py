"""Sending domains: added by a member, proved by their DNS, checked again on a schedule.

1. `add_domain` makes two DKIM keys and a token; `domain_records.py` says what to publish.
2. `domain_checks.py` asks the DNS, outside of any transaction; `domain_recording.py` writes down what it means.
3. `may_stand_in_from` is asked before mail is accepted.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from procrastinate.contrib.django import app

from dynamail.accounts.audit import Actor, find_user, record_audit
from dynamail.accounts.models import Account
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.dkim import DkimAlgorithm, format_public_record, generate_private_key
from dynamail.senders.dkim_keys import seal_private_key
from dynamail.senders.domain_names import (
    LABEL,
    is_of_installation,
    iter_parents,
    read_domain_name,
    refuse_installation_name,
    write_domain_name,
)
from dynamail.senders.domain_records import make_selector_tag
from dynamail.senders.domain_states import is_being_checked
from dynamail.senders.errors import SenderError
from dynamail.senders.from_rules import FromFault, judge_from
from dynamail.senders.models import DkimKey, RoutingRule, Sender, SendingDomain, Transport

MOST_DOMAINS = 200  # of one account
CLAIM_LASTS = timedelta(minutes=15)  # then another worker may check a domain whose worker was killed
RESERVED_LABELS = frozenset(("www", "mail", "mx", "ns1", "ns2", "autodiscover", "autoconfig", "mta-sts"))


_FAULTS = {
    FromFault.SENDER_UNVERIFIED: gettext_lazy(
        "%(email)s is not verified as a sender of this account. Where it is no sender yet, add it on the page Senders; then open the link that is mailed to it."
    ),
    FromFault.DOMAIN_UNVERIFIED: gettext_lazy(
        "Mail leaves only from verified domains, and %(domain)s is none yet. Add it and publish its DNS records."
    ),
    FromFault.FREE_MAIL: gettext_lazy(
        "%(domain)s is a public mail service that lets only its own servers send. Choose a sender at a domain of your own."
    ),
}
_SELECTOR = re.compile(r"dm(\d+)[re]-")
_LETTERS = {DkimAlgorithm.RSA: "r", DkimAlgorithm.ED25519: "e"}


# ── verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_domain(account: Account | int, *, name: str, by: Actor, now: datetime) -> SendingDomain:
    """A new domain with its keys; its first check is under way. Raises SenderError."""
    name = read_domain_name(name)
    user = find_user(by)
    if is_of_installation(name) and not (user and user.is_staff):
        raise refuse_installation_name()
    rows = SendingDomain.objects.for_account(account)
    if rows.count() >= MOST_DOMAINS:
        raise SenderError("too_many_domains", _("An account has at most %d sending domains.") % MOST_DOMAINS)
    try:
        with transaction.atomic():
            domain: SendingDomain = SendingDomain.objects.add(
                account, name=name, created_at=now, check_due_at=now
            )
    except IntegrityError:
        raise SenderError("domain_exists", gettext_lazy("This domain is in the list already.")) from None
    _make_keys(domain, number=1, now=now)
    record_audit(domain.account_id, by=by, action="sending_domain.added", subject=domain, name=name)
    start_check(domain, now=now)
    return domain


@transaction.atomic
def remove_domain(domain: SendingDomain, *, by: Actor) -> None:
    """Its keys are gone for good; mail from it leaves no more."""
    record_audit(domain.account_id, by=by, action="sending_domain.removed", subject=domain, name=domain.name)
    domain.delete()


@transaction.atomic
def rotate_keys(domain: SendingDomain, *, by: Actor, now: datetime) -> None:
    """New keys, which sign as soon as their records are seen; until then the present ones do. Raises SenderError."""
    keys = list(DkimKey.objects.for_account(domain.account_id).filter(domain=domain).select_for_update())
    if domain.state != SendingDomain.State.VERIFIED:
        raise SenderError("domain_not_verified", gettext_lazy("Publish the present keys first."))
    if any(key.state == DkimKey.State.UPCOMING and key.activated_at is None for key in keys):
        raise SenderError(
            "rotation_under_way", gettext_lazy("There are new keys already. Publish their records first.")
        )
    number = 1 + max((int(match[1]) for key in keys if (match := _SELECTOR.match(key.selector))), default=0)
    _make_keys(domain, number=number, now=now)
    SendingDomain.objects.for_account(domain.account_id).filter(pk=domain.pk).update(check_due_at=now)
    record_audit(
        domain.account_id, by=by, action="sending_domain.keys_rotated", subject=domain, name=domain.name
    )


@transaction.atomic
def change_labels(
    domain: SendingDomain, *, return_path: str, tracking: str, by: Actor, now: datetime
) -> None:
    """Other names for the hosts below the domain; what was verified under the former name is not any more. Raises SenderError."""
    return_path, tracking = _check_label(return_path), _check_label(tracking)
    if return_path == tracking:
        raise SenderError(
            "labels_equal",
            gettext_lazy("Bounces and links need two different names: each has a record of its own."),
        )
    changes: dict[str, object] = {"return_path_label": return_path, "tracking_label": tracking}
    if return_path != domain.return_path_label:
        changes["return_path_verified_at"] = None
    if tracking != domain.tracking_label:
        changes["tracking_verified_at"] = None
    SendingDomain.objects.for_account(domain.account_id).filter(pk=domain.pk).update(**changes)
    record_audit(
        domain.account_id,
        by=by,
        action="sending_domain.changed",
        subject=domain,
        return_path=return_path,
        tracking=tracking,
    )
    domain.refresh_from_db()
    start_check(domain, now=now)


@transaction.atomic
def start_check(domain: SendingDomain, *, now: datetime) -> None:
    """Check in the background, and often for the next hour; the page watches `check_result`."""
    if is_being_checked(domain, now=now):
        return
    result = {**domain.check_result, "running": True, "asked_at": now.isoformat()}
    SendingDomain.objects.for_account(domain.account_id).filter(pk=domain.pk).update(check_result=result)
    domain.check_result = result
    app.configure_task("senders.check_domain").defer(account_id=domain.account_id, domain_id=domain.pk)


# ── what others ask ──────────────────────────────────────────────────────────────────────────────────────────────────
def may_stand_in_from(account_id: int, email: str, *, leaves: bool) -> bool:
    """May this account send as `email`? Mail that leaves needs a verified domain; what stays in the Mailbox, a verified sender."""
    try:
        domain = parse_address(email).domain
    except AddressError:
        return False
    return _judge(account_id, email, domain, leaves=leaves) is None


def find_from_fault(account_id: int, email: str) -> FromFault | None:
    """Why the account may not send as `email` the way its mail goes now; None when it may."""
    try:
        domain = parse_address(email).domain
    except AddressError:
        domain = email.rpartition("@")[2].lower()
    return _judge(account_id, email, domain, leaves=may_leave(account_id))


def _judge(account_id: int, email: str, domain: str, *, leaves: bool) -> FromFault | None:
    senders = Sender.objects.for_account(account_id).filter(email__iexact=email, verified_at__isnull=False)
    return judge_from(
        domain,
        domain_verified=find_verified_domain(account_id, domain) is not None,
        sender_verified=not leaves and senders.exists(),
        leaves=leaves,
    )


def explain_from_fault(fault: FromFault, email: str) -> str:
    """The sentence for the member, with what to do."""
    return str(_FAULTS[fault]) % {"email": email, "domain": email.rpartition("@")[2]}


def find_verified_domain(account_id: int, name: str) -> SendingDomain | None:
    """The account's verified domain that is `name` (A-labels) or its nearest parent."""
    rows = SendingDomain.objects.for_account(account_id).filter(
        name__in=iter_parents(name), state=SendingDomain.State.VERIFIED
    )
    return max(rows, key=lambda row: len(row.name), default=None)


def may_leave(account_id: int) -> bool:
    """Could some of this account's mail leave this server?"""
    default = Transport.objects.for_account(account_id).filter(is_default=True, is_enabled=True)
    return default.exists() or RoutingRule.objects.for_account(account_id).exists()


def list_senders_at(domain: SendingDomain) -> list[Sender]:
    """The account's senders whose address is at the domain or below it."""
    below = Q(email__iendswith=f"@{domain.name}") | Q(email__iendswith=f".{domain.name}")
    shown = write_domain_name(domain.name)
    if shown != domain.name:
        below |= Q(email__iendswith=f"@{shown}") | Q(email__iendswith=f".{shown}")
    return list(Sender.objects.for_account(domain.account_id).filter(below).order_by("email"))


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def claim_due_domains(*, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Account and key of domains whose time has come; nobody else gets them for a while."""
    rows = SendingDomain.objects.across_accounts(reason="scheduled checks of all domains")
    with transaction.atomic():
        due = list(
            rows.filter(check_due_at__lte=now)
            .order_by("check_due_at")
            .select_for_update(skip_locked=True)
            .values_list("account_id", "pk")[:limit]
        )
        rows.filter(pk__in=[key for _account, key in due]).update(check_due_at=now + CLAIM_LASTS)
    return due


def list_current_keys(domain: SendingDomain) -> list[DkimKey]:
    """The keys whose records are to be published now, oldest first."""
    rows = DkimKey.objects.for_account(domain.account_id).filter(domain=domain)
    return list(rows.exclude(state=DkimKey.State.RETIRED).order_by("pk"))


def list_retired_keys(domain: SendingDomain) -> list[DkimKey]:
    rows = DkimKey.objects.for_account(domain.account_id).filter(domain=domain, state=DkimKey.State.RETIRED)
    return list(rows.order_by("pk"))


# ── keys and labels ──────────────────────────────────────────────────────────────────────────────────────────────────
def _make_keys(domain: SendingDomain, *, number: int, now: datetime) -> None:
    tag = make_selector_tag(domain.account_id, domain.name)
    for algorithm in DkimAlgorithm:
        selector = f"dm{number}{_LETTERS[algorithm]}-{tag}"
        private_key = generate_private_key(algorithm)
        DkimKey.objects.add(
            domain.account_id,
            domain=domain,
            algorithm=algorithm.value,
            selector=selector,
            public_record=format_public_record(private_key),
            private_key_sealed=seal_private_key(domain.account_id, domain.name, selector, private_key),
            created_at=now,
        )


def _check_label(text: str) -> str:
    label = text.strip().lower()
    if not LABEL.fullmatch(label):
        raise SenderError(
            "label_invalid", gettext_lazy("Write one word of letters, digits and hyphens, such as “bounce”.")
        )
    if label in RESERVED_LABELS:
        raise SenderError(
            "label_reserved", gettext_lazy("This name usually belongs to something else. Choose another one.")
        )
    return label
