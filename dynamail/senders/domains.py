"""Sending domains: added by a member, proved by their DNS, checked again on a schedule.

1. `add_domain` makes two DKIM keys and a token; `domain_records.py` says what to publish.
2. `domain_checks.py` asks the DNS, outside of any transaction; `record_findings` writes down what it means.
3. `may_stand_in_from` is asked before mail is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.accounts.roles import Role
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.dkim import DkimAlgorithm, format_public_record, generate_private_key
from dynamail.senders.dkim_keys import seal_private_key
from dynamail.senders.domain_checks import UNKNOWN, Finding
from dynamail.senders.domain_names import (
    LABEL,
    is_of_installation,
    iter_parents,
    read_domain_name,
    refuse_installation_name,
    write_domain_name,
)
from dynamail.senders.domain_records import KEEP_RETIRED, make_selector_tag
from dynamail.senders.domain_states import (
    choose_next_check,
    is_being_checked,
    judge,
    merge_findings,
    plan_keys,
    read_findings,
    write_findings,
)
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DkimKey, RoutingRule, Sender, SendingDomain, Transport

MOST_DOMAINS = 200  # of one account
CLAIM_LASTS = timedelta(minutes=15)  # then another worker may check a domain whose worker was killed
RESERVED_LABELS = frozenset(("www", "mail", "mx", "ns1", "ns2", "autodiscover", "autoconfig", "mta-sts"))

_SELECTOR = re.compile(r"dm(\d+)[re]-")
_LETTERS = {DkimAlgorithm.RSA: "r", DkimAlgorithm.ED25519: "e"}


# ── verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_domain(account: Account, *, name: str, by: Member, now: datetime) -> SendingDomain:
    """A new domain with its keys; its first check is under way. Raises SenderError."""
    name = read_domain_name(name)
    if is_of_installation(name) and not by.user.is_staff:
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
    record_audit(account.pk, by=by, action="sending_domain.added", subject=domain, name=name)
    start_check(domain, now=now)
    return domain


@transaction.atomic
def remove_domain(domain: SendingDomain, *, by: Member) -> None:
    """Its keys are gone for good; mail from it leaves no more."""
    record_audit(domain.account_id, by=by, action="sending_domain.removed", subject=domain, name=domain.name)
    domain.delete()


@transaction.atomic
def rotate_keys(domain: SendingDomain, *, by: Member, now: datetime) -> None:
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
    domain: SendingDomain, *, return_path: str, tracking: str, by: Member, now: datetime
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
    if find_verified_domain(account_id, domain) is not None:
        return True
    senders = Sender.objects.for_account(account_id).filter(email__iexact=email, verified_at__isnull=False)
    return not leaves and senders.exists()


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


@transaction.atomic
def record_findings(
    checked: SendingDomain, new: Mapping[str, Finding], *, now: datetime
) -> SendingDomain | None:
    """Write down what a check found and what follows. None when the domain was removed or renamed its hosts meanwhile.

    Run inside the account's scope. The owner is told by mail when the domain begins to fail and when it is lost.
    """
    rows = SendingDomain.objects.for_account(checked.account_id).filter(
        pk=checked.pk, return_path_label=checked.return_path_label, tracking_label=checked.tracking_label
    )
    domain: SendingDomain | None = rows.select_for_update().first()
    if domain is None:
        return None
    findings = merge_findings(read_findings(domain), new)
    before, was_failing = domain.state, domain.failing_since is not None
    verdict = judge(domain, findings, now=now)
    domain.state, domain.failing_since = verdict.state, verdict.failing_since
    domain.verified_at = verdict.verified_at
    domain.return_path_verified_at = _stamp(domain.return_path_verified_at, findings.get("return_path"), now)
    domain.tracking_verified_at = _stamp(domain.tracking_verified_at, findings.get("tracking"), now)
    keys = _apply_key_plan(domain, findings, now)
    asked_at = domain.check_result.get("asked_at")
    domain.check_result = {"findings": write_findings(findings), "asked_at": asked_at}
    domain.checked_at = now
    domain.check_due_at = choose_next_check(domain, findings, keys, now=now)
    domain.save(
        update_fields=[
            "state",
            "failing_since",
            "verified_at",
            "return_path_verified_at",
            "tracking_verified_at",
            "check_result",
            "checked_at",
            "check_due_at",
        ]
    )
    _report_change(domain, before=before, was_failing=was_failing)
    return domain


def _stamp(before: datetime | None, finding: Finding | None, now: datetime) -> datetime | None:
    return (before or now) if (finding or UNKNOWN).is_right else None


def _apply_key_plan(domain: SendingDomain, findings: Mapping[str, Finding], now: datetime) -> list[DkimKey]:
    keys = list_current_keys(domain)
    planned = plan_keys(keys, findings)
    for key in keys:
        if state := planned.get(key.pk):
            key.state = state
            if state == DkimKey.State.ACTIVE:
                key.activated_at = now
            if state == DkimKey.State.RETIRED:
                key.retired_at = now
            key.save(update_fields=["state", "activated_at", "retired_at"])
    _forget_old_keys(domain, now)
    return keys


def _forget_old_keys(domain: SendingDomain, now: datetime) -> None:
    """The page has said for as long again that the record may go."""
    rows = DkimKey.objects.for_account(domain.account_id).filter(domain=domain, state=DkimKey.State.RETIRED)
    rows.filter(retired_at__lt=now - 2 * KEEP_RETIRED).delete()


def _report_change(domain: SendingDomain, *, before: str, was_failing: bool) -> None:
    states = SendingDomain.State
    if domain.state != before:
        action = "sending_domain.verified" if domain.state == states.VERIFIED else "sending_domain.lost"
        record_audit(domain.account_id, by=None, action=action, subject=domain, name=domain.name)
    if domain.state == states.VERIFIED and before != states.VERIFIED:
        _verify_senders_at(domain)
    if domain.state == states.LOST and before != states.LOST:
        _tell_owners(domain, is_lost=True)
    elif domain.failing_since and not was_failing:
        _tell_owners(domain, is_lost=False)


def _verify_senders_at(domain: SendingDomain) -> None:
    """Who controls a domain's DNS controls its addresses: no mailed link is needed."""
    keys = [sender.pk for sender in list_senders_at(domain) if sender.verified_at is None]
    Sender.objects.for_account(domain.account_id).filter(pk__in=keys).update(verified_at=domain.verified_at)


def _tell_owners(domain: SendingDomain, *, is_lost: bool) -> None:
    """Through the installation's own mail, in the transaction of the change."""
    link = settings.PUBLIC_URL + reverse("sending_domain", args=[domain.public_id])
    owners = Member.objects.for_account(domain.account_id).filter(role=Role.OWNER).select_related("user")
    for owner in owners:
        with translation.override(owner.user.language):
            name = write_domain_name(domain.name)
            if is_lost:
                subject = _("%s may not send any more") % name
                text = _(
                    "The DNS records that prove the domain have been missing for three days. "
                    "Campaigns from it cannot be launched until they are back."
                )
            else:
                subject = _("The DNS records of %s are missing") % name
                text = _(
                    "We no longer find the DNS records that prove the domain. Mail still leaves, but in three days it will "
                    "be stopped. Did something change at your DNS provider? We keep looking every hour."
                )
            body = f"{text}\n\n{_('See what is missing:')} {link}\n"
            EmailMessage(subject, body, to=[owner.user.email]).send()


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
