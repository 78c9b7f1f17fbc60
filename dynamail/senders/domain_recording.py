"""Writing down what a check found: the domain's state, its keys, its senders; the owner is told what matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Member
from dynamail.accounts.roles import Role
from dynamail.senders.domain_checks import UNKNOWN, Finding
from dynamail.senders.domain_names import write_domain_name
from dynamail.senders.domain_records import KEEP_RETIRED
from dynamail.senders.domain_states import (
    choose_next_check,
    judge,
    merge_findings,
    plan_keys,
    read_findings,
    write_findings,
)
from dynamail.senders.domains import list_current_keys, list_senders_at
from dynamail.senders.models import DkimKey, Sender, SendingDomain


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
    retired = {f"dkim:{key.selector}" for key in keys if key.state == DkimKey.State.RETIRED}
    findings = {key: finding for key, finding in findings.items() if key not in retired}
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
