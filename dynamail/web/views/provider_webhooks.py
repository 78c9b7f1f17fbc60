"""Where providers report what became of mail that left through their API."""

from __future__ import annotations

import hmac
import logging

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.feedback.provider_events import UnreadableEvents, read_provider_events, reports_by_webhook
from dynamail.feedback.receiving import take_provider_finding
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import UnknownId
from dynamail.lib.sealing import CannotOpen
from dynamail.senders.credentials import WEBHOOK_SECRET, open_provider_settings
from dynamail.senders.models import Transport
from dynamail.web.access import public_page

log = logging.getLogger(__name__)


@public_page
@csrf_exempt  # the caller is a server; the secret in the address is its proof
@never_cache
@require_http_methods(["POST", "HEAD"])
def take_provider_webhook(request: HttpRequest, account: str, transport: str, secret: str) -> HttpResponse:
    """200 after COMMIT, so that a provider repeats what we could not keep, or what is about a message that is still being sent. A wrong
    address does not exist."""
    row = _find_transport(account, transport, secret)
    if request.method == "HEAD":
        return HttpResponse()  # some providers try the address before they save it
    try:
        events = read_provider_events(row.provider, request)
    except UnreadableEvents as error:
        log.warning("a webhook of %s was not understood: %s", row.provider, error)
        return HttpResponseBadRequest("This is not what the provider's webhooks look like.\n")
    is_early = False
    for event in events:
        with account_scope(row.account_id):
            taken = take_provider_finding(
                event.message_id, event.finding, account_id=row.account_id, now=utc_now()
            )
        is_early = is_early or taken.is_early
    return HttpResponse(status=503, headers={"Retry-After": "60"}) if is_early else HttpResponse()


def find_webhook_path(transport: Transport) -> str:
    """What to enter at the provider, below PUBLIC_URL; "" when it reports nothing or the settings cannot be opened."""
    if not reports_by_webhook(transport.provider):
        return ""
    try:
        secret = open_provider_settings(transport).get(WEBHOOK_SECRET, "")
    except CannotOpen:
        return ""
    arguments = [transport.account.public_id, transport.public_id, secret]
    return reverse("provider_webhook", args=arguments) if secret else ""


def _find_transport(account: str, transport: str, secret: str) -> Transport:
    try:
        owner = Account.objects.filter(uid=Account.uid_from(account)).first()
        uid = Transport.uid_from(transport)
    except UnknownId:
        raise Http404 from None
    if owner is None:
        raise Http404
    with account_scope(owner.pk):
        row = Transport.objects.for_account(owner).filter(uid=uid, kind=Transport.Kind.API).first()
        if row is None or not reports_by_webhook(row.provider) or not _knows_secret(row, secret):
            raise Http404
        return row


def _knows_secret(transport: Transport, secret: str) -> bool:
    try:
        known = open_provider_settings(transport).get(WEBHOOK_SECRET, "")
    except CannotOpen:
        return False
    return bool(known) and hmac.compare_digest(known.encode(), secret.encode())


urlpatterns = [
    path("hooks/<str:account>/<str:transport>/<str:secret>/", take_provider_webhook, name="provider_webhook"),
]
