"""The message to the owners of an account whose webhook was switched off."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from dynamail.accounts.models import Member, User
from dynamail.accounts.roles import Role
from dynamail.accounts.tenancy import account_scope
from dynamail.messages.system_mail import accept_system_mail
from dynamail.webhooks.models import WebhookEndpoint


def tell_owners(endpoint: WebhookEndpoint, *, now: datetime) -> int:
    """One mail to each owner, in their language, in the transaction that switched it off. Returns how many."""
    with account_scope(endpoint.account_id):
        members = Member.objects.for_account(endpoint.account_id).filter(role=Role.OWNER)
        owners = [member.user for member in members.select_related("user") if member.user.is_active]
    for owner in owners:
        with translation.override(owner.language):
            accept_system_mail(_write(endpoint, owner))
    return len(owners)


def _write(endpoint: WebhookEndpoint, owner: User) -> EmailMessage:
    reasons = {
        "gone": _("The server answered that nobody wants these messages any more (410 Gone)."),
        "failing": _("It has not taken a single message for days, however often we tried."),
    }
    link = f"{settings.PUBLIC_URL}/developers/webhooks/{endpoint.public_id}/"
    paragraphs = [
        _("Hello %s,") % owner,
        _("A webhook of %(account)s was switched off: %(url)s")
        % {"account": endpoint.account.name, "url": endpoint.url},
        reasons.get(endpoint.why, ""),
        _("What has not been delivered waits. See what failed, and switch it on again, here:") + f"\n{link}",
    ]
    body = "\n\n".join(filter(None, paragraphs)) + "\n"
    subject = _("A webhook of %s was switched off") % endpoint.account.name
    return EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [owner.email])
